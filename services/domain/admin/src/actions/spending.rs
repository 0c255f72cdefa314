//! What was spent, beside its caps (F5).

use std::collections::BTreeMap;

use config::{Money, Site, Spend};
use ipc::pbx::{Payer, Status};
use schemars::JsonSchema;
use serde::Serialize;

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

/// What was spent, beside its caps. Money in hundredths of `currency`.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Spending {
    /// ISO 4217, or as it is written before an amount.
    currency: String,
    spending: Vec<SpentBy>,
    minutes: Vec<MinutesOf>,
}

/// What one payer has spent; a cap that is not there is null.
#[derive(Serialize, JsonSchema)]
struct SpentBy {
    /// `box`, `trunk`, `extension`.
    payer: &'static str,
    /// Of the trunk or the extension.
    name: String,
    day_cents: u64,
    day_cap: Option<u64>,
    week_cents: u64,
    week_cap: Option<u64>,
    month_cents: u64,
    month_cap: Option<u64>,
}

/// Minutes of a class of calls.
#[derive(Serialize, JsonSchema)]
struct MinutesOf {
    class: ipc::site::Class,
    today: u64,
    cap: Option<u64>,
}

fn view(site: &Site, status: Status) -> Spending {
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
    let minutes = classes.into_iter().map(|class| MinutesOf {
        class,
        today: spoken.get(&class).copied().unwrap_or_default(),
        cap: caps.get(&class).copied().map(u64::from),
    });
    Spending {
        currency: site.dialling.plan().currency().to_owned(),
        spending: rows.collect(),
        minutes: minutes.collect(),
    }
}

/// Hundredths of the currency; a cap that is not there is null.
fn row(site: &Site, payer: &Payer, [day, week, month]: [u64; 3]) -> SpentBy {
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
    SpentBy {
        payer: kind,
        name: name.to_owned(),
        day_cents: day,
        day_cap: cap(of_day),
        week_cents: week,
        week_cap: cap(of_week),
        month_cents: month,
        month_cap: cap(of_month),
    }
}
