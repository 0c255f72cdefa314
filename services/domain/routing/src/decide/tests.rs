use std::sync::LazyLock;

use ipc::site;
use proptest::prelude::*;

use super::*;
use crate::decision::{Outbound, TrunkVerdict};
use crate::example::{extension, office, route, trunk};
use crate::forward::{Trigger, forward};
use crate::numbering::Kind;
use crate::usage::Charge;

mod call_back;
mod fraud;

/// Monday, 2026-11-23, 12:00 in São Paulo.
const NOON: UnixTime = UnixTime::from_millis(1_795_446_000_000);
/// The same day, 22:00.
const NIGHT: UnixTime = UnixTime::from_millis(1_795_482_000_000);

fn at(secs: u64) -> Instant {
    Instant::ORIGIN + Duration::from_secs(100_000 + secs)
}

struct Desk {
    site: Site,
    usage: Usage,
    now: UnixTime,
}

impl Desk {
    fn new(change: impl FnOnce(&mut site::Site)) -> Self {
        let mut raw = office();
        change(&mut raw);
        Self {
            site: Site::parse(&raw).expect("a valid office"),
            usage: Usage::default(),
            now: NOON,
        }
    }

    fn query<'a>(&'a self, who: Who<'a>, dialled: &'a str, cause: Cause<'a>) -> Query<'a> {
        Query {
            who,
            dialled,
            now: self.now,
            at: at(0),
            usage: &self.usage,
            cause,
        }
    }

    fn ask(&self, from: &str, dialled: &str) -> Decision {
        explain(
            &self.site,
            &self.query(Who::Extension(from), dialled, Cause::Dialled),
        )
    }

    fn outcome(&self, from: &str, dialled: &str) -> Outcome {
        self.ask(from, dialled).outcome
    }

    fn stages(&self, from: &str, dialled: &str) -> Vec<Stage> {
        stages(self.outcome(from, dialled))
    }

    fn outbound(&self, from: &str, dialled: &str) -> Outbound {
        outbound(self.outcome(from, dialled))
    }

    fn refused(&self, from: &str, dialled: &str, refusal: Refusal) {
        let decision = self.ask(from, dialled);
        assert_eq!(
            decision.outcome,
            Outcome::Refused(refusal),
            "{from} {dialled}"
        );
        assert_eq!(decision.steps.last(), Some(&Step::Refused(refusal)));
    }

    fn inbound(&self, trunk: &str, called: &str) -> Outcome {
        let query = self.query(Who::Trunk(trunk), called, Cause::Dialled);
        decide(&self.site, &query)
    }
}

fn stages(outcome: Outcome) -> Vec<Stage> {
    match outcome {
        Outcome::Hunt(plan) => plan.stages,
        other => panic!("{other:?}"),
    }
}

fn outbound(outcome: Outcome) -> Outbound {
    match stages(outcome).into_iter().next() {
        Some(Stage::Trunks(outbound)) => outbound,
        other => panic!("{other:?}"),
    }
}

fn number(text: &str) -> Number {
    Number::parse(text).expect("digits")
}

fn settings<'a>(site: &'a mut site::Site, number: &str) -> &'a mut site::ExtensionSettings {
    let found = site.extensions.iter_mut().find(|it| it.number == number);
    &mut found.expect("exists").settings
}

fn rings(number: &str) -> Vec<Stage> {
    vec![Stage::Extension {
        number: self::number(number),
        ring: Duration::from_secs(25),
        diverted: Vec::new(),
        recorded: false,
    }]
}

#[test]
fn an_extension_is_called_by_its_number() {
    let desk = Desk::new(|_| {});
    assert_eq!(desk.stages("100", "101"), rings("101"));
    desk.refused("100", "299", Refusal::NoRoute);
    desk.refused("100", "alice", Refusal::NotDialable);
    desk.refused("100", "", Refusal::NotDialable);
    desk.refused("299", "100", Refusal::UnknownCaller);
}

#[test]
fn trunks_are_tried_in_order_each_with_its_form_of_the_number() {
    let outbound = Desk::new(|_| {}).outbound("100", "(32)34-5678");
    let tried: Vec<_> = outbound
        .attempts
        .iter()
        .map(|attempt| (attempt.trunk.as_str(), attempt.number.as_str()))
        .collect();
    assert_eq!(
        tried,
        [("Carrier A", "32345678"), ("Carrier B", "+551132345678")]
    );
    assert_eq!(
        (outbound.kind, outbound.payer),
        (Kind::Local, Some(number("100")))
    );
    assert_eq!(outbound.duration_max, Some(Duration::from_secs(7_200)));
}

#[test]
fn the_number_shown_is_ones_own_else_the_main_one() {
    let desk = Desk::new(|raw| raw.routes[1].rewrite.caller_id = "+551130000001".into());
    let shown = |from: &str, dialled: &str| {
        let outbound = desk.outbound(from, dialled);
        let caller_id = outbound.attempts[0].caller_id.clone();
        (
            caller_id.number.expect("one of ours").to_string(),
            caller_id.withheld,
        )
    };
    assert_eq!(shown("100", "32345678"), ("+551130000000".into(), false));
    assert_eq!(shown("103", "32345678"), ("+551130000001".into(), false));
    assert_eq!(shown("100", "987654321"), ("+551130000001".into(), false));
    assert_eq!(shown("100", "*6732345678"), ("+551130000000".into(), true));
}

#[test]
fn codes_are_features() {
    let desk = Desk::new(|_| {});
    let check = |dialled: &str, feature, argument: &str| {
        let argument = argument.to_owned();
        let expected = Outcome::Feature { feature, argument };
        assert_eq!(desk.outcome("100", dialled), expected, "{dialled}");
    };
    check("*8", Feature::Pickup, "");
    check("**101", Feature::PickupOf, "101");
    check("*72101", Feature::ForwardAlways, "101");
    check("*7232345678", Feature::ForwardAlways, "32345678");
    check("*73", Feature::ForwardAlwaysOff, "");
    check("*78", Feature::DoNotDisturb, "");
    check("700", Feature::Park, "");
    desk.refused("100", "**299", Refusal::NoRoute);
    assert_eq!(desk.outcome("100", "705"), Outcome::Retrieve(number("705")));
    assert_eq!(
        desk.inbound("Carrier A", "*8"),
        Outcome::Refused(Refusal::NoRoute)
    );
    assert_eq!(
        desk.inbound("Carrier A", "705"),
        Outcome::Refused(Refusal::NoRoute)
    );
}

#[test]
fn forwards_that_lead_in_a_circle_end_where_they_began_to() {
    let desk = Desk::new(|raw| {
        settings(raw, "100").forward.always = "101".into();
        settings(raw, "101").forward.always = "100".into();
        settings(raw, "102").forward.always = "102".into();
    });
    let expected = vec![Stage::Extension {
        number: number("101"),
        ring: Duration::from_secs(25),
        diverted: vec![number("100")],
        recorded: false,
    }];
    assert_eq!(desk.stages("103", "100"), expected);
    assert_eq!(desk.stages("103", "102"), rings("102"));
}

#[test]
fn do_not_disturb_is_busy_unless_it_is_forwarded() {
    let desk = Desk::new(|raw| {
        settings(raw, "100").do_not_disturb = true;
        settings(raw, "101").do_not_disturb = true;
        settings(raw, "101").forward.busy = "102".into();
    });
    desk.refused("103", "100", Refusal::DoNotDisturb);
    let stages = desk.stages("103", "101");
    assert!(matches!(&stages[..], [Stage::Extension { number, .. }] if number.as_str() == "102"));
}

#[test]
fn busy_and_unanswered_calls_are_forwarded_once() {
    let desk = Desk::new(|raw| {
        settings(raw, "100").forward.busy = "101".into();
        settings(raw, "101").forward.no_answer = "100".into();
    });
    let query = desk.query(Who::Extension("103"), "100", Cause::Dialled);
    let after = |from: &str, diverted: &[Number], trigger| {
        forward(&desk.site, &query, &number(from), diverted, trigger)
    };
    let busy = after("100", &[], Trigger::Busy).expect("forwarded");
    let stage = stages(busy).remove(0);
    assert!(matches!(stage, Stage::Extension { diverted, .. } if diverted == [number("100")]));
    assert_eq!(after("100", &[], Trigger::NoAnswer), None);
    assert_eq!(after("101", &[number("100")], Trigger::NoAnswer), None);
}

#[test]
fn a_group_rings_as_its_strategy_says() {
    let desk = Desk::new(|raw| settings(raw, "102").do_not_disturb = true);
    let check = |dialled: &str, expected: &[(&str, u64, u64)]| {
        let stages = desk.stages("103", dialled);
        let [Stage::Group { rings, .. }] = stages.as_slice() else {
            panic!("{stages:?}")
        };
        let seen: Vec<_> = rings
            .iter()
            .map(|it| {
                (
                    it.extension.as_str(),
                    it.after.as_secs(),
                    it.lasts.as_secs(),
                )
            })
            .collect();
        assert_eq!(seen, expected, "{dialled}");
    };
    check("600", &[("100", 0, 20), ("101", 0, 20)]);
    check("601", &[("100", 0, 20), ("101", 20, 20)]);
    check("602", &[("100", 0, 20), ("101", 10, 10)]);
}

#[test]
fn who_comes_from_outside_reaches_what_a_route_gives_him() {
    let desk = Desk::new(|_| {});
    let stages = stages(desk.inbound("Carrier A", "30000000"));
    assert!(matches!(
        &stages[..],
        [Stage::Group { .. }, Stage::Extension { .. }]
    ));
    for (trunk, called) in [
        ("Carrier B", "30000000"),
        ("Carrier A", "100"),
        ("Carrier A", "600"),
    ] {
        let refused = Outcome::Refused(Refusal::NoRoute);
        assert_eq!(desk.inbound(trunk, called), refused, "{trunk} {called}");
    }
    let unknown = Outcome::Refused(Refusal::UnknownCaller);
    assert_eq!(desk.inbound("Carrier C", "30000000"), unknown);
}

#[test]
fn direct_dialling_in_takes_the_last_digits() {
    let desk = Desk::new(|raw| {
        let to = [site::Destination::Number(String::new())];
        let mut direct = route("direct", "30001XXX", site::Source::Trunks, &to);
        direct.rewrite.strip = 5;
        raw.routes.push(direct);
    });
    assert_eq!(stages(desk.inbound("Carrier B", "30001101")), rings("101"));
    let nobody = Outcome::Refused(Refusal::NoRoute);
    assert_eq!(desk.inbound("Carrier B", "30001199"), nobody);
}

#[test]
fn times_sources_and_switches_choose_among_routes() {
    let mut desk = Desk::new(|raw| {
        raw.routes[0].times = "office".into();
        raw.routes[0].destinations.truncate(1);
        let mut night = raw.routes[0].clone();
        night.name = "night".into();
        night.times = String::new();
        night.destinations = vec![site::Destination::HangUp(480)];
        raw.routes.insert(1, night);
        let mut off = raw.routes[0].clone();
        off.name = "off".into();
        off.enabled = false;
        raw.routes.insert(0, off);
    });
    assert_eq!(desk.outbound("100", "32345678").attempts.len(), 1);
    desk.now = NIGHT;
    let decision = desk.ask("100", "32345678");
    let verdicts: Vec<_> = decision
        .steps
        .into_iter()
        .filter_map(|step| match step {
            Step::Route { verdict, .. } => Some(verdict),
            _ => None,
        })
        .collect();
    let expected = [
        RouteVerdict::Disabled,
        RouteVerdict::OtherTime("office".into()),
        RouteVerdict::Taken,
    ];
    assert_eq!(verdicts, expected);
    desk.refused("100", "32345678", Refusal::ByRoute(480));
}

#[test]
fn full_and_disabled_trunks_are_passed_over() {
    let mut desk = Desk::new(|raw| raw.trunks[0].channels_max = 1);
    desk.usage.admit(at(0), Charge::inbound("Carrier A"));
    let decision = desk.ask("100", "32345678");
    assert!(decision.steps.contains(&Step::Trunk {
        name: "Carrier A".into(),
        verdict: TrunkVerdict::Full,
    }));
    assert_eq!(outbound(decision.outcome).attempts[0].trunk, "Carrier B");
    let none = Desk::new(|raw| {
        raw.trunks
            .iter_mut()
            .for_each(|trunk| trunk.enabled = false)
    });
    none.refused("100", "32345678", Refusal::BoxBusy);
    none.refused("100", "190", Refusal::NoTrunk);
}

#[test]
fn numbers_that_lead_to_each_other_end() {
    let desk = Desk::new(|raw| {
        let to = |number: &str| [site::Destination::Number(number.into())];
        raw.routes = vec![
            route("a", "801", site::Source::Extensions, &to("802")),
            route("b", "802", site::Source::Extensions, &to("801")),
        ];
    });
    desk.refused("100", "801", Refusal::TooManyTurns);
    let desk = Desk::new(|raw| {
        raw.groups[0].otherwise = Some(site::Destination::Group("601".into()));
        raw.groups[1].otherwise = Some(site::Destination::Group("600".into()));
    });
    assert!(desk.stages("103", "600").len() <= TURNS_MAX + 1);
}

#[test]
fn an_outside_line_digit_is_taken_away_before_the_number_is_read() {
    let desk = Desk::new(|raw| {
        let carrier = [site::Destination::Trunk("Carrier A".into())];
        let mut line = route("line", "0!", site::Source::Extensions, &carrier);
        line.rewrite.strip = 1;
        raw.routes = vec![line];
    });
    assert_eq!(desk.outbound("100", "032345678").kind, Kind::Local);
    assert_eq!(desk.outbound("100", "002132345678").kind, Kind::National);
    desk.refused("100", "000351212345678", Refusal::ClassNotAllowed);
}

/// An office with forwards of every kind, made once for all questions.
static BUSY_OFFICE: LazyLock<Desk> = LazyLock::new(|| {
    Desk::new(|raw| {
        settings(raw, "100").forward.always = "987654321".into();
        settings(raw, "101").do_not_disturb = true;
        settings(raw, "102").classes.clear();
        raw.groups[0].otherwise = Some(site::Destination::Number("32345678".into()));
        let carrier = [site::Destination::Trunk("Carrier A".into())];
        raw.routes
            .push(route("any", "!", site::Source::Extensions, &carrier));
    })
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The explanation tells the decision: what is refused says so last, every trunk that is tried
    /// was looked at, and at most one route of a turn took the call.
    #[test]
    fn the_steps_tell_the_outcome(dialled in "[0-9*#+]{0,16}", from in 100_u32..105, night: bool) {
        let from = from.to_string();
        let query = Query {
            now: if night { NIGHT } else { NOON },
            ..BUSY_OFFICE.query(Who::Extension(&from), &dialled, Cause::Dialled)
        };
        let decision = explain(&BUSY_OFFICE.site, &query);
        prop_assert_eq!(&decision.outcome, &decide(&BUSY_OFFICE.site, &query));
        let taken = decision.steps.iter().filter(|step| {
            matches!(step, Step::Route { verdict: RouteVerdict::Taken, .. })
        });
        let turns = decision.steps.iter().filter(|step| {
            matches!(step, Step::Turn(_) | Step::Forwarded { .. })
        });
        prop_assert!(taken.count() <= 1 + turns.count());
        match &decision.outcome {
            Outcome::Refused(refusal) => {
                prop_assert_eq!(decision.steps.last(), Some(&Step::Refused(*refusal)));
            }
            Outcome::Hunt(plan) => {
                prop_assert!(!plan.stages.is_empty());
                for stage in &plan.stages {
                    let Stage::Trunks(outbound) = stage else { continue };
                    for attempt in &outbound.attempts {
                        let step = Step::Trunk {
                            name: attempt.trunk.clone(),
                            verdict: TrunkVerdict::Tried(attempt.number.clone()),
                        };
                        prop_assert!(decision.steps.contains(&step));
                    }
                }
            }
            Outcome::Feature { feature, .. } => {
                prop_assert!(decision.steps.contains(&Step::Feature(*feature)));
            }
            Outcome::Retrieve(slot) => {
                prop_assert_eq!(decision.steps.last(), Some(&Step::Slot(slot.clone())));
            }
        }
    }

    /// F1, F15: whatever is dialled, an extension without classes reaches nothing outside but
    /// what always passes.
    #[test]
    fn without_a_class_only_emergency_and_services_leave(dialled in "[0-9*+]{1,15}") {
        if let Outcome::Hunt(plan) = BUSY_OFFICE.outcome("102", &dialled) {
            for stage in plan.stages {
                if let Stage::Trunks(outbound) = stage {
                    prop_assert!(matches!(outbound.kind, Kind::Emergency | Kind::Service));
                }
            }
        }
    }
}

#[test]
fn what_a_route_that_records_leads_to_is_recorded_and_nothing_else() {
    let desk = Desk::new(|raw| {
        let route = |name: &str, pattern: &str, to: Vec<site::Destination>, record| site::Route {
            name: name.into(),
            pattern: pattern.into(),
            destinations: to,
            record,
            ..site::Route::default()
        };
        raw.routes = vec![
            route(
                "outer",
                "55",
                vec![
                    site::Destination::Extension("100".into()),
                    site::Destination::Number("56".into()),
                    site::Destination::Extension("102".into()),
                ],
                false,
            ),
            route(
                "inner",
                "56",
                vec![site::Destination::Extension("101".into())],
                true,
            ),
        ];
        settings(raw, "101").forward.always = "103".into();
    });
    let recorded = |stages: Vec<Stage>| -> Vec<(String, bool)> {
        let row = |stage| match stage {
            Stage::Extension {
                number, recorded, ..
            } => (number.to_string(), recorded),
            other => panic!("not an extension: {other:?}"),
        };
        stages.into_iter().map(row).collect()
    };
    let row = |number: &str, recorded| (number.to_owned(), recorded);
    assert_eq!(
        recorded(desk.stages("102", "55")),
        [row("100", false), row("103", true), row("102", false)]
    );
    let steps = desk.ask("102", "55").steps;
    assert_eq!(steps.iter().filter(|it| **it == Step::Recorded).count(), 1);
    assert_eq!(recorded(desk.stages("102", "103")), [row("103", false)]);
}
