use super::*;
use crate::NumberFault;

pub(crate) fn extension(number: &str) -> RawExtension {
    RawExtension {
        number: number.to_owned(),
        display_name: "Reception".to_owned(),
        ha1_md5: Redacted::new("0".repeat(32)),
        ha1_sha256: Redacted::new("f".repeat(64)),
        remote: false,
        ..RawExtension::default()
    }
}

pub(crate) fn site(change: impl FnOnce(&mut RawSite)) -> RawSite {
    let mut site = Site::factory("ramal").to_ipc();
    site.extensions = vec![extension("100"), extension("101")];
    change(&mut site);
    site
}

pub(crate) fn check(change: impl FnOnce(&mut RawSite), expected: &[Fault]) {
    let faults = Site::parse(&site(change)).err().unwrap_or_default();
    assert_eq!(faults, expected);
    for fault in faults {
        assert!(!fault.to_string().is_empty());
    }
}

#[test]
fn a_site_survives_the_journey() {
    let parsed = Site::parse(&site(|_| {})).expect("valid");
    assert_eq!(Site::parse(&parsed.to_ipc()), Ok(parsed.clone()));
    assert!(parsed.extension("100").is_some());
    assert!(parsed.extension("102").is_none());
    assert!(parsed.people.get("admin").is_some_and(Person::is_unclaimed));
}

#[test]
fn a_tunnel_leads_outside_and_takes_nobody_out_of_the_house() {
    let tunnel = ipc::site::Tunnel {
        addresses: vec!["10.200.0.5".into()],
        hub_key: "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=".into(),
        endpoint: "hub.example.com".into(),
        allowed: vec!["10.200.0.0/24".into()],
        ..ipc::site::Tunnel::default()
    };
    let parse = |internal: &[&str]| {
        Site::parse(&site(|site| {
            site.tunnel = Some(tunnel.clone());
            site.networks.internal = internal.iter().map(ToString::to_string).collect();
        }))
    };
    for internal in [&[][..], &["10.0.0.0/8"]] {
        let parsed = parse(internal).expect("valid");
        assert_eq!(Site::parse(&parsed.to_ipc()), Ok(parsed.clone()));
        let inside = |text: &str| {
            let address = text.parse().expect("an address");
            parsed.networks.is_internal(address, &[])
        };
        assert!(inside("10.1.2.3") && !inside("10.200.0.1") && !inside("10.200.0.5"));
    }
    let faults = parse(&["10.200.0.128/25"]).expect_err("refused");
    let said = faults[0].to_string();
    let expected = "tunnel: allowed: 10.200.0.0/24 has addresses in common with 10.200.0.128/25";
    assert!(
        faults.len() == 1 && said.starts_with(expected),
        "{faults:?}"
    );
}

#[test]
fn numbers_are_two_to_ten_digits_and_unique() {
    let bad = |number: &str, fault| Fault::Number {
        number: number.to_owned(),
        fault,
    };
    check(
        |s| s.extensions.push(extension("1")),
        &[bad("1", NumberFault::Length)],
    );
    let long = "12345678901";
    check(
        |s| s.extensions.push(extension(long)),
        &[bad(long, NumberFault::Length)],
    );
    check(
        |s| s.extensions.push(extension("10a")),
        &[bad("10a", NumberFault::NotADigit)],
    );
    check(
        |s| s.extensions.push(extension("")),
        &[bad("", NumberFault::Length)],
    );
    check(
        |s| s.extensions.push(extension("100")),
        &[Fault::DuplicateNumber("100".to_owned())],
    );
}

#[test]
fn hashes_have_the_length_of_their_algorithm() {
    let fault = |field, length| Fault::Ha1 {
        number: "100".to_owned(),
        field,
        length,
    };
    check(
        |s| s.extensions[0].ha1_md5 = Redacted::new("A".repeat(32)),
        &[fault("ha1_md5", 32)],
    );
    check(
        |s| s.extensions[0].ha1_sha256 = Redacted::new("a".repeat(32)),
        &[fault("ha1_sha256", 64)],
    );
}

#[test]
fn a_realm_cannot_break_out_of_its_quotes() {
    for realm in ["", "a\"b", "a\\b", "a:b", "a\r\nb"] {
        check(|s| s.realm = realm.to_owned(), &[Fault::Realm]);
    }
}

#[test]
fn the_last_administrator_stays() {
    check(|s| s.people.clear(), &[Fault::NoAdministrator]);
}

#[test]
fn an_empty_hash_is_for_unclaimed_accounts_only() {
    check(
        |s| s.people[0].password_one_time = false,
        &[Fault::PasswordHash("admin".to_owned())],
    );
}

#[test]
fn every_fault_is_told_at_once() {
    check(
        |s| {
            s.extensions[0].display_name = "bell\u{7}".to_owned();
            s.people[0].login = "Admin".to_owned();
        },
        &[
            Fault::DisplayName("100".to_owned()),
            Fault::Login("Admin".to_owned()),
            Fault::PasswordHash("Admin".to_owned()),
        ],
    );
}
