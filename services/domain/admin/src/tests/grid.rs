//! The tunnel to a grid.

use serde_json::{Value, json};

use super::world::{OWN_KEY, OWN_PASSWORD, World, get, json as body, post, request, text};
use crate::Method;

const HUB: &str = "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=";
const SHARED: &str = "8Gz9pAFZzWz6dHJ9ky4PSD2OTgPHkgrTiSLVjvuMkQ4=";

fn wish() -> Value {
    json!({
        "addresses": ["10.200.0.5"],
        "hub_key": HUB,
        "endpoint": "hub.example.com",
        "preshared_key": SHARED,
        "allowed": ["10.200.0.0/24"],
    })
}

#[test]
fn a_tunnel_is_set_changed_and_taken_away_and_its_secret_never_shown() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let seen = world.ask(&get("/api/grid", &session));
    assert_eq!(body(&seen)["tunnel"], Value::Null);

    let set = world.ask(&post("/api/grid/tunnel", &session, &wish()));
    assert_eq!(set.status, 200, "{}", text(&set));
    let tunnel = &body(&set)["tunnel"];
    assert_eq!(tunnel["preshared_key_set"], true);
    assert_eq!(
        (&tunnel["keepalive_secs"], &tunnel["mtu"]),
        (&json!(25), &json!(1280))
    );
    let change = json!({"endpoint": "198.51.100.7:7000"});
    let changed = world.ask(&post("/api/grid/tunnel", &session, &change));
    assert_eq!(body(&changed)["tunnel"]["endpoint"], "198.51.100.7:7000");
    let kept = world.site.tunnel.as_ref().expect("kept");
    assert_eq!(kept.preshared_key.reveal(), SHARED);

    let delete = request(Method::Delete, "/api/grid/tunnel").with("cookie", &session);
    assert_eq!(world.ask(&delete).status, 204);
    assert_eq!(world.site.tunnel, None);
    let actions: Vec<_> = world.audits.iter().map(|it| it.action.as_str()).collect();
    let of_tunnel = ["tunnel changed", "tunnel changed", "tunnel deleted"];
    assert!(actions.ends_with(&of_tunnel), "{actions:?}");
    for path in ["/api/grid", "/api/audit"] {
        let shown = text(&world.ask(&get(path, &session)));
        assert!(!shown.contains(SHARED), "{path}");
    }
    let all = format!("{:?}{:?}", world.admin, world.audits);
    assert!(!all.contains(SHARED) && all.contains(HUB), "{all}");
}

#[test]
fn a_tunnel_that_would_take_the_own_network_or_everything_is_refused() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (allowed, expected) in [
        (
            "192.168.0.0/16",
            "common with 192.168.0.0/24, a network the box is in",
        ),
        (
            "fd77::/48",
            "common with fd77::/64, a network the box is in",
        ),
        ("0.0.0.0/0", "0.0.0.0/0 is too wide"),
    ] {
        let mut wish = wish();
        wish["allowed"] = json!(["10.200.0.0/24", allowed]);
        let refused = world.ask(&post("/api/grid/tunnel", &session, &wish));
        assert_eq!(refused.status, 400, "{allowed}");
        assert!(text(&refused).contains(expected), "{}", text(&refused));
    }
    let misspelt = json!({"adresses": ["10.200.0.5"]});
    let refused = world.ask(&post("/api/grid/tunnel", &session, &misspelt));
    assert_eq!(refused.status, 400);
    assert_eq!(world.site.tunnel, None);
}

#[test]
fn no_tunnel_is_set_while_nobody_knows_where_the_box_is() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.net_away = true;
    let refused = world.ask(&post("/api/grid/tunnel", &session, &wish()));
    assert_eq!(refused.status, 503, "{}", text(&refused));
    assert!(
        text(&refused).contains("net does not say"),
        "{}",
        text(&refused)
    );
    assert_eq!(world.site.tunnel, None);
    world.net_away = false;
    let set = world.ask(&post("/api/grid/tunnel", &session, &wish()));
    assert_eq!(set.status, 200, "{}", text(&set));
}

#[test]
fn the_page_shows_the_boxs_public_key_and_how_the_tunnel_stands() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let seen = body(&world.ask(&get("/api/grid", &session)));
    let wanted = json!({
        "public_key": OWN_KEY, "state": "up", "since_secs": 70, "handshake_secs": 7,
        "reason": "", "tunnel": null,
    });
    assert_eq!(seen, wanted);
    world.ask(&post("/api/grid/tunnel", &session, &wish()));
    let page = |world: &mut World, language| {
        let request = get("/grid", &session).with("accept-language", language);
        text(&world.ask(&request))
    };
    let portuguese = page(&mut world, "pt-BR");
    for wanted in [
        OWN_KEY,
        HUB,
        "no ar",
        "hub.example.com",
        "10.200.0.0/24",
        "Chave pública",
    ] {
        assert!(portuguese.contains(wanted), "{wanted}: {portuguese}");
    }
    let english = page(&mut world, "en");
    assert!(english.contains("Public key of the box"), "{english}");
    assert!(!english.contains(SHARED) && !portuguese.contains(SHARED));
}

/// What `grid` says of a tunnel that is up.
pub(super) fn is_up() -> ipc::grid::Reply {
    ipc::grid::Reply::Status(ipc::grid::Status {
        public_key: OWN_KEY.into(),
        state: ipc::grid::State::Up,
        since_secs: Some(70),
        handshake_secs: Some(7),
        reason: String::new(),
    })
}
