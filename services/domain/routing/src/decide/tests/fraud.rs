//! What a thief meets: the fraud controls F1 to F8, F11 and F15.

use super::*;
use crate::meter::Periods;

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
    let mut usual = Desk::new(|_| {});
    usual.now = NIGHT;
    usual.refused("103", "00351212345678", Refusal::OutsideOfficeHours);
    let mut always = Desk::new(|raw| raw.limits.office_hours = "*".into());
    always.now = NIGHT;
    assert_eq!(
        always.outbound("103", "00351212345678").kind,
        Kind::International
    );
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
        desk.usage.ended(ticket, at(0), Periods::default());
    }
    desk.refused("100", "32345678", Refusal::TooFast);
    assert_eq!(desk.outbound("101", "32345678").kind, Kind::Local);
}

#[test]
fn minutes_of_a_class_end_and_end_the_last_call_too() {
    // F5, F8.
    let mut desk = Desk::new(|raw| settings(raw, "103").spend = site::Spend::default());
    let today = Periods::of(&desk.site, NOON);
    let charge = desk.outbound("103", "0900123456").charge("Carrier A");
    let begun = Instant::ORIGIN + Duration::from_secs(100_000 - 50 * 60);
    let ticket = desk.usage.admit(begun, charge);
    desk.usage.answered(ticket, begun, today);
    desk.usage.ended(ticket, at(0), today);
    let left = desk.outbound("103", "0900123456").duration_max;
    assert_eq!(left, Some(Duration::from_secs(600)));
    let charge = desk.outbound("103", "0900123456").charge("Carrier A");
    let begun = Instant::ORIGIN + Duration::from_secs(100_000 - 10 * 60);
    let ticket = desk.usage.admit(begun, charge);
    desk.usage.answered(ticket, begun, today);
    desk.refused("103", "0900123456", Refusal::MinutesUsedUp);
}

/// Lets 100 speak to a mobile number until now.
fn speak(desk: &mut Desk, minutes: u64) {
    let today = Periods::of(&desk.site, NOON);
    let charge = desk.outbound("100", "987654321").charge("Carrier A");
    let begun = Instant::ORIGIN + Duration::from_secs(100_000 - minutes * 60);
    let ticket = desk.usage.admit(begun, charge);
    desk.usage.answered(ticket, begun, today);
    desk.usage.ended(ticket, at(0), today);
}

fn purse(raw: &mut site::Site, day_cents: u32) {
    settings(raw, "100").spend = site::Spend {
        day_cents,
        ..site::Spend::default()
    };
}

#[test]
fn money_of_an_extension_ends_and_ends_the_last_call_too() {
    // F5: 20.00 at 0.50 a minute are 40 minutes.
    let mut desk = Desk::new(|raw| purse(raw, 2_000));
    speak(&mut desk, 30);
    let outbound = desk.outbound("100", "987654321");
    assert_eq!(outbound.duration_max, Some(Duration::from_secs(600)));
    assert_eq!(outbound.price.minute, 50);
    speak(&mut desk, 10);
    desk.refused("100", "987654321", Refusal::OwnSpendUsedUp);
    // Others, free numbers and extensions are not concerned.
    assert_eq!(desk.outbound("101", "987654321").kind, Kind::Mobile);
    assert_eq!(desk.stages("100", "101"), rings("101"));
    assert_eq!(desk.outbound("100", "190").kind, Kind::Emergency);
    desk.now = UnixTime::from_millis(NOON.as_millis() + 86_400_000);
    assert_eq!(desk.outbound("100", "987654321").kind, Kind::Mobile);
}

#[test]
fn a_call_needs_money_for_its_beginning() {
    // Half a minute is billed at least: 25 hundredths.
    let mut desk = Desk::new(|raw| purse(raw, 1_020));
    speak(&mut desk, 20);
    desk.refused("100", "987654321", Refusal::OwnSpendUsedUp);
    assert_eq!(desk.outbound("100", "32345678").kind, Kind::Local);
}

#[test]
fn whoever_spent_all_goes_on_with_his_pin() {
    let mut desk = Desk::new(|raw| {
        purse(raw, 2_000);
        settings(raw, "100").pin_hash = ipc::Redacted::new("0".repeat(64));
    });
    speak(&mut desk, 40);
    let Outcome::Hunt(plan) = desk.outcome("100", "987654321") else {
        panic!("asked for the PIN");
    };
    assert!(plan.pin && plan.spent);
    // Nobody else can enter it for him.
    let query = desk.query(
        Who::Extension("101"),
        "987654321",
        Cause::Transferred("100"),
    );
    let refused = Outcome::Refused(Refusal::OwnSpendUsedUp);
    assert_eq!(decide(&desk.site, &query), refused);
    desk.usage.forgive(&number("100"), at(0));
    let Outcome::Hunt(plan) = desk.outcome("100", "987654321") else {
        panic!("goes on");
    };
    assert!(!plan.pin && !plan.spent);
}

#[test]
fn money_of_a_trunk_and_of_the_box_ends() {
    let cap = site::Spend {
        month_cents: 1_000,
        ..site::Spend::default()
    };
    let mut desk = Desk::new(|raw| {
        purse(raw, 0);
        raw.trunks[0].spend = cap;
    });
    speak(&mut desk, 20);
    let outbound = desk.outbound("100", "987654321");
    let trunks: Vec<_> = outbound.attempts.iter().map(|it| &it.trunk).collect();
    assert_eq!(trunks, ["Carrier B"]);
    let verdict = TrunkVerdict::UsedUp;
    let name = "Carrier A".to_owned();
    let steps = desk.ask("100", "987654321").steps;
    assert!(steps.contains(&Step::Trunk { name, verdict }));
    let mut desk = Desk::new(|raw| {
        purse(raw, 0);
        raw.limits.spend = cap;
    });
    speak(&mut desk, 20);
    desk.refused("101", "32345678", Refusal::SpendUsedUp);
}

#[test]
fn calls_from_trunk_to_trunk_spend_the_money_of_the_box_too() {
    let mut desk = Desk::new(|raw| {
        purse(raw, 0);
        raw.limits.spend = site::Spend {
            day_cents: 1_000,
            ..site::Spend::default()
        };
    });
    let own = desk.outbound("100", "987654321").charge("Carrier A");
    let passed_on = Charge { payer: None, ..own };
    let begin = |desk: &Desk| crate::may_begin(&desk.site, &desk.usage, (NOON, at(0)), &passed_on);
    assert_eq!(begin(&desk), Ok(()));
    speak(&mut desk, 20);
    assert_eq!(begin(&desk), Err(Refusal::SpendUsedUp));
}

#[test]
fn an_emergency_takes_a_free_channel_before_somebody_elses() {
    let mut desk = Desk::new(|raw| raw.trunks[0].channels_max = 1);
    let first = |desk: &Desk| desk.outbound("100", "190").attempts[0].trunk.clone();
    assert_eq!(first(&desk), "Carrier A");
    desk.usage.admit(at(0), Charge::inbound("Carrier A"));
    assert_eq!(first(&desk), "Carrier B");
}

#[test]
fn calls_that_run_together_last_as_long_as_their_common_purse() {
    let mut desk = Desk::new(|raw| purse(raw, 2_000));
    let today = Periods::of(&desk.site, NOON);
    let charge = desk.outbound("100", "987654321").charge("Carrier A");
    for _ in 0..2 {
        let ticket = desk.usage.admit(at(0), charge.clone());
        desk.usage.answered(ticket, at(0), today);
    }
    let lasts = |secs| {
        let clocks = (desk.now, at(secs));
        crate::lasts(&desk.site, &desk.usage, clocks, &charge).map(|left| left.as_secs())
    };
    // Two beginnings of 0.25, and then 1.00 a minute.
    assert_eq!(lasts(0), Some(1_170));
    assert_eq!(lasts(1_170), Some(0));
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
        decide(&desk.site, &query)
    };
    let refused = Outcome::Refused(Refusal::ClassNotAllowed);
    assert_eq!(ask(Who::Trunk("Carrier A"), "100", "0900123456"), refused);
    assert_eq!(ask(Who::Extension("103"), "100", "0900123456"), refused);
    let allowed = outbound(ask(Who::Trunk("Carrier A"), "103", "00351212345678"));
    assert_eq!(allowed.payer, Some(number("103")));
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
    // Nobody is there to enter it when a call is forwarded or somebody else is transferred.
    desk.refused("103", "*7200351212345678", Refusal::NoPin);
    let cause = Cause::Transferred("103");
    let query = desk.query(Who::Trunk("Carrier A"), "00351212345678", cause);
    let outcome = decide(&desk.site, &query);
    assert_eq!(outcome, Outcome::Refused(Refusal::NoPin));
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

#[test]
fn nobody_has_codes_dialled_in_his_name() {
    let desk = Desk::new(|_| {});
    let ask = |dialled, cause| {
        let query = desk.query(Who::Extension("100"), dialled, cause);
        decide(&desk.site, &query)
    };
    let refused = Outcome::Refused(Refusal::NoRoute);
    let chain = [number("101")];
    for cause in [Cause::Transferred("101"), Cause::Forwarded(&chain)] {
        assert_eq!(ask("*72102", cause), refused);
        assert_eq!(ask("*78", cause), refused);
    }
    let park = ask("700", Cause::Transferred("101"));
    assert!(matches!(park, Outcome::Feature { .. }));
}
