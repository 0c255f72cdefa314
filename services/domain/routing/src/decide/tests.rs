use ipc::site;
use proptest::prelude::*;

use super::*;
use crate::decision::{Outbound, TrunkVerdict};
use crate::example::{extension, office, route, trunk};
use crate::forward::{Trigger, forward};
use crate::numbering::Kind;
use crate::usage::Charge;

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
        decide(
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
        decide(&self.site, &query).outcome
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
fn classes_decide_what_an_extension_may_call() {
    // F1: premium and international are off unless somebody switches them on.
    let desk = Desk::new(|raw| settings(raw, "101").classes = vec![site::Class::Internal]);
    desk.refused("100", "0900123456", Refusal::ClassNotAllowed);
    desk.refused("100", "00351212345678", Refusal::ClassNotAllowed);
    desk.refused("101", "32345678", Refusal::ClassNotAllowed);
    assert_eq!(desk.stages("101", "100"), rings("100"));
    assert_eq!(desk.outbound("103", "0900123456").kind, Kind::Premium);
}

#[test]
fn a_class_cannot_be_dodged_by_the_way_a_number_is_dialled() {
    let desk = Desk::new(|raw| {
        let carrier = [site::Destination::Trunk("Carrier A".into())];
        raw.routes
            .push(route("any", "!", site::Source::Extensions, &carrier));
    });
    for dialled in [
        "+351212345678",
        "0000351212345678",
        "0351212345678123",
        "+18765551234",
    ] {
        desk.refused("100", dialled, Refusal::ClassNotAllowed);
    }
}

#[test]
fn only_listed_countries_are_called() {
    // F2.
    let desk = Desk::new(|_| {});
    assert_eq!(
        desk.outbound("103", "00351212345678").country.as_deref(),
        Some("351")
    );
    desk.refused("103", "00442071234567", Refusal::CountryNotAllowed);
    desk.refused("103", "0018765551234", Refusal::CountryNotAllowed);
}

#[test]
fn abroad_is_not_called_outside_office_hours() {
    // F6.
    let mut desk = Desk::new(|raw| {
        raw.limits.office_hours = "office".into();
        settings(raw, "102").classes = site::Class::ALL.to_vec();
        settings(raw, "102").off_hours = true;
    });
    assert_eq!(
        desk.outbound("103", "00351212345678").kind,
        Kind::International
    );
    desk.now = NIGHT;
    desk.refused("103", "00351212345678", Refusal::OutsideOfficeHours);
    assert_eq!(
        desk.outbound("102", "00351212345678").kind,
        Kind::International
    );
    assert_eq!(desk.outbound("103", "32345678").kind, Kind::Local);
}

#[test]
fn calls_at_one_time_are_limited_per_extension_country_and_box() {
    // F3.
    let mut desk = Desk::new(|raw| {
        raw.trunks[0].channels_max = 4;
        raw.trunks[1].channels_max = 1;
        settings(raw, "103").limits.concurrent = 9;
    });
    let charge = desk.outbound("103", "00351212345678").charge("Carrier A");
    desk.usage.admit(at(0), charge);
    desk.refused("103", "00351212345678", Refusal::TooManyToCountry);
    for _ in 0..2 {
        let charge = desk.outbound("100", "32345678").charge("Carrier A");
        desk.usage.admit(at(0), charge);
    }
    desk.refused("100", "32345678", Refusal::TooManyCalls);
    let charge = desk.outbound("101", "32345678").charge("Carrier A");
    desk.usage.admit(at(0), charge);
    // Four of five channels are 80 percent.
    desk.refused("101", "32345678", Refusal::BoxBusy);
}

#[test]
fn calls_are_limited_per_second() {
    // F4.
    let mut desk = Desk::new(|_| {});
    for _ in 0..5 {
        let charge = desk.outbound("100", "32345678").charge("Carrier A");
        let ticket = desk.usage.admit(at(0), charge);
        desk.usage.ended(ticket, at(0), 1, false);
    }
    desk.refused("100", "32345678", Refusal::TooFast);
    assert_eq!(desk.outbound("101", "32345678").kind, Kind::Local);
}

#[test]
fn minutes_of_a_class_end_and_end_the_last_call_too() {
    // F5, F8.
    let mut desk = Desk::new(|_| {});
    let today = crate::usage::day(&desk.site, NOON);
    let charge = desk.outbound("103", "0900123456").charge("Carrier A");
    let begun = Instant::ORIGIN + Duration::from_secs(100_000 - 50 * 60);
    let ticket = desk.usage.admit(begun, charge);
    desk.usage.ended(ticket, at(0), today, true);
    let left = desk.outbound("103", "0900123456").duration_max;
    assert_eq!(left, Some(Duration::from_secs(600)));
    let charge = desk.outbound("103", "0900123456").charge("Carrier A");
    let begun = Instant::ORIGIN + Duration::from_secs(100_000 - 10 * 60);
    desk.usage.admit(begun, charge);
    desk.refused("103", "0900123456", Refusal::MinutesUsedUp);
}

#[test]
fn emergency_numbers_pass_whatever_is_set() {
    // F15: no class, no route, full trunks, too many calls, and a code in front.
    let mut desk = Desk::new(|raw| {
        raw.routes.clear();
        raw.trunks[0].channels_max = 1;
        let strict = settings(raw, "100");
        strict.classes.clear();
        strict.limits.concurrent = 0;
        strict.limits.per_hour = 0;
    });
    desk.usage.admit(at(0), Charge::inbound("Carrier A"));
    for dialled in ["190", "0190", "*67190", "193"] {
        let Outcome::Hunt(plan) = desk.outcome("100", dialled) else {
            panic!("{dialled}")
        };
        assert!(plan.emergency && !plan.pin, "{dialled}");
        let [Stage::Trunks(outbound)] = plan.stages.as_slice() else {
            panic!("{dialled}")
        };
        assert_eq!(outbound.attempts.len(), 2);
        assert_eq!(outbound.attempts[0].number.len(), 3);
        assert_eq!(
            (outbound.duration_max, outbound.kind),
            (None, Kind::Emergency)
        );
    }
}

#[test]
fn an_emergency_number_comes_before_an_extension_and_takes_its_own_route() {
    let carrier = [site::Destination::Trunk("Carrier B".into())];
    let desk = Desk::new(|raw| {
        raw.extensions.push(extension("190", |_| {}));
        let mut own = route("police", "190", site::Source::Trunks, &carrier);
        own.rewrite.prefix = "9".into();
        own.pin = true;
        raw.routes.push(own);
    });
    let outbound = desk.outbound("100", "190");
    assert_eq!(outbound.attempts.len(), 1);
    assert_eq!(outbound.attempts[0].trunk, "Carrier B");
    assert_eq!(outbound.attempts[0].number, "9190");
    let desk = Desk::new(|raw| raw.dialling.emergency_trunks = vec!["Carrier B".into()]);
    assert_eq!(desk.outbound("100", "190").attempts[0].trunk, "Carrier B");
}

#[test]
fn a_public_service_passes_unless_an_extension_has_its_number() {
    let desk = Desk::new(|raw| {
        let carrier = [site::Destination::Trunk("Carrier A".into())];
        raw.routes
            .push(route("services", "1XX", site::Source::Extensions, &carrier));
        settings(raw, "102").classes.clear();
    });
    assert_eq!(desk.outbound("102", "188").kind, Kind::Service);
    assert_eq!(desk.stages("102", "100"), rings("100"));
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
fn nobody_forwards_to_what_he_may_not_call() {
    // F11.
    let desk = Desk::new(|_| {});
    desk.refused("100", "*7200351212345678", Refusal::ClassNotAllowed);
    desk.refused("100", "*720900123456", Refusal::ClassNotAllowed);
    desk.refused("100", "*72190", Refusal::NoRoute);
}

#[test]
fn a_forward_is_followed_at_the_permission_of_who_forwards() {
    // F11: 103 may call abroad; 100 may not, though 103 calls him.
    let desk = Desk::new(|raw| {
        settings(raw, "100").forward.always = "00351212345678".into();
        settings(raw, "101").forward.always = "32345678".into();
    });
    desk.refused("103", "100", Refusal::ClassNotAllowed);
    let outbound = desk.outbound("103", "101");
    assert_eq!(outbound.payer, Some(number("101")));
    assert_eq!(outbound.diverted, [number("101")]);
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
    let stage = stages(busy.outcome).remove(0);
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
fn a_call_passes_from_trunk_to_trunk_only_where_a_route_says_so() {
    // F11, R64: a route for anybody is for anybody inside.
    let to = [site::Destination::Trunk("Carrier B".into())];
    let desk = Desk::new(|raw| {
        let mut any = route("any", "3XXXXXXX", site::Source::Trunks, &to);
        any.sources.clear();
        raw.routes = vec![
            any,
            route(
                "tie",
                "4XXXXXXX",
                site::Source::Trunk("Carrier A".into()),
                &to,
            ),
            route("dear", "0!", site::Source::Trunks, &to),
        ];
    });
    let refused = Outcome::Refused(Refusal::NotPassedOn);
    assert_eq!(desk.inbound("Carrier A", "32345678"), refused);
    assert_eq!(outbound(desk.inbound("Carrier A", "42345678")).payer, None);
    for dear in ["0900123456", "00351212345678"] {
        assert_eq!(desk.inbound("Carrier A", dear), refused, "{dear}");
    }
}

#[test]
fn a_transfer_is_made_at_the_permission_of_who_transfers() {
    // F11: the caller from outside gains nothing, nor does he who is transferred.
    let desk = Desk::new(|_| {});
    let ask = |who, by, to| {
        let query = desk.query(who, to, Cause::Transferred(by));
        decide(&desk.site, &query).outcome
    };
    let refused = Outcome::Refused(Refusal::ClassNotAllowed);
    assert_eq!(ask(Who::Trunk("Carrier A"), "100", "0900123456"), refused);
    assert_eq!(ask(Who::Extension("103"), "100", "0900123456"), refused);
    let allowed = outbound(ask(Who::Trunk("Carrier A"), "103", "00351212345678"));
    assert_eq!(allowed.payer, Some(number("103")));
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
fn a_route_may_ask_for_a_pin() {
    // F7.
    let hash = config::pin_hash("103", "ramal", "4711");
    let desk = Desk::new(|raw| {
        raw.routes[5].pin = true;
        settings(raw, "103").pin_hash = ipc::Redacted::new(hash);
        settings(raw, "102").classes = site::Class::ALL.to_vec();
    });
    let Outcome::Hunt(plan) = desk.outcome("103", "00351212345678") else {
        panic!("it may")
    };
    assert!(plan.pin);
    let settings = &desk.site.extension("103").expect("exists").settings;
    assert!(settings.is_pin("103", "ramal", "4711") && !settings.is_pin("103", "ramal", "4712"));
    desk.refused("102", "00351212345678", Refusal::NoPin);
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

/// A trunk's own prefix before the number does not hide what is called.
#[test]
fn a_prefix_for_the_carrier_does_not_change_the_class() {
    let desk = Desk::new(|raw| {
        raw.trunks.push(trunk("Carrier C"));
        let to = [site::Destination::Trunk("Carrier C".into())];
        let mut tech = route("tech", "0!", site::Source::Extensions, &to);
        tech.rewrite.prefix = "7777#".into();
        raw.routes = vec![tech];
    });
    desk.refused("100", "00351212345678", Refusal::ClassNotAllowed);
    let outbound = desk.outbound("100", "02132345678");
    assert_eq!(outbound.kind, Kind::National);
    assert_eq!(outbound.attempts[0].number, "7777#02132345678");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The explanation tells the decision: what is refused says so last, every trunk that is tried
    /// was looked at, and at most one route of a turn took the call.
    #[test]
    fn the_steps_tell_the_outcome(dialled in "[0-9*#+]{0,16}", from in 100_u32..105, night: bool) {
        let mut desk = Desk::new(|raw| {
            settings(raw, "100").forward.always = "987654321".into();
            settings(raw, "101").do_not_disturb = true;
            raw.groups[0].otherwise = Some(site::Destination::Number("32345678".into()));
        });
        desk.now = if night { NIGHT } else { NOON };
        let decision = desk.ask(&from.to_string(), &dialled);
        prop_assert_eq!(&decision, &desk.ask(&from.to_string(), &dialled));
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
        let desk = Desk::new(|raw| {
            settings(raw, "100").classes.clear();
            let carrier = [site::Destination::Trunk("Carrier A".into())];
            raw.routes.push(route("any", "!", site::Source::Extensions, &carrier));
        });
        if let Outcome::Hunt(plan) = desk.outcome("100", &dialled) {
            for stage in plan.stages {
                if let Stage::Trunks(outbound) = stage {
                    prop_assert!(matches!(outbound.kind, Kind::Emergency | Kind::Service));
                }
            }
        }
    }
}
