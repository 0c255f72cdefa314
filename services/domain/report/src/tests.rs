//! Each rule: found, not found, and not known.

use std::collections::BTreeSet;

use ipc::guard::Status as Guard;
use ipc::init::{Run, SecureBoot, Service};
use ipc::net::Link;
use ipc::pbx::Phone;
use ipc::site::{
    Encryption, Extension, ExtensionSettings, Person, Role, SecondFactor, Site, Trunk, TrunkAccess,
    TrunkTransport, Tunnel,
};
use ipc::store::{BackupFailure, BackupFile, Backups, Health};
use ipc::update::{Condition, DataKey, RecoveryCode, Slot};
use ipc::{Redacted, grid, guard, init, net, pbx, update};

use crate::guess::hash;
use crate::time::DAY_MILLIS;
use crate::{
    Certificate, Danger, Dangers, Facts, Finding, Machine, Masquerade, Reach, RemoteUse, Subject,
    Summary, Text, Verdict, Worst, Zone, findings, ports,
};

/// 2026-11-30.
const NOW: i64 = 1_796_000_000_000;

fn extension(number: &str, password: &str) -> Extension {
    Extension {
        number: number.into(),
        ha1_md5: Redacted::new("0".repeat(32)),
        ha1_sha256: Redacted::new(hash(number, "ramal", password)),
        ..Extension::default()
    }
}

fn carrier() -> Trunk {
    Trunk {
        name: "Carrier".into(),
        access: TrunkAccess::Registering {
            server: "sip.example.com".into(),
            user: "1130000000".into(),
            auth_user: String::new(),
            password: Redacted::new("x".into()),
            realm: String::new(),
            expires_secs: 600,
            contact_user: String::new(),
        },
        transport: TrunkTransport::Tls,
        encryption: Encryption::Required,
        ..Trunk::default()
    }
}

fn site() -> Site {
    Site {
        realm: "ramal".into(),
        extensions: vec![extension("100", "k3!Qz9#mPw7$Lx2@")],
        people: vec![Person {
            login: "admin".into(),
            role: Role::Administrator,
            password_hash: Redacted::new("$argon2id$x".into()),
            second_factor: Some(SecondFactor {
                secret: Redacted::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".into()),
                recovery: Vec::new(),
            }),
            ..Person::default()
        }],
        trunks: vec![carrier()],
        ..Site::default()
    }
}

fn services() -> Vec<Service> {
    let service = |name: &str| Service {
        name: name.into(),
        state: "ready".into(),
        ..Service::default()
    };
    ["pbx", "media", "web", "net"].map(service).to_vec()
}

fn connected() -> Option<net::Status> {
    Some(net::Status {
        links: vec![Link {
            name: "eth0".into(),
            up: true,
            address: "192.168.0.7/24".into(),
            ..Link::default()
        }],
        set: Some("192.168.0.7/24".into()),
        ..net::Status::default()
    })
}

fn telephony() -> pbx::Status {
    pbx::Status {
        phones: vec![phone("192.168.0.20:5061", "TLS")],
        trunks: vec![pbx::Trunk {
            name: "Carrier".into(),
            up: true,
            ..pbx::Trunk::default()
        }],
        ..pbx::Status::default()
    }
}

/// A box that is as it should be.
fn good() -> Facts {
    Facts {
        site: Some(site()),
        may_name_people: true,
        init: Some(init::Status {
            uptime_secs: 3 * 86_400,
            services: services(),
            secure_boot: SecureBoot::On,
            runs: vec![Run {
                end: "running".into(),
                ..Run::default()
            }],
            ..init::Status::default()
        }),
        net: connected(),
        pbx: Some(telephony()),
        store: Some(Health {
            free_bytes: 10 << 30,
            ..Health::default()
        }),
        update: Some(update::Status {
            slots: vec![Slot {
                is_running: true,
                condition: Condition::Good,
                ..Slot::default()
            }],
            keys: "release-1".into(),
            data_key: Some(DataKey::Sealed(RecoveryCode::Shown)),
            ..update::Status::default()
        }),
        guard: Some(Guard::default()),
        grid: Some(grid::Status {
            state: grid::State::Unset,
            ..grid::Status::default()
        }),
        backups: Some(Backups {
            files: vec![BackupFile {
                taken_millis: NOW - DAY_MILLIS,
                is_proved: true,
                ..BackupFile::default()
            }],
            has_code: true,
            ..Backups::default()
        }),
        certificate: Some(Certificate {
            is_self_signed: false,
            until_millis: NOW + 90 * DAY_MILLIS,
        }),
        dangers: Some(Dangers::default()),
        remote: Some(Vec::new()),
        machine: Some(Machine {
            memory_kib: 1_000,
            available_kib: 500,
            temperature: Some(47),
        }),
        masquerade: Masquerade::Absent,
        clock_millis: NOW,
        is_clock_believed: true,
        version: "1.0.0".into(),
        built_secs: Some(u64::try_from((NOW - 10 * DAY_MILLIS) / 1_000).expect("a time")),
    }
}

fn phone(address: &str, transport: &str) -> Phone {
    Phone {
        extension: "100".into(),
        address: address.into(),
        transport: transport.into(),
        expires_secs: 60,
        user_agent: String::new(),
    }
}

/// The finding about this, of a good box after `change`.
fn found(subject: Subject, change: impl FnOnce(&mut Facts)) -> Finding {
    let mut facts = good();
    change(&mut facts);
    let mut all = findings(&facts).into_iter();
    all.find(|it| it.subject == subject).expect("each has one")
}

fn check(subject: Subject, expected: Verdict, change: impl FnOnce(&mut Facts)) -> Finding {
    let finding = found(subject, change);
    assert_eq!(finding.verdict, expected, "{finding:?}");
    finding
}

fn site_of(facts: &mut Facts) -> &mut Site {
    facts.site.as_mut().expect("a site")
}

fn guard_of(facts: &mut Facts) -> &mut guard::Status {
    facts.guard.as_mut().expect("guard")
}

fn init_of(facts: &mut Facts) -> &mut init::Status {
    facts.init.as_mut().expect("init")
}

fn trunk_of(facts: &mut Facts) -> &mut Trunk {
    &mut site_of(facts).trunks[0]
}

fn update_of(facts: &mut Facts) -> &mut update::Status {
    facts.update.as_mut().expect("update")
}

fn net_of(facts: &mut Facts) -> &mut net::Status {
    facts.net.as_mut().expect("net")
}

fn backups_of(facts: &mut Facts) -> &mut Backups {
    facts.backups.as_mut().expect("backups")
}

/// An address for documentation, as somebody outside.
fn reached(facts: &mut Facts) {
    guard_of(facts).outsider_secs = Some(7_200);
}

#[test]
fn nothing_is_good_that_nobody_could_look_at() {
    let all = findings(&Facts::default());
    let good: Vec<_> = all
        .iter()
        .filter(|it| it.verdict == Verdict::Good)
        .collect();
    assert!(good.is_empty(), "{good:?}");
    // A clock that nobody believes is the one thing that is known then.
    let known = all.iter().filter(|it| it.verdict != Verdict::Unknown);
    let known: Vec<Subject> = known.map(|it| it.subject).collect();
    assert_eq!(known, [Subject::Clock]);
}

#[test]
fn of_a_box_as_it_should_be_only_what_no_box_can_know_is_open() {
    let all = findings(&good());
    let open: BTreeSet<Subject> = all
        .iter()
        .filter(|it| it.verdict != Verdict::Good)
        .map(|it| it.subject)
        .collect();
    assert_eq!(open, BTreeSet::from([Subject::BackupCopy, Subject::Clock]));
    let summary = Summary::of(&all);
    assert_eq!((summary.dangers, summary.looks, summary.unknown), (0, 0, 2));
    assert_eq!(summary.good, Subject::ALL.len() - 2);
}

#[test]
fn each_subject_has_one_finding_with_its_fix_in_both_languages() {
    for facts in [good(), Facts::default()] {
        let all = findings(&facts);
        let subjects: BTreeSet<Subject> = all.iter().map(|it| it.subject).collect();
        assert_eq!(
            (all.len(), subjects.len()),
            (Subject::ALL.len(), Subject::ALL.len())
        );
        for one in &all {
            let is_good = one.verdict == Verdict::Good;
            assert_eq!(one.fix.is_none(), is_good, "{one:?}");
            let texts = one.fix.iter().chain([&one.found]);
            for text in texts.chain(&one.details) {
                assert!(
                    !text.english.is_empty() && !text.portuguese.is_empty(),
                    "{one:?}"
                );
            }
        }
    }
    let names: BTreeSet<&str> = Subject::ALL.iter().map(|it| it.name()).collect();
    assert_eq!(names.len(), Subject::ALL.len());
    for subject in Subject::ALL {
        assert!(!subject.requirements().is_empty(), "{subject:?}");
        assert!(!subject.title().0.is_empty() && !subject.title().1.is_empty());
    }
}

#[test]
fn the_most_urgent_comes_first() {
    let mut facts = good();
    reached(&mut facts);
    let all = findings(&facts);
    assert!(all.is_sorted_by_key(|it| it.verdict));
    assert_eq!(all[0].verdict, Verdict::Danger);
}

#[test]
fn who_is_reached_from_outside_is_told_so_and_silence_of_an_hour_proves_nothing() {
    use Subject::{Bans, Outside};
    check(Outside, Verdict::Danger, reached);
    check(Bans, Verdict::Danger, reached);
    let on = |facts: &mut Facts| {
        reached(facts);
        guard_of(facts).is_on = true;
    };
    check(Outside, Verdict::Look, on);
    check(Bans, Verdict::Good, on);
    check(Outside, Verdict::Unknown, |it| {
        init_of(it).uptime_secs = 3_600
    });
    check(Outside, Verdict::Unknown, |it| it.init = None);
    for subject in [Outside, Bans] {
        check(subject, Verdict::Good, |_| {});
        check(subject, Verdict::Unknown, |it| it.guard = None);
    }
}

#[test]
fn masquerade_is_not_tested_until_something_tests_it() {
    for (masquerade, expected) in [
        (Masquerade::NotTested, Verdict::Unknown),
        (Masquerade::Absent, Verdict::Good),
        (Masquerade::Suspected, Verdict::Look),
        (Masquerade::Confirmed, Verdict::Danger),
    ] {
        check(Subject::Masquerade, expected, |it| {
            it.masquerade = masquerade
        });
    }
}

#[test]
fn public_addresses_are_no_inside() {
    let with = |networks: &[&str], expected| {
        let listed = networks.iter().map(|it| (*it).to_owned()).collect();
        check(Subject::InternalNetworks, expected, |it| {
            site_of(it).networks.internal = listed;
        });
    };
    with(
        &["192.168.0.0/24", "10.8.0.0/16", "fd00::/8"],
        Verdict::Good,
    );
    with(&["192.168.0.0/24", "203.0.113.0/28"], Verdict::Look);
    with(&["0.0.0.0/0"], Verdict::Danger);
    // All of 10/8 and as much beside it.
    with(&["10.0.0.0/7"], Verdict::Danger);
    with(&["2001:db8::/32"], Verdict::Danger);
    check(Subject::InternalNetworks, Verdict::Unknown, |it| {
        it.site = None
    });
}

#[test]
fn pages_that_answer_on_more_than_one_network_are_told_of() {
    let subject = Subject::WebReach;
    let second = Link {
        name: "eth1".into(),
        address: "10.0.0.2/24".into(),
        ..Link::default()
    };
    let two = check(subject, Verdict::Look, |it| net_of(it).links.push(second));
    assert_eq!(two.details.len(), 2);
    check(subject, Verdict::Look, |it| {
        site_of(it).tunnel = Some(Tunnel::default());
    });
    check(subject, Verdict::Look, reached);
    check(subject, Verdict::Unknown, |it| it.net = None);
    check(subject, Verdict::Unknown, |it| it.guard = None);
}

#[test]
fn passwords_that_guessers_try_first_are_found() {
    for password in ["100", "100100", "1234", "ramal100", "001", "senha"] {
        let finding = check(Subject::ExtensionPasswords, Verdict::Danger, |it| {
            site_of(it).extensions.push(extension("100", password));
        });
        assert_eq!(finding.details, [Text::same("100")], "{password}");
    }
    check(Subject::ExtensionPasswords, Verdict::Unknown, |it| {
        it.site = None
    });
}

/// R70.
#[test]
fn remote_extensions_that_are_not_used_outside_for_a_month_are_named() {
    let with = |since: Option<i64>, last: Option<i64>, expected| {
        let before = |days: i64| NOW - days * DAY_MILLIS;
        let used = |number: &str, since: Option<i64>, last: Option<i64>| RemoteUse {
            number: number.into(),
            since_millis: since.map(before),
            last_millis: last.map(before),
        };
        check(Subject::RemoteExtensions, expected, |it| {
            it.remote = Some(vec![
                used("100", Some(90), Some(1)),
                used("101", since, last),
            ]);
        })
    };
    with(Some(90), Some(29), Verdict::Good);
    let idle = with(Some(90), Some(30), Verdict::Look);
    assert_eq!(
        idle.details[0].english,
        "101: registered outside 30 days ago"
    );
    assert_eq!(idle.details.len(), 1);
    let never = with(Some(30), None, Verdict::Look);
    assert_eq!(
        never.details[0].english,
        "101: not registered outside in 30 days"
    );
    with(Some(29), None, Verdict::Unknown);
    with(None, None, Verdict::Unknown);
    check(Subject::RemoteExtensions, Verdict::Unknown, |it| {
        it.remote = None
    });
    check(Subject::RemoteExtensions, Verdict::Unknown, |it| {
        it.remote = Some(vec![RemoteUse::default()]);
        it.is_clock_believed = false;
    });
}

#[test]
fn people_with_a_password_alone_are_named_to_whoever_may_know_them() {
    let subject = Subject::SecondFactor;
    let bare = |role| {
        move |it: &mut Facts| {
            site_of(it).people.push(Person {
                login: "ana".into(),
                role,
                password_hash: Redacted::new("$argon2id$x".into()),
                ..Person::default()
            });
        }
    };
    let named = check(subject, Verdict::Look, bare(Role::Installer));
    assert_eq!(
        named.details,
        [Text::new("ana (installer)", "ana (instalador)")]
    );
    let unnamed = check(subject, Verdict::Look, |it| {
        bare(Role::Installer)(it);
        it.may_name_people = false;
    });
    assert!(unnamed.details.is_empty(), "{unnamed:?}");
    check(subject, Verdict::Danger, |it| {
        bare(Role::Administrator)(it);
        reached(it);
    });
    check(subject, Verdict::Look, |it| {
        bare(Role::User)(it);
        reached(it);
    });
    check(subject, Verdict::Good, |it| {
        bare(Role::User)(it);
        site_of(it).people[1].disabled = true;
    });
    check(subject, Verdict::Unknown, |it| it.site = None);
}

#[test]
fn accounts_that_nobody_has_taken_are_told_of() {
    let subject = Subject::OneTimePasswords;
    check(subject, Verdict::Look, |it| {
        site_of(it).people[0].password_one_time = true
    });
    check(subject, Verdict::Look, |it| {
        site_of(it).people[0].password_hash = Redacted::default();
    });
    check(subject, Verdict::Unknown, |it| it.site = None);
}

#[test]
fn wide_routes_and_what_they_cost_are_told_of() {
    let danger = |helps_thieves| Danger {
        text: Text::same("a route"),
        helps_thieves,
    };
    let dangers = |it: &mut Facts, helps: &[bool]| {
        let found = helps.iter().map(|helps| danger(*helps)).collect();
        it.dangers.as_mut().expect("dangers").found = found;
    };
    check(Subject::Routes, Verdict::Danger, |it| {
        dangers(it, &[false, true])
    });
    check(Subject::Routes, Verdict::Look, |it| dangers(it, &[false]));
    check(Subject::Routes, Verdict::Unknown, |it| it.dangers = None);

    let costs = |lost_cents, is_generic, has_cap| {
        move |it: &mut Facts| {
            it.dangers.as_mut().expect("dangers").worst = vec![Worst {
                text: Text::same("100"),
                is_generic,
                lost_cents,
                has_cap,
            }];
        }
    };
    let subject = Subject::BlastRadius;
    check(subject, Verdict::Danger, costs(100, true, true));
    check(subject, Verdict::Look, costs(100, false, false));
    check(subject, Verdict::Good, costs(100, false, true));
    check(subject, Verdict::Good, costs(0, true, false));
    check(subject, Verdict::Unknown, |it| it.dangers = None);
}

#[test]
fn phones_without_tls_are_told_of_and_those_outside_in_red() {
    let subject = Subject::PhoneSignalling;
    let phones = |all: Vec<Phone>| {
        move |it: &mut Facts| {
            it.pbx.as_mut().expect("pbx").phones = all;
        }
    };
    let inside = || phone("192.168.0.20:5060", "UDP");
    let outside = |transport| phone("203.0.113.7:5060", transport);
    check(subject, Verdict::Look, phones(vec![inside()]));
    let far = check(
        subject,
        Verdict::Danger,
        phones(vec![inside(), outside("TCP")]),
    );
    assert_eq!(far.details, [Text::same("100 (203.0.113.7:5060, TCP)")]);
    check(subject, Verdict::Good, phones(vec![outside("TLS")]));
    check(subject, Verdict::Unknown, phones(Vec::new()));
    check(subject, Verdict::Unknown, |it| it.pbx = None);
    check(subject, Verdict::Unknown, |it| it.net = None);
}

#[test]
fn sound_of_remote_extensions_has_to_be_encrypted() {
    let with = |encryption, remote, expected| {
        check(Subject::MediaEncryption, expected, |it| {
            let own = &mut site_of(it).extensions[0];
            own.remote = remote;
            own.settings = ExtensionSettings {
                encryption,
                ..ExtensionSettings::default()
            };
        });
    };
    with(Encryption::Off, false, Verdict::Look);
    with(Encryption::Optional, true, Verdict::Look);
    with(Encryption::Optional, false, Verdict::Good);
    with(Encryption::Required, true, Verdict::Good);
    check(Subject::MediaEncryption, Verdict::Unknown, |it| {
        it.site = None
    });
}

#[test]
fn trunks_are_judged_by_their_way_their_proof_and_their_state() {
    use Subject::{TrunkAuthentication, TrunkEncryption, TrunkService};
    check(TrunkEncryption, Verdict::Look, |it| {
        trunk_of(it).transport = TrunkTransport::Udp;
    });
    check(TrunkEncryption, Verdict::Look, |it| {
        trunk_of(it).encryption = Encryption::Optional;
    });
    let peer = |network: &str, expected| {
        let access = TrunkAccess::Peer {
            server: "203.0.113.9".into(),
            networks: vec![network.into()],
        };
        check(TrunkAuthentication, expected, |it| {
            trunk_of(it).access = access
        });
    };
    peer("203.0.113.0/28", Verdict::Look);
    peer("203.0.0.0/16", Verdict::Danger);
    check(TrunkService, Verdict::Danger, |it| {
        it.pbx.as_mut().expect("pbx").trunks[0].up = false;
    });
    check(TrunkService, Verdict::Unknown, |it| it.pbx = None);
    for subject in [TrunkEncryption, TrunkAuthentication, TrunkService] {
        check(subject, Verdict::Unknown, |it| it.site = None);
        check(subject, Verdict::Good, |it| {
            trunk_of(it).transport = TrunkTransport::Udp;
            trunk_of(it).enabled = false;
        });
    }
}

#[test]
fn a_backup_is_good_when_it_is_young_and_proved() {
    let subject = Subject::Backup;
    let taken = |days: i64| {
        move |it: &mut Facts| {
            backups_of(it).files[0].taken_millis = NOW - days * DAY_MILLIS;
        }
    };
    check(subject, Verdict::Good, taken(2));
    check(subject, Verdict::Danger, taken(3));
    check(subject, Verdict::Look, taken(-2));
    check(subject, Verdict::Danger, |it| {
        backups_of(it).files[0].is_proved = false
    });
    check(subject, Verdict::Danger, |it| backups_of(it).files.clear());
    check(subject, Verdict::Look, |it| {
        backups_of(it).files.clear();
        init_of(it).uptime_secs = 3_600;
    });
    check(subject, Verdict::Look, |it| {
        backups_of(it).failed = Some(BackupFailure::AwaitsRestart);
    });
    check(subject, Verdict::Unknown, |it| it.is_clock_believed = false);
    check(subject, Verdict::Unknown, |it| it.backups = None);
    check(Subject::BackupCode, Verdict::Danger, |it| {
        backups_of(it).has_code = false
    });
    check(Subject::BackupCode, Verdict::Unknown, |it| {
        it.backups = None
    });
    check(Subject::BackupCopy, Verdict::Unknown, |_| {});
}

#[test]
fn data_and_pages_are_judged_by_their_keys() {
    let key = |key, expected| {
        check(Subject::DataKey, expected, |it| {
            update_of(it).data_key = key
        });
    };
    key(Some(DataKey::OnDisk), Verdict::Look);
    key(Some(DataKey::Sealed(RecoveryCode::Unseen)), Verdict::Look);
    key(Some(DataKey::Sealed(RecoveryCode::Renewed)), Verdict::Good);
    key(None, Verdict::Unknown);
    check(Subject::DataKey, Verdict::Unknown, |it| it.update = None);

    let subject = Subject::Certificate;
    let certificate = |is_self_signed, days: i64, expected| {
        check(subject, expected, |it| {
            it.certificate = Some(Certificate {
                is_self_signed,
                until_millis: NOW + days * DAY_MILLIS,
            });
        });
    };
    certificate(false, 30, Verdict::Good);
    certificate(false, 29, Verdict::Look);
    certificate(false, -1, Verdict::Danger);
    certificate(true, 300, Verdict::Look);
    certificate(true, -1, Verdict::Danger);
    check(subject, Verdict::Unknown, |it| it.certificate = None);
    check(subject, Verdict::Unknown, |it| it.is_clock_believed = false);
}

#[test]
fn firmware_is_judged_by_age_keys_and_state() {
    use Subject::{FirmwareAge, FirmwareKeys, FirmwareState};
    let aged = |days: i64| {
        move |it: &mut Facts| {
            it.built_secs = u64::try_from((NOW - days * DAY_MILLIS) / 1_000).ok();
        }
    };
    check(FirmwareAge, Verdict::Good, aged(179));
    check(FirmwareAge, Verdict::Look, aged(180));
    check(FirmwareAge, Verdict::Danger, aged(365));
    check(FirmwareAge, Verdict::Unknown, |it| it.built_secs = None);
    check(FirmwareAge, Verdict::Unknown, |it| it.built_secs = Some(0));
    check(FirmwareAge, Verdict::Unknown, |it| {
        it.is_clock_believed = false
    });

    check(FirmwareKeys, Verdict::Danger, |it| {
        update_of(it).is_development = true
    });
    check(FirmwareState, Verdict::Danger, |it| {
        update_of(it).slots[0].is_damaged = true
    });
    check(FirmwareState, Verdict::Look, |it| {
        update_of(it).slots[0].condition = Condition::OnTrial { tries: 2 };
    });
    check(FirmwareState, Verdict::Danger, |it| {
        update_of(it).slots[0].condition = Condition::Bad;
    });
    for subject in [FirmwareKeys, FirmwareState] {
        check(subject, Verdict::Unknown, |it| update_of(it).slots.clear());
        check(subject, Verdict::Unknown, |it| it.update = None);
    }
}

#[test]
fn secure_boot_that_is_off_is_told_of_and_one_that_was_lost_in_red() {
    let subject = Subject::SecureBoot;
    let boot = |boot, expected| {
        check(subject, expected, |it| init_of(it).secure_boot = boot);
    };
    boot(SecureBoot::Off, Verdict::Look);
    boot(SecureBoot::Offered, Verdict::Look);
    boot(SecureBoot::AtNextStart, Verdict::Look);
    boot(SecureBoot::NotRead, Verdict::Unknown);
    check(subject, Verdict::Danger, |it| {
        init_of(it).is_secure_boot_lost = true
    });
    check(subject, Verdict::Unknown, |it| it.init = None);
}

#[test]
fn the_machine_is_judged_by_clock_disk_services_power_heat_and_address() {
    use Subject::{Address, Clock, Disk, Machine as OfMachine, Power, Services};
    check(Clock, Verdict::Danger, |it| it.is_clock_believed = false);
    check(Clock, Verdict::Unknown, |_| {});

    let free = |mib: u64| {
        move |it: &mut Facts| {
            it.store.as_mut().expect("store").free_bytes = mib << 20;
        }
    };
    check(Disk, Verdict::Danger, free(511));
    check(Disk, Verdict::Look, free(512));
    check(Disk, Verdict::Good, free(2_048));
    check(Disk, Verdict::Danger, |it| {
        it.store.as_mut().expect("store").warning = "read only".into();
    });
    check(Disk, Verdict::Unknown, |it| it.store = None);

    check(Services, Verdict::Danger, |it| {
        init_of(it).services[0].state = "given-up".into()
    });
    check(Services, Verdict::Look, |it| {
        init_of(it).services[0].restarts = 3
    });
    check(Services, Verdict::Unknown, |it| {
        init_of(it).services.clear()
    });
    check(Services, Verdict::Unknown, |it| it.init = None);

    let ended = |end: &'static str| move |it: &mut Facts| init_of(it).runs[0].end = end.into();
    check(Power, Verdict::Look, ended("unexpected"));
    check(Power, Verdict::Danger, ended("watchdog"));
    check(Power, Verdict::Good, ended("ordered"));
    check(Power, Verdict::Unknown, |it| init_of(it).runs.clear());

    let machine = |available_kib, temperature, expected| {
        check(OfMachine, expected, |it| {
            it.machine = Some(Machine {
                memory_kib: 1_000,
                available_kib,
                temperature,
            });
        });
    };
    machine(99, Some(40), Verdict::Look);
    machine(500, Some(85), Verdict::Danger);
    machine(500, Some(84), Verdict::Good);
    machine(500, None, Verdict::Unknown);
    check(OfMachine, Verdict::Unknown, |it| it.machine = None);

    check(Address, Verdict::Look, |it| net_of(it).set = None);
    check(Address, Verdict::Danger, |it| {
        net_of(it).links[0].conflict_with = "52:54:00:00:00:01".into();
    });
    check(Address, Verdict::Danger, |it| net_of(it).links.clear());
    check(Address, Verdict::Danger, |it| {
        net_of(it).unreadable = "gateway".into()
    });
    check(Address, Verdict::Unknown, |it| it.net = None);
}

/// R72-R80, T1-T3.
#[test]
fn ports_are_told_by_zone_from_what_runs() {
    let of = |facts: &Facts, ports: &str| {
        let all = crate::ports(facts);
        let row = all.into_iter().find(|it| it.ports == ports);
        row.expect("a row").reach
    };
    let calm = good();
    assert_eq!(
        of(&calm, "443"),
        [Reach::Open, Reach::Open, Reach::Absent, Reach::NotHeard]
    );
    assert_eq!(of(&calm, "16384-32767")[0], Reach::InCalls);
    assert_eq!(of(&calm, "5353")[3], Reach::Closed);
    for closed in ["3000", "5000", "5038", "8088", "8080", "2522"] {
        assert_eq!(of(&calm, closed), [Reach::Closed; 4], "{closed}");
    }

    let mut open = good();
    reached(&mut open);
    open.grid.as_mut().expect("grid").state = grid::State::Up;
    assert_eq!(
        of(&open, "5060"),
        [Reach::Open, Reach::Open, Reach::Open, Reach::Heard]
    );

    let mut stopped = good();
    init_of(&mut stopped).services[0].state = "given-up".into();
    assert_eq!(of(&stopped, "5060")[0], Reach::Stopped);
    assert_eq!(of(&stopped, "5060")[3], Reach::Stopped);

    for row in ports(&Facts::default()) {
        let expected = match row.ports {
            "5353" | "3000" | "5000" | "5038" | "8088" | "8080" | "2522" => continue,
            _ => [Reach::Unknown; 4],
        };
        assert_eq!(row.reach, expected, "{}", row.ports);
    }
    assert_eq!(Zone::ALL.len(), 4);
}
