use ipc::site;

use super::*;
use crate::example::{office, route};

fn talk(class: Class, minutes: u64, cents: u32) -> Talk {
    Talk {
        class,
        minutes,
        cents,
    }
}

fn worst(change: impl FnOnce(&mut site::Site), number: &str) -> WorstCase {
    let mut raw = office();
    change(&mut raw);
    let site = Site::parse(&raw).expect("a valid office");
    worst_case(&site, site.extension(number).expect("exists"))
}

#[test]
fn a_desk_of_the_office_costs_its_two_lines_on_mobiles_up_to_the_cap() {
    // Two calls around the clock are 2,880 minutes; mobiles cost 50 cents, capped at 3,000.
    let worst = worst(|_| {}, "100");
    assert_eq!(worst.calls, 2);
    assert_eq!(worst.minutes, [talk(Class::Mobile, 2_880, 50)]);
    assert_eq!(worst.cents, 2_880 * 50);
    // Before that its own purse of a day ends it.
    assert_eq!(worst.cap_cents, Some(20_000));
    assert_eq!(worst.lost_cents(), 20_000);
    assert!(!worst.generic);
}

#[test]
fn a_desk_that_may_do_all_costs_what_the_caps_of_the_box_let_through() {
    let worst = worst(|_| {}, "103");
    // 60 minutes of premium at 4.00, 120 abroad at 3.00, the rest on mobiles at 0.50.
    assert_eq!(
        worst.minutes,
        [
            talk(Class::Premium, 60, 400),
            talk(Class::International, 120, 300),
            talk(Class::Mobile, 2_700, 50),
        ]
    );
    assert_eq!(worst.cents, 60 * 400 + 120 * 300 + 2_700 * 50);
}

#[test]
fn what_no_route_reaches_costs_nothing() {
    let nothing = worst(|raw| raw.routes.clear(), "103");
    assert_eq!((nothing.minutes, nothing.cents), (Vec::new(), 0));
    let local = worst(|raw| raw.routes.truncate(1), "103");
    assert_eq!(local.minutes, [talk(Class::Local, 2_880, 10)]);
    // Without a country there is no abroad. Premium is still reached without its own route: the
    // one for other areas takes 0300 and seven digits too.
    let nowhere = worst(
        |raw| {
            raw.dialling.countries.clear();
            raw.routes.remove(4);
        },
        "103",
    );
    let classes: Vec<_> = nowhere.minutes.iter().map(|talk| talk.class).collect();
    assert_eq!(classes, [Class::Premium, Class::Mobile]);
}

#[test]
fn rates_and_durations_bound_it_and_generic_routes_show() {
    let worst = worst(
        |raw| {
            let settings = &mut raw.extensions[0].settings;
            settings.limits.per_hour = 1;
            settings.duration_max_secs = 600;
            let carrier = [site::Destination::Trunk("Carrier A".into())];
            raw.routes
                .push(route("any", ".", site::Source::Extensions, &carrier));
        },
        "100",
    );
    assert_eq!(worst.minutes, [talk(Class::Mobile, 240, 50)]);
    assert!(worst.generic);
}

#[test]
fn the_smallest_cap_of_money_bounds_it() {
    let cap = |change: fn(&mut site::Site)| {
        let all = |raw: &mut site::Site| {
            raw.limits.spend = site::Spend::default();
            raw.extensions[0].settings.spend = site::Spend::default();
            change(raw);
        };
        worst(all, "100").cap_cents
    };
    assert_eq!(cap(|_| {}), None);
    assert_eq!(cap(|raw| raw.limits.spend.week_cents = 700), Some(700));
    assert_eq!(
        cap(|raw| raw.extensions[0].settings.spend.month_cents = 9),
        Some(9)
    );
    // A trunk without a cap leaves the way open.
    assert_eq!(cap(|raw| raw.trunks[0].spend.day_cents = 5), None);
    let both = |raw: &mut site::Site| {
        raw.trunks[0].spend.day_cents = 5;
        raw.trunks[1].spend.day_cents = 6;
    };
    assert_eq!(cap(both), Some(11));
}

#[test]
fn the_dearest_number_that_may_be_called_counts_and_set_up_too() {
    let tariff = |prefix: &str, cents| site::Tariff {
        prefix: prefix.into(),
        setup_cents: 2,
        ..site::Tariff::of_class(Class::International, cents)
    };
    let worst = worst(
        |raw| {
            let settings = &mut raw.extensions[3].settings;
            settings.classes = vec![Class::International];
            settings.limits.per_hour = 1;
            let [any, near, far] = [("", 10), ("+351", 30), ("+881", 900)];
            raw.limits.tariffs = [any, near, far].map(|(to, cents)| tariff(to, cents)).into();
        },
        "103",
    );
    assert_eq!(worst.minutes, [talk(Class::International, 120, 30)]);
    assert_eq!(worst.cents, 120 * 30 + 24 * 2);
}
