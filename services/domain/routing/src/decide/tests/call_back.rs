//! Calls back (R18): what a plan says of them, and who may ring for one.

use super::*;
use crate::call_back::called_back;

/// The route for calls from outside calls back.
fn calling_back(change: impl FnOnce(&mut site::Site)) -> Desk {
    Desk::new(|raw| {
        let route = raw.routes.iter_mut().find(|it| it.name == "in");
        route.expect("there").call_back = site::CallBack {
            enabled: true,
            hours: 48,
            ring_secs: 20,
        };
        change(raw);
    })
}

const DAYS: Duration = Duration::from_secs(48 * 3600);
const RING: Duration = Duration::from_secs(20);

fn first(recorded: bool) -> Stage {
    Stage::CallBack {
        within: DAYS,
        ring: RING,
        recorded,
    }
}

#[test]
fn who_had_to_do_with_the_caller_rings_before_the_destinations_of_the_route() {
    let plain = stages(Desk::new(|_| {}).inbound("Carrier A", "30000000"));
    let desk = calling_back(|_| {});
    let mut expected = vec![first(false)];
    expected.extend(plain);
    assert_eq!(stages(desk.inbound("Carrier A", "30000000")), expected);
    let query = desk.query(Who::Trunk("Carrier A"), "30000000", Cause::Dialled);
    let step = Step::CallBack {
        within: DAYS,
        ring: RING,
    };
    assert!(explain(&desk.site, &query).steps.contains(&step));
}

#[test]
fn a_route_that_records_its_calls_records_the_call_back_too() {
    let desk = calling_back(|site| site.routes.last_mut().expect("some").record = true);
    let stages = stages(desk.inbound("Carrier A", "30000000"));
    assert_eq!(stages.first(), Some(&first(true)));
}

#[test]
fn prompts_of_a_recorded_route_are_heard_before_the_call_back() {
    let announced = |record: bool| {
        calling_back(|raw| {
            raw.prompts.push(site::Prompt {
                name: "recorded".into(),
                ..site::Prompt::default()
            });
            let route = raw.routes.last_mut().expect("some");
            route.record = record;
            let prompt = site::Destination::Announcement("recorded".into());
            route.destinations = vec![prompt, site::Destination::Extension("100".into())];
        })
    };
    let kinds = |stages: &[Stage]| -> Vec<&'static str> {
        let kind = |it: &Stage| match it {
            Stage::Announcement(_) => "prompt",
            Stage::CallBack { .. } => "call back",
            _ => "other",
        };
        stages.iter().map(kind).collect()
    };
    let recorded = stages(announced(true).inbound("Carrier A", "30000000"));
    assert_eq!(kinds(&recorded), ["prompt", "call back", "other"]);
    assert_eq!(recorded.get(1), Some(&first(true)));
    let plain = stages(announced(false).inbound("Carrier A", "30000000"));
    assert_eq!(kinds(&plain), ["call back", "prompt", "other"]);
}

/// The announcement may be behind another number, and the second route may record alone.
#[test]
fn prompts_of_a_route_that_the_number_leads_to_are_heard_first_where_it_is_recorded() {
    let through = |first_records: bool| {
        let desk = calling_back(|raw| {
            raw.prompts.push(site::Prompt {
                name: "recorded".into(),
                ..site::Prompt::default()
            });
            let mut other = raw.routes.last().expect("some").clone();
            other.name = "other".into();
            other.pattern = "31000000".into();
            other.record = true;
            let prompt = site::Destination::Announcement("recorded".into());
            other.destinations = vec![prompt, site::Destination::Extension("100".into())];
            let route = raw.routes.last_mut().expect("some");
            route.record = first_records;
            route.destinations = vec![site::Destination::Number("31000000".into())];
            raw.routes.push(other);
        });
        stages(desk.inbound("Carrier A", "30000000"))
    };
    assert_eq!(through(true).get(1), Some(&first(true)));
    assert_eq!(
        through(false).first(),
        Some(&first(false)),
        "it is not recorded"
    );
}

#[test]
fn calls_from_inside_are_not_called_back() {
    let desk = calling_back(|site| {
        let route = site.routes.last_mut().expect("some");
        route.sources.push(site::Source::Extensions);
    });
    let stages = desk.stages("100", "30000000");
    assert!(!stages.iter().any(Stage::is_call_back), "{stages:?}");
    // Nor when a call from outside is sent on by somebody inside.
    let query = desk.query(
        Who::Trunk("Carrier A"),
        "30000000",
        Cause::Transferred("100"),
    );
    let Outcome::Hunt(plan) = decide(&desk.site, &query) else {
        panic!("it rings");
    };
    assert!(!plan.stages.iter().any(Stage::is_call_back));
}

#[test]
fn a_call_that_leads_nowhere_else_ends_as_it_would_without_the_call_back() {
    let desk = calling_back(|raw| {
        let route = raw.routes.last_mut().expect("some");
        route.destinations = vec![site::Destination::Group("600".into())];
        for number in ["100", "101", "102"] {
            settings(raw, number).do_not_disturb = true;
        }
    });
    let stages = stages(desk.inbound("Carrier A", "30000000"));
    assert_eq!(
        stages,
        [first(false), Stage::Refused(Refusal::DoNotDisturb)]
    );
    let desk = calling_back(|raw| {
        let route = raw.routes.last_mut().expect("some");
        route.destinations = vec![site::Destination::HangUp(503)];
    });
    let stages = self::stages(desk.inbound("Carrier A", "30000000"));
    assert_eq!(
        stages,
        [first(false), Stage::Refused(Refusal::ByRoute(503))]
    );
}

#[test]
fn nobody_is_called_back_twice_in_one_call() {
    let desk = calling_back(|site| {
        let mut other = site.routes.last().expect("some").clone();
        other.name = "other".into();
        other.pattern = "31000000".into();
        let first = site.routes.last_mut().expect("some");
        first.destinations = vec![
            site::Destination::Extension("103".into()),
            site::Destination::Number("31000000".into()),
        ];
        site.routes.push(other);
    });
    let stages = stages(desk.inbound("Carrier A", "30000000"));
    assert!(stages.len() > 2, "{stages:?}");
    let asked = stages.iter().filter(|it| it.is_call_back()).count();
    assert_eq!((asked, stages.first()), (1, Some(&first(false))));
}

#[test]
fn an_extension_that_is_gone_or_not_to_be_disturbed_or_elsewhere_is_not_called_back() {
    let desk = Desk::new(|site| {
        settings(site, "101").do_not_disturb = true;
        settings(site, "102").forward.always = "103".into();
        settings(site, "103").forward.busy = "100".into();
    });
    let who = |extension| called_back(&desk.site, extension).map(Number::as_str);
    assert_eq!(who("100"), Some("100"));
    assert_eq!(who("101"), None);
    assert_eq!(who("102"), None);
    assert_eq!(who("103"), Some("103"), "it rings, and its forward waits");
    assert_eq!(who("600"), None, "a group is nobody");
    assert_eq!(who("299"), None);
}
