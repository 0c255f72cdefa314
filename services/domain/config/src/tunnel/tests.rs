use proptest::prelude::*;

use super::*;

const KEY: &str = "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=";

fn usual() -> Raw {
    Raw {
        addresses: vec!["10.200.0.5".into(), "fd77:200::5".into()],
        hub_key: KEY.into(),
        endpoint: "hub.example.com".into(),
        preshared_key: Redacted::new(KEY.into()),
        allowed: vec!["10.200.0.0/24".into(), "fd77:200::/64".into()],
        ..Raw::default()
    }
}

/// The faults of the usual tunnel with one thing changed.
fn said(change: impl FnOnce(&mut Raw)) -> Vec<String> {
    let mut raw = usual();
    change(&mut raw);
    let faults = Tunnel::parse(&raw).err().unwrap_or_default();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_tunnel_is_read_and_travels_back() {
    let tunnel = Tunnel::parse(&usual()).expect("right");
    assert_eq!(tunnel.keepalive, Duration::from_secs(25));
    assert_eq!((tunnel.port(), tunnel.mtu), (51820, 1280));
    assert_eq!(Tunnel::parse(&tunnel.to_ipc()), Ok(tunnel.clone()));
    let shown = format!("{tunnel:?} {:?}", usual());
    assert_eq!(
        shown.matches(KEY).count(),
        2,
        "the hub's key alone: {shown}"
    );
    assert!(said(|raw| raw.preshared_key = Redacted::default()).is_empty());
    let other = said(|raw| raw.endpoint = "[2001:db8::1]:7000".into());
    assert!(other.is_empty(), "{other:?}");
}

#[test]
fn what_is_wrong_is_told_with_its_field_and_no_secret() {
    let check = |change: fn(&mut Raw), expected: &str| {
        let said = said(change);
        assert!(
            said.len() == 1 && said[0].starts_with(expected),
            "{said:?}, not {expected}"
        );
    };
    check(
        |raw| raw.addresses.clear(),
        "tunnel: addresses: must be given",
    );
    check(
        |raw| raw.addresses[0] = "10.200.0.5/24".into(),
        "tunnel: addresses: \"10.200",
    );
    check(
        |raw| raw.addresses[0] = "127.0.0.1".into(),
        "tunnel: addresses: \"127.0.0.1\" is not",
    );
    check(
        |raw| raw.addresses[1] = "10.200.0.6".into(),
        "tunnel: addresses: are two",
    );
    check(
        |raw| raw.hub_key = KEY.replace('h', "?"),
        "tunnel: hub_key: is not a WireGuard key",
    );
    check(
        |raw| raw.endpoint = "hub example".into(),
        "tunnel: endpoint: \"hub example\"",
    );
    check(
        |raw| raw.endpoint = "10.200.0.1:51820".into(),
        "tunnel: endpoint: lies in 10.200.0.0/24",
    );
    check(|raw| raw.allowed.clear(), "tunnel: allowed: must be given");
    check(|raw| raw.keepalive_secs = 46, "tunnel: keepalive_secs: 46");
    check(|raw| raw.mtu = 1279, "tunnel: mtu: 1279");
    check(|raw| raw.mtu = 1421, "tunnel: mtu: 1421");
    let secret = "not a key but a secret all the same";
    let said = said(|raw| raw.preshared_key = Redacted::new(secret.into()));
    assert!(
        said[0].starts_with("tunnel: preshared_key: is not"),
        "{said:?}"
    );
    assert!(!said[0].contains(secret), "{said:?}");
}

#[test]
fn neither_a_default_route_nor_its_halves_nor_places_without_a_grid_are_allowed() {
    for wide in [
        "0.0.0.0/0",
        "::/0",
        "0.0.0.0/1",
        "128.0.0.0/1",
        "2000::/3",
        "10.0.0.0/7",
    ] {
        let said = said(|raw| raw.allowed.push(wide.into()));
        let wanted = format!("tunnel: allowed: {wide} is too wide");
        assert!(said.len() == 1 && said[0].starts_with(&wanted), "{said:?}");
    }
    for place in [
        "127.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/8",
        "fe80::/64",
        "ff02::/16",
    ] {
        let said = said(|raw| raw.allowed.push(place.into()));
        let wanted = format!("tunnel: allowed: {place} has addresses of");
        assert!(said.len() == 1 && said[0].starts_with(&wanted), "{said:?}");
    }
}

#[test]
fn an_address_that_reaches_nothing_is_refused() {
    let change = |raw: &mut Raw| {
        raw.addresses.truncate(1);
        raw.allowed.remove(0);
    };
    assert_eq!(said(change).len(), 1, "{:?}", said(change));
}

#[test]
fn what_is_on_the_other_side_and_elsewhere_too_is_found() {
    let tunnel = Tunnel::parse(&usual()).expect("right");
    let network = |text: &str| Network::parse(text).expect(text);
    let lan = [network("192.168.0.0/24"), network("10.0.0.0/8")];
    let found = tunnel.overlap(&lan);
    assert_eq!(found, Some((network("10.200.0.0/24"), lan[1])));
    assert_eq!(tunnel.overlap(&lan[..1]), None);
}

#[test]
fn a_key_is_44_signs_without_a_bit_too_many() {
    let key = TunnelKey::parse(KEY).expect("a key");
    assert_eq!(&key.0[..4], [0x84, 0x36, 0x41, 0xe6]);
    assert_eq!(key.to_text(), KEY);
    let zeros = TunnelKey([0; 32]).to_text();
    for bad in [
        "",
        "=",
        &KEY[1..],
        &KEY.replace("Y=", "Z="),
        &KEY.replace('=', "A"),
        &zeros,
    ] {
        assert_eq!(TunnelKey::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn every_key_travels_as_text(key in any::<[u8; 32]>(), text in "\\PC{0,60}") {
        prop_assert_eq!(TunnelKey::parse(&TunnelKey(key).to_text()), Some(TunnelKey(key)));
        let _ = TunnelKey::parse(&text);
    }
}
