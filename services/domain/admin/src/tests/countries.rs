//! Countries: who is refused for his, who came from where, and that nobody shuts himself out (R48,
//! R49).

use std::net::IpAddr;
use std::sync::Arc;

use config::Network;
use countries::{About, Country, Range, Table, pack};
use ipc::guard::{Arrivals, Bans, Guest, Protection};
use ipc::masquerade::State;
use ipc::pbx::Status;
use serde_json::{Value, json};

use super::world::{OWN_PASSWORD, World, get, post, text};
use crate::{Notice, Peer, Request};

const BRAZILIAN: &str = "203.0.113.7";
const GERMAN: &str = "198.51.100.7";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Documentation networks as if they were of countries.
fn table() -> Arc<Table> {
    let range = |first, last, code| Range {
        first,
        last,
        country: Country::parse(code),
    };
    let ipv4 = [
        range(0xc633_6400, 0xc633_64ff, "DE"),
        range(0xcb00_7100, 0xcb00_71ff, "BR"),
    ];
    let ipv6 = [range(0x2001_0db8_0049_0000, 0x2001_0db8_0049_ffff, "DE")];
    let about = About {
        made: 1_782_362_039,
        source: "Somebody's data".into(),
        licence: "CC-BY-SA-4.0".into(),
        address: "https://example.org/".into(),
    };
    let bytes = pack(&about, &ipv4, &ipv6).expect("packed");
    Arc::new(Table::parse(bytes).expect("a table"))
}

fn world() -> World {
    let mut world = World::new();
    world.admin.know(table());
    world
        .admin
        .meet(vec![Network::parse("192.168.1.0/24").expect("a network")]);
    world
}

fn knocks(world: &mut World, address: &str) -> bool {
    world.admin.knocks(world.now, ip(address))
}

fn only_brazil() -> Value {
    json!({"on": true, "allowed": ["BR"]})
}

/// What somebody who is signed in gets for a change of the countries from an address.
fn change(world: &mut World, address: &str, wish: &Value) -> (u16, String) {
    let session = world.sign_in("admin", OWN_PASSWORD);
    let request = Request {
        peer: Peer::Network(ip(address)),
        ..post("/api/countries", &session, wish)
    };
    let answer = world.ask(&request.with("accept-language", "en"));
    (answer.status, text(&answer))
}

#[test]
fn who_is_of_another_country_is_refused_before_anything_and_the_office_is_not() {
    let mut world = world();
    for address in [BRAZILIAN, GERMAN, "2001:db8:49::1", "192.168.1.5"] {
        assert!(!knocks(&mut world, address), "off: {address}");
    }
    assert_eq!(change(&mut world, "192.168.1.5", &only_brazil()).0, 200);
    for (address, is_refused) in [
        (BRAZILIAN, false),
        (GERMAN, true),
        ("2001:db8:49::1", true),
        // Of no country that is known.
        ("192.0.2.9", true),
        ("192.168.1.5", false),
        ("10.1.2.3", false),
        ("fd00::1", false),
    ] {
        assert_eq!(knocks(&mut world, address), is_refused, "{address}");
        let is_shut = world.admin.is_shut(world.now, ip(address));
        assert_eq!(
            is_shut, is_refused,
            "a connection that is open ends: {address}"
        );
    }
    // A trunk's server is heard from anywhere.
    let bans = Bans {
        protected: Some(vec![Guest {
            why: Protection::Trunk,
            network: format!("{GERMAN}/32"),
        }]),
        ..Bans::default()
    };
    for notice in Notice::read(world.now, &bans) {
        world.admin.obey(world.now, notice);
    }
    assert!(!knocks(&mut world, GERMAN));
    assert!(knocks(&mut world, "198.51.100.8"));
    // Only the pages are left out.
    let wish = json!({"web": false});
    assert_eq!(change(&mut world, "192.168.1.5", &wish).0, 200);
    assert!(!knocks(&mut world, "198.51.100.8"));
}

#[test]
fn nobody_shuts_himself_out_and_is_told_what_to_do() {
    let mut world = world();
    let (status, said) = change(&mut world, GERMAN, &only_brazil());
    assert_eq!(status, 409, "{said}");
    for part in [
        GERMAN,
        "Germany (DE)",
        "add DE to the countries",
        "from inside",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!world.site.countries.on);
    let (status, said) = change(&mut world, "192.0.2.9", &only_brazil());
    assert!(
        status == 409 && said.contains("whose country is not known"),
        "{said}"
    );
    assert_eq!(change(&mut world, BRAZILIAN, &only_brazil()).0, 200);
    // Nor later.
    let (status, said) = change(&mut world, BRAZILIAN, &json!({"allowed": ["PT"]}));
    assert_eq!(status, 409, "{said}");
    assert_eq!(world.site.countries.allowed, ["BR"]);
    let wish = json!({"allowed": ["PT"], "web": false});
    assert_eq!(
        change(&mut world, BRAZILIAN, &wish).0,
        200,
        "he is not asked there"
    );
}

#[test]
fn what_is_wrong_with_the_list_is_said_with_the_fix() {
    let mut world = world();
    for (wish, part) in [
        (json!({"on": true}), "name a country or switch it off"),
        (
            json!({"allowed": ["Brasil"]}),
            "two letters of ISO 3166-1, as BR",
        ),
        (json!({"allowed": ["BR", "br"]}), "is there twice"),
    ] {
        let (status, said) = change(&mut world, "192.168.1.5", &wish);
        assert!(status == 400 && said.contains(part), "{said}");
    }
    assert_eq!(world.site.countries, ipc::site::Countries::default());
}

#[test]
fn the_trail_says_what_was_changed() {
    let mut world = world();
    assert_eq!(change(&mut world, "192.168.1.5", &only_brazil()).0, 200);
    let told = world
        .audits
        .iter()
        .rfind(|it| it.action.contains("countries"));
    let told = told.expect("an entry");
    assert!(
        told.after.contains("countries.is_on false -> true")
            && told.after.contains("countries.allowed {} -> {BR}"),
        "{told:?}"
    );
}

fn came(country: &str, connections: u64, datagrams: u64, refused: u64) -> Arrivals {
    Arrivals {
        country: country.into(),
        connections,
        datagrams,
        refused,
    }
}

#[test]
fn who_came_is_told_of_all_services_together_whether_or_not_it_is_on() {
    let mut world = world();
    for _ in 0..3 {
        knocks(&mut world, GERMAN);
    }
    knocks(&mut world, BRAZILIAN);
    world.exchange.status = Status {
        arrivals: vec![came("", 0, 9, 0), came("DE", 1, 2, 0)],
        ..Status::default()
    };
    let session = world.sign_in("admin", OWN_PASSWORD);
    let seen = world.ask(&get("/api/countries/arrivals", &session));
    let seen: Value = serde_json::from_str(&text(&seen)).expect("JSON");
    let row = |place: usize| {
        let row = &seen["arrivals"][place];
        let code = row["country"]["code"].as_str().unwrap_or("none").to_owned();
        let count = |name: &str| row[name].as_u64().expect("a number");
        (
            code,
            count("connections"),
            count("datagrams"),
            row["allowed"] == true,
        )
    };
    assert_eq!(row(0), ("none".into(), 0, 9, false));
    assert_eq!(row(1), ("DE".into(), 4, 2, false));
    assert_eq!(row(2), ("BR".into(), 1, 0, false));
    assert_eq!(seen["data"]["licence"], "CC-BY-SA-4.0");
    assert_eq!(seen["data"]["made"], "2026-06-25T04:33:59Z");
    let page = text(&world.ask(&get("/countries", &session).with("accept-language", "en")));
    for part in [
        "Germany",
        "would be refused",
        "Somebody",
        "2026-06-25",
        "CC-BY-SA-4.0",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let portuguese = get("/countries", &session).with("accept-language", "pt-BR");
    assert!(text(&world.ask(&portuguese)).contains("Alemanha"));
}

#[test]
fn without_effect_it_says_so() {
    let mut world = World::new();
    world.site.countries = ipc::site::Countries {
        on: true,
        allowed: vec!["BR".into()],
        ..ipc::site::Countries::default()
    };
    world.changed_elsewhere();
    world.guard.status.masquerade = super::masquerade::report(State::Confirmed);
    // There is no table: nobody is refused.
    world.admin.meet(Vec::new());
    assert!(!knocks(&mut world, GERMAN));
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = text(&world.ask(&get("/countries", &session).with("accept-language", "en")));
    for part in [
        "a router seems to write its own address",
        "no table of countries",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
