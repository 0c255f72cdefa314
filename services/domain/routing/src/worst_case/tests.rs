use ipc::site;

use super::*;
use crate::example::{office, route};

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
    assert_eq!(worst.minutes, [(Class::Mobile, 2_880)]);
    assert_eq!(worst.cents, 2_880 * 50);
    assert!(!worst.generic);
}

#[test]
fn a_desk_that_may_do_all_costs_what_the_caps_of_the_box_let_through() {
    let worst = worst(|_| {}, "103");
    // 60 minutes of premium at 4.00, 120 abroad at 3.00, the rest on mobiles at 0.50.
    assert_eq!(
        worst.minutes,
        [
            (Class::Premium, 60),
            (Class::International, 120),
            (Class::Mobile, 2_700),
        ]
    );
    assert_eq!(worst.cents, 60 * 400 + 120 * 300 + 2_700 * 50);
}

#[test]
fn what_no_route_reaches_costs_nothing() {
    let nothing = worst(|raw| raw.routes.clear(), "103");
    assert_eq!((nothing.minutes, nothing.cents), (Vec::new(), 0));
    let local = worst(|raw| raw.routes.truncate(1), "103");
    assert_eq!(local.minutes, [(Class::Local, 2_880)]);
    // Without a country there is no abroad. Premium is still reached without its own route: the
    // one for other areas takes 0300 and seven digits too.
    let nowhere = worst(
        |raw| {
            raw.dialling.countries.clear();
            raw.routes.remove(4);
        },
        "103",
    );
    let classes: Vec<_> = nowhere.minutes.iter().map(|(class, _)| *class).collect();
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
    assert_eq!(worst.minutes, [(Class::Mobile, 240)]);
    assert!(worst.generic);
}
