//! What was spent, beside its caps (F5).

use std::collections::BTreeMap;

use config::{Money, Site, Spend};
use ipc::pbx::{Payer, Status};
use serde_json::{Value, json};

use super::looks::{Range, What};
use crate::admin::{Admin, Caller};
use crate::fault::Fault;
use crate::http::Response;
use crate::step::Step;

/// The box, every trunk, and each extension that has spent something this month.
pub(crate) fn spending(admin: &Admin, caller: Caller) -> Step {
    let Some((_, raw)) = &admin.site else {
        return caller.refuse(&Fault::Starting);
    };
    let Ok(site) = Site::parse(raw) else {
        return caller.refuse(&Fault::Internal);
    };
    Step::Observe(Box::new(move |admin, moment, seen| match seen.pbx {
        Ok(status) => {
            let told = Some((String::new(), Range::default()));
            let show = move |_: &mut Admin, _| {
                Step::Respond(Response::json(200, &view(&site, status)).sealed())
            };
            admin.looked(moment.now, caller, What::Spending, told, show)
        }
        Err(_) => caller.refuse(&Fault::PbxAway),
    }))
}

fn view(site: &Site, status: Status) -> Value {
    let spent = status.spent.into_iter().map(|one| (one.payer, one.cents));
    let mut spent: BTreeMap<Payer, [u64; 3]> = spent.collect();
    spent.entry(Payer::Box).or_default();
    for trunk in &site.trunks {
        spent.entry(Payer::Trunk(trunk.name.clone())).or_default();
    }
    let rows = spent.iter().map(|(payer, cents)| row(site, payer, *cents));
    let spoken: BTreeMap<_, _> = status.minutes.into_iter().collect();
    let caps = &site.limits.minutes_a_day;
    let mut classes: Vec<_> = caps.keys().chain(spoken.keys()).copied().collect();
    classes.sort_unstable();
    classes.dedup();
    let minutes = classes.into_iter().map(|class| {
        json!({
            "class": class,
            "today": spoken.get(&class).copied().unwrap_or_default(),
            "cap": caps.get(&class),
        })
    });
    json!({
        "currency": site.dialling.plan().currency(),
        "spending": rows.collect::<Value>(),
        "minutes": minutes.collect::<Value>(),
    })
}

/// Hundredths of the currency; a cap that is not there is null.
fn row(site: &Site, payer: &Payer, [day, week, month]: [u64; 3]) -> Value {
    let (kind, name, caps) = match payer {
        Payer::Box => ("box", "", site.limits.spend),
        Payer::Trunk(name) => {
            let caps = site.trunk(name).map(|trunk| trunk.spend);
            ("trunk", name.as_str(), caps.unwrap_or_default())
        }
        Payer::Extension(number) => {
            let caps = site.extension(number).map(|it| it.settings.spend);
            ("extension", number.as_str(), caps.unwrap_or_default())
        }
    };
    let Spend {
        day: of_day,
        week: of_week,
        month: of_month,
    } = caps;
    let cap = |money: Option<Money>| money.map(Money::as_cents);
    json!({
        "payer": kind, "name": name,
        "day_cents": day, "day_cap": cap(of_day),
        "week_cents": week, "week_cap": cap(of_week),
        "month_cents": month, "month_cap": cap(of_month),
    })
}
