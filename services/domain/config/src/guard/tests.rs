use ipc::site::Group;

use super::*;
use crate::site::tests::{check, extension, site};
use crate::wrong::Meaning;
use crate::{Feature, Site};

fn fault(field: &'static str, wrong: Wrong) -> Fault {
    Fault::Setting {
        of: "guard".to_owned(),
        field,
        wrong,
    }
}

fn range(field: &'static str, value: u64, from: u64, to: u64) -> Fault {
    fault(field, Wrong::Range { value, from, to })
}

fn rule(offence: Offence) -> RawRule {
    RawRule {
        offence,
        count: None,
        within_secs: None,
        only_report: false,
    }
}

#[test]
fn as_the_box_comes_nobody_is_banned() {
    // R69.
    for site in [
        Site::factory("ramal"),
        Site::parse(&site(|_| {})).expect("valid"),
    ] {
        assert!(!site.guard.is_on);
        assert_eq!(site.guard, Guard::default());
        assert_eq!(site.to_ipc().guard, RawGuard::default());
    }
}

#[test]
fn what_is_set_survives_the_journey_and_what_is_not_is_as_it_comes() {
    let raw = site(|site| {
        site.guard = RawGuard {
            on: true,
            first_minutes: 120,
            longest_hours: 2,
            never: vec!["203.0.113.0/24".into(), "2001:db8::/32".into()],
            decoys: vec!["1000".into(), "9999".into()],
            rules: vec![
                RawRule {
                    count: Some(3),
                    within_secs: Some(86_400),
                    ..rule(Offence::SipPassword)
                },
                RawRule {
                    only_report: true,
                    ..rule(Offence::WebPath)
                },
            ],
        };
    });
    let parsed = Site::parse(&raw).expect("valid");
    let guard = &parsed.guard;
    assert_eq!(Site::parse(&parsed.to_ipc()), Ok(parsed.clone()));
    assert_eq!(guard.rule(Offence::SipPassword).to_string(), "3 in 86400 s");
    let reported = guard.rule(Offence::WebPath).to_string();
    assert_eq!(reported, "30 in 60 s, only reported");
    let usual = guard.rule(Offence::SipOutside);
    assert_eq!(usual, Rule::usual(Offence::SipOutside));
    assert_eq!(guard.rules.len(), Offence::ALL.len());
    assert_eq!(parsed.to_ipc().guard.rules.len(), 2, "only what differs");
    assert_eq!(guard.longest, guard.first);
}

#[test]
fn every_number_has_its_bounds() {
    check(
        |site| {
            site.guard.first_minutes = 0;
            site.guard.longest_hours = 0;
        },
        &[
            range("first_minutes", 0, 1, 1_440),
            range("longest_hours", 0, 1, 8_760),
        ],
    );
    check(
        |site| {
            site.guard.first_minutes = 1_441;
            site.guard.longest_hours = 8_761;
        },
        &[
            range("first_minutes", 1_441, 1, 1_440),
            range("longest_hours", 8_761, 25, 8_760),
        ],
    );
    check(
        |site| {
            site.guard.first_minutes = 121;
            site.guard.longest_hours = 2;
        },
        &[range("longest_hours", 2, 3, 8_760)],
    );
    for (count, secs, expected) in [
        (
            0,
            9,
            [
                ("rules.count", 0, 1, 100),
                ("rules.within_secs", 9, 10, 86_400),
            ],
        ),
        (
            101,
            86_401,
            [
                ("rules.count", 101, 1, 100),
                ("rules.within_secs", 86_401, 10, 86_400),
            ],
        ),
    ] {
        let rules = vec![RawRule {
            count: Some(count),
            within_secs: Some(secs),
            ..rule(Offence::SipMalformed)
        }];
        let expected = expected.map(|(field, value, from, to)| range(field, value, from, to));
        check(|site| site.guard.rules = rules, &expected);
    }
}

#[test]
fn the_section_is_read_by_itself_as_in_a_site() {
    let raw = RawGuard {
        on: true,
        decoys: vec!["100".into()],
        ..RawGuard::default()
    };
    let read = Guard::read(&raw).expect("100 is an extension, but not here");
    assert_eq!((read.is_on, read.to_ipc()), (true, raw));
    let raw = RawGuard {
        first_minutes: 0,
        ..RawGuard::default()
    };
    let faults = [range("first_minutes", 0, 1, 1_440)];
    assert_eq!(Guard::read(&raw), Err(faults.into()));
}

#[test]
fn an_offence_has_one_rule_and_a_list_an_end() {
    let twice = fault("rules", Wrong::Twice("web-path".into()));
    check(
        |site| site.guard.rules = vec![rule(Offence::WebPath); 2],
        std::slice::from_ref(&twice),
    );
    let faults = Site::parse(&site(|site| {
        site.guard.rules = vec![rule(Offence::WebPath); 10_000];
    }));
    assert_eq!(faults.expect_err("far too many").len(), Offence::ALL.len());
    check(
        |site| {
            site.guard.never = vec!["203.0.113.1".into(); 101];
            site.guard.decoys = (1_000..1_021).map(|it| it.to_string()).collect();
        },
        &[
            fault("never", Wrong::TooMany(100)),
            fault("decoys", Wrong::TooMany(20)),
        ],
    );
    check(
        |site| {
            site.guard.never = vec!["203.0.113.1/24".into()];
            site.guard.decoys = vec!["1".into(), "12x".into(), "1000".into(), "1000".into()];
        },
        &[
            fault("never", Wrong::NotANetwork("203.0.113.1/24".into())),
            fault("decoys", Wrong::NotANumber("1".into())),
            fault("decoys", Wrong::NotANumber("12x".into())),
            fault("decoys", Wrong::Twice("1000".into())),
        ],
    );
    let text = fault("decoys", Wrong::NotANumber("1".into())).to_string();
    let expected = "guard: decoys: \"1\" cannot be an extension; use 2 to 10 digits";
    assert_eq!(text, expected);
}

#[test]
fn nobody_is_spared_by_half_the_internet() {
    let wide = ["0.0.0.0/0", "128.0.0.0/1", "2000::/3", "::/0"];
    let bits = |it: &str| if it.contains(':') { 16 } else { 8 };
    let expected = wide.map(|it| fault("never", Wrong::SparesAll(it.into(), bits(it))));
    check(
        |site| site.guard.never = wide.map(str::to_owned).to_vec(),
        &expected,
    );
    let narrow = [
        "10.0.0.0/8",
        "100.64.0.0/10",
        "fd00::/8",
        "fc00::/7",
        "2001:db8::/32",
    ];
    let with = site(|site| site.guard.never = narrow.map(str::to_owned).to_vec());
    let parsed = Site::parse(&with).expect("valid");
    assert_eq!(parsed.guard.never.len(), narrow.len());
}

#[test]
fn a_decoy_means_nothing_else() {
    let clash = |number: &str, other| {
        let number = number.to_owned();
        fault("decoys", Wrong::Clash { number, other })
    };
    let code = |code: &str, feature| Meaning::Code(code.to_owned(), feature);
    check(
        |site| {
            site.groups.push(Group {
                number: "600".into(),
                ..Group::default()
            });
            site.features.withhold = "55".into();
            let decoys = ["100", "5599", "600", "700", "701", "721"];
            site.guard.decoys = decoys.map(str::to_owned).into();
        },
        &[
            clash("100", Meaning::Extension),
            clash("5599", code("55", Feature::Withhold)),
            clash("600", Meaning::Group),
            clash("700", code("700", Feature::Park)),
            clash("701", Meaning::Slot),
        ],
    );
    // Whichever of the two came later.
    check(
        |site| {
            site.guard.decoys = vec!["105".into()];
            site.extensions.push(extension("105"));
        },
        &[clash("105", Meaning::Extension)],
    );
}

#[test]
fn the_audit_trail_has_each_field_that_changed() {
    let parse = |guard: RawGuard| {
        let raw = site(|site| site.guard = guard);
        Site::parse(&raw).expect("valid")
    };
    let before = parse(RawGuard {
        decoys: vec!["1000".into(), "1001".into()],
        ..RawGuard::default()
    });
    let after = parse(RawGuard {
        on: true,
        first_minutes: 20,
        longest_hours: 24,
        never: vec!["203.0.113.0/24".into()],
        decoys: vec!["1001".into(), "1002".into()],
        rules: vec![RawRule {
            count: Some(7),
            only_report: true,
            ..rule(Offence::SipPassword)
        }],
    });
    assert_eq!(
        crate::diff(&before, &after),
        [
            "guard.is_on false -> true",
            "guard.first 600s -> 1200s",
            "guard.longest 604800s -> 86400s",
            "guard.never [] -> [203.0.113.0/24]",
            "guard.decoys +1002, -1000",
            "guard.rules.sip-password 5 in 600 s -> 7 in 600 s, only reported",
        ]
    );
}

#[test]
fn an_earlier_version_comes_back_with_its_bans() {
    let earlier = site(|site| site.guard.decoys = vec!["1000".into()]);
    let present = site(|site| site.guard.on = true);
    assert_eq!(crate::back_to(&earlier, &present).guard, earlier.guard);
}
