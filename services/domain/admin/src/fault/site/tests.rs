use config::Feature;

use super::*;

/// One of each; what is quoted in it is in both languages.
fn every_wrong() -> Vec<Wrong> {
    let text = || "«x»".to_owned();
    vec![
        Wrong::Missing,
        Wrong::NotAPhone(text()),
        Wrong::NotOwned(text()),
        Wrong::NotDialled(text()),
        Wrong::NotANetwork(text()),
        Wrong::NotAHost(text()),
        Wrong::Pattern {
            text: text(),
            fault: PatternFault::Empty,
        },
        Wrong::Range {
            value: 991,
            from: 992,
            to: 993,
        },
        Wrong::Text(994),
        Wrong::NotAName(text()),
        Wrong::Twice(text()),
        Wrong::NoSuch {
            what: "time condition",
            name: text(),
        },
        Wrong::TooMany(995),
        Wrong::NotAZone(text()),
        Wrong::NotATime(text()),
        Wrong::NotADate(text()),
        Wrong::Backwards,
        Wrong::GroupForInstaller,
        Wrong::NotASecret,
        Wrong::NotAHash(996),
        Wrong::Clash {
            number: text(),
            other: Meaning::Group,
        },
        Wrong::NotACode(text()),
        Wrong::NotAStatus(997),
        Wrong::RouteOnly,
        Wrong::NotACertificate,
        Wrong::NotAFingerprint(text()),
        Wrong::NoTones(text()),
        Wrong::EmergencyRule(text()),
        Wrong::UnknownRule(text()),
        Wrong::NoAreas(text()),
        Wrong::KeepsPrefix(text()),
        Wrong::NotACadence(text()),
        Wrong::NotAKey,
        Wrong::NotAHostIp(text()),
        Wrong::OneOfEach,
        Wrong::OtherIpVersion,
        Wrong::TooWide(text(), 98),
        Wrong::NoGrid(text(), "127.0.0.0/8"),
        Wrong::Within(text()),
        Wrong::Overlap {
            network: text(),
            other: "«y»".to_owned(),
            what: "which counts as inside",
        },
        Wrong::NotACallingCode(text()),
        Wrong::AuditDays(991),
        Wrong::NotBytes(999),
        Wrong::NotAPrompt(text()),
        Wrong::FromOutsideOnly,
        Wrong::NotANumber(text()),
        Wrong::SparesAll(text(), 98),
        Wrong::NotACountry(text()),
        Wrong::NoCountry,
    ]
}

/// The place of a variant in [`every_wrong`]: one that is new does not compile until it is there.
const fn place(wrong: &Wrong) -> usize {
    match wrong {
        Wrong::Missing => 0,
        Wrong::NotAPhone(_) => 1,
        Wrong::NotOwned(_) => 2,
        Wrong::NotDialled(_) => 3,
        Wrong::NotANetwork(_) => 4,
        Wrong::NotAHost(_) => 5,
        Wrong::Pattern { .. } => 6,
        Wrong::Range { .. } => 7,
        Wrong::Text(_) => 8,
        Wrong::NotAName(_) => 9,
        Wrong::Twice(_) => 10,
        Wrong::NoSuch { .. } => 11,
        Wrong::TooMany(_) => 12,
        Wrong::NotAZone(_) => 13,
        Wrong::NotATime(_) => 14,
        Wrong::NotADate(_) => 15,
        Wrong::Backwards => 16,
        Wrong::GroupForInstaller => 17,
        Wrong::NotASecret => 18,
        Wrong::NotAHash(_) => 19,
        Wrong::Clash { .. } => 20,
        Wrong::NotACode(_) => 21,
        Wrong::NotAStatus(_) => 22,
        Wrong::RouteOnly => 23,
        Wrong::NotACertificate => 24,
        Wrong::NotAFingerprint(_) => 25,
        Wrong::NoTones(_) => 26,
        Wrong::EmergencyRule(_) => 27,
        Wrong::UnknownRule(_) => 28,
        Wrong::NoAreas(_) => 29,
        Wrong::KeepsPrefix(_) => 30,
        Wrong::NotACadence(_) => 31,
        Wrong::NotAKey => 32,
        Wrong::NotAHostIp(_) => 33,
        Wrong::OneOfEach => 34,
        Wrong::OtherIpVersion => 35,
        Wrong::TooWide(..) => 36,
        Wrong::NoGrid(..) => 37,
        Wrong::Within(_) => 38,
        Wrong::Overlap { .. } => 39,
        Wrong::NotACallingCode(_) => 40,
        Wrong::AuditDays(_) => 41,
        Wrong::NotBytes(_) => 42,
        Wrong::NotAPrompt(_) => 43,
        Wrong::FromOutsideOnly => 44,
        Wrong::NotANumber(_) => 45,
        Wrong::SparesAll(..) => 46,
        Wrong::NotACountry(_) => 47,
        Wrong::NoCountry => 48,
    }
}

fn every_fault() -> Vec<Fault> {
    let number = || "«100»".to_owned();
    vec![
        Fault::Realm,
        Fault::TooManyExtensions(991),
        Fault::TooManyPeople(992),
        Fault::TooMany {
            what: "time conditions",
            count: 993,
            max: 994,
        },
        Fault::Setting {
            of: "group 600".to_owned(),
            field: "members",
            wrong: Wrong::Missing,
        },
        Fault::Number {
            number: number(),
            fault: NumberFault::Length,
        },
        Fault::DuplicateNumber(number()),
        Fault::DisplayName(number()),
        Fault::Ha1 {
            number: number(),
            field: "ha1_md5",
            length: 995,
        },
        Fault::Login(number()),
        Fault::DuplicateLogin(number()),
        Fault::PasswordHash(number()),
        Fault::NoAdministrator,
    ]
}

/// The same for [`every_fault`].
const fn place_of(fault: &Fault) -> usize {
    match fault {
        Fault::Realm => 0,
        Fault::TooManyExtensions(_) => 1,
        Fault::TooManyPeople(_) => 2,
        Fault::TooMany { .. } => 3,
        Fault::Setting { .. } => 4,
        Fault::Number { .. } => 5,
        Fault::DuplicateNumber(_) => 6,
        Fault::DisplayName(_) => 7,
        Fault::Ha1 { .. } => 8,
        Fault::Login(_) => 9,
        Fault::DuplicateLogin(_) => 10,
        Fault::PasswordHash(_) => 11,
        Fault::NoAdministrator => 12,
    }
}

/// Another sentence in either language, that quotes the same, with no word of the other.
fn check(english: &str, portuguese: &str) {
    let at = format!("{english:?}\n{portuguese:?}");
    assert_ne!(english, portuguese);
    for word in portuguese.split(|it: char| !it.is_alphabetic()) {
        assert!(!ENGLISH.contains(&word), "{word}: {at}");
    }
    let quoted = |text: &str| QUOTED.map(|it| text.contains(it));
    assert_eq!(quoted(english), quoted(portuguese), "{at}");
}

const QUOTED: [&str; 11] = [
    "991", "992", "993", "994", "995", "996", "997", "98", "«x»", "«y»", "«100»",
];

const ENGLISH: [&str; 18] = [
    "the",
    "is",
    "are",
    "not",
    "must",
    "of",
    "it",
    "and",
    "remove",
    "choose",
    "with",
    "in",
    "there",
    "which",
    "write",
    "another",
    "extension",
    "give",
];

#[test]
fn every_fault_of_a_site_is_told_in_portuguese() {
    let (wrongs, faults) = (every_wrong(), every_fault());
    let places: Vec<usize> = wrongs.iter().map(place).collect();
    assert_eq!(places, (0..wrongs.len()).collect::<Vec<_>>());
    for wrong in &wrongs {
        check(&wrong.to_string(), &wrongness(wrong));
    }
    let places: Vec<usize> = faults.iter().map(place_of).collect();
    assert_eq!(places, (0..faults.len()).collect::<Vec<_>>());
    for fault in &faults {
        check(&fault.to_string(), &portuguese(fault));
    }
    for fault in [NumberFault::Length, NumberFault::NotADigit] {
        check(&fault.to_string(), number_fault(fault));
    }
    for fault in [
        PatternFault::Empty,
        PatternFault::TooLong,
        PatternFault::Sign('q'),
        PatternFault::TailInside,
        PatternFault::Set,
    ] {
        check(&fault.to_string(), &pattern(fault));
    }
    let code = |feature| Meaning::Code("«x»".to_owned(), feature);
    let codes = Feature::ALL.map(code);
    for other in [Meaning::Extension, Meaning::Group, Meaning::Slot]
        .into_iter()
        .chain(codes)
    {
        check(&other.to_string(), &meaning(&other));
    }
}

#[test]
fn things_and_fields_are_called_as_on_their_pages() {
    let check = |of: &str, field: &'static str, expected: &str| {
        let of = of.to_owned();
        let wrong = Wrong::Missing;
        let told = portuguese(&Fault::Setting { of, field, wrong });
        assert_eq!(told, format!("{expected}: precisa ser informado"));
    };
    check("group 600", "members", "grupo 600: Membros");
    check("group 600", "members.delay_secs", "grupo 600: Membros");
    let phones = "ramal 100: Telefones ao mesmo tempo";
    check("extension 100", "contacts_max", phones);
    check("trunk \"Oi\"", "unheard_of", "tronco \"Oi\": unheard_of");
    check(
        "person ana",
        "grants",
        "pessoa ana: Pode ver as ligações de",
    );
    check("feature codes", "park", "códigos de serviço: Estacionar");
    check("tunnel", "allowed", "túnel: allowed");
    assert_eq!(a("time condition"), "a condição de horário");
    assert_eq!(a("extension"), "o ramal");
}

#[test]
fn nobody_is_named_to_whoever_may_not_see_people() {
    let about = |wrong: Wrong| Fault::Setting {
        of: "person ana".to_owned(),
        field: "extensions",
        wrong,
    };
    let missing = about(Wrong::NoSuch {
        what: "extension",
        name: "100".to_owned(),
    });
    let named = [
        Invalid::Site(missing),
        Invalid::Site(about(Wrong::Twice("ana's".to_owned()))),
        Invalid::Site(Fault::Login("ana".to_owned())),
        Invalid::Site(Fault::DuplicateLogin("ana".to_owned())),
        Invalid::Site(Fault::PasswordHash("ana".to_owned())),
        Invalid::Said("person ana: tokens: more than 20 are too many".to_owned()),
    ];
    for fault in named {
        for language in [Language::English, Language::Portuguese] {
            assert!(fault.text(language).contains("ana"), "{fault:?}");
            let told = fault.without_people().text(language);
            let words: Vec<&str> = told.split(|it: char| !it.is_alphabetic()).collect();
            assert!(!words.contains(&"ana"), "{told}");
        }
    }
    let other = Invalid::Site(Fault::NoAdministrator);
    assert_eq!(other.without_people(), other);
}
