//! The box's address, tried from afar before it is kept.

use ipc::net;
use serde_json::{Value, json};

use super::world::{OWN_PASSWORD, World, form, get, json as body, post, request, text};
use crate::Method;

const FIXED: &str = "10.0.0.5/24 10.0.0.1 10.0.0.1,2001:db8::53";

fn wish() -> Value {
    json!({"address": "10.0.0.5/24", "gateway": "10.0.0.1", "dns": ["10.0.0.1", "2001:db8::53"]})
}

fn actions(world: &World) -> Vec<&str> {
    let all = world.audits.iter().map(|it| it.action.as_str());
    all.filter(|it| it.starts_with("network")).collect()
}

#[test]
fn an_address_is_tried_before_it_is_kept_and_both_are_on_record() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let tried = world.ask(&post("/api/network/trial", &session, &wish()));
    assert_eq!(tried.status, 200, "{}", text(&tried));
    assert_eq!(body(&tried)["trial"]["network"], wish());
    let asked = net::Request::Try {
        network: Some(FIXED.into()),
        secs: 300,
    };
    assert_eq!(world.asked_net, [asked]);
    assert_eq!(world.network, None, "nothing keeps it yet");

    let seen = body(&world.ask(&get("/api/network", &session)));
    assert_eq!(
        (&seen["set"], &seen["trial"]["left_secs"]),
        (&Value::Null, &json!(300))
    );
    let page = text(&world.ask(&get("/network", &session)));
    assert!(
        page.contains("/network/keep") && !page.contains("name=\"address\""),
        "{page}"
    );

    let kept = world.ask(&post("/api/network/keep", &session, &json!({})));
    assert_eq!(kept.status, 200, "{}", text(&kept));
    assert_eq!(world.network.as_deref(), Some(FIXED));
    assert_eq!(body(&kept)["set"], wish());
    assert_eq!(body(&kept)["trial"], Value::Null);
    let recorded = ["network 10.0.0.5/24 tried", "network set to 10.0.0.5/24"];
    assert_eq!(actions(&world), recorded);
    // It is over: there is nothing to keep, nor to go back from.
    let late = world.ask(&form("/network/keep", &session, ""));
    assert_eq!(late.status, 409);
    let end = request(Method::Delete, "/api/network/trial").with("cookie", &session);
    assert_eq!(world.ask(&end).status, 409);
}

#[test]
fn a_trial_ends_before_its_time_when_somebody_wants_that() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let tried = world.ask(&form(
        "/network",
        &session,
        "way=fixed&address=10.0.0.5%2F24&gateway=10.0.0.1&dns=10.0.0.1%2C+2001%3Adb8%3A%3A53",
    ));
    assert_eq!(tried.status, 200, "{}", text(&tried));
    assert!(
        text(&tried).contains("https://10.0.0.5/network"),
        "{}",
        text(&tried)
    );
    let back = world.ask(&form("/network/return", &session, ""));
    assert_eq!(back.status, 303, "{}", text(&back));
    assert_eq!(world.asked_net.last(), Some(&net::Request::TakeUp));
    assert_eq!((&world.trial, &world.network), (&None, &None));
    assert_eq!(actions(&world).last(), Some(&"network trial ended"));
}

#[test]
fn the_router_is_asked_again_by_either_face() {
    let mut world = World::new();
    world.network = Some(FIXED.into());
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = world.ask(&form(
        "/network",
        &session,
        "way=dhcp&address=10.0.0.5%2F24&dns=1",
    ));
    assert_eq!(page.status, 200, "{}", text(&page));
    let by_api = world.ask(&post(
        "/api/network/trial",
        &session,
        &json!({"address": ""}),
    ));
    assert_eq!(by_api.status, 200, "{}", text(&by_api));
    let dhcp = net::Request::Try {
        network: None,
        secs: 300,
    };
    assert_eq!(world.asked_net, [dhcp.clone(), dhcp]);
}

#[test]
fn a_field_that_is_wrong_is_named_and_nothing_is_tried() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (field, value) in [
        ("address", json!("10.0.0.0/24")),
        ("address", json!("box.example")),
        ("gateway", json!("10.9.9.9")),
        ("dns", json!(["dns.example"])),
        ("address", json!("")),
    ] {
        let mut wrong = wish();
        wrong[field] = value.clone();
        let refused = world.ask(&post("/api/network/trial", &session, &wrong));
        let said = body(&refused)["error"].to_string();
        assert!(
            refused.status == 400 && said.contains(field),
            "{value}: {said}"
        );
    }
    let page = world.ask(&form("/network", &session, "way=fixed&address="));
    assert!(page.status == 400 && text(&page).contains("192.168.10.5/24"));
    assert!(world.asked_net.is_empty() && actions(&world).is_empty());
}

#[test]
fn an_address_that_the_tunnel_would_make_an_outside_one_is_not_tried() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let tunnel = json!({
        "addresses": ["10.200.0.5"],
        "hub_key": "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=",
        "endpoint": "hub.example.com",
        "allowed": ["10.0.0.0/24"],
    });
    let set = world.ask(&post("/api/grid/tunnel", &session, &tunnel));
    assert_eq!(set.status, 200, "{}", text(&set));
    let refused = world.ask(&post("/api/network/trial", &session, &wish()));
    let said = body(&refused)["error"].to_string();
    assert!(
        refused.status == 400 && said.contains("behind the tunnel"),
        "{said}"
    );
    assert!(world.asked_net.is_empty());
}

#[test]
fn while_nobody_holds_the_address_that_is_said() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.net_away = true;
    let refused = world.ask(&post("/api/network/trial", &session, &wish()));
    assert_eq!(refused.status, 503, "{}", text(&refused));
    let refused = world.ask(&get("/network", &session));
    assert_eq!(refused.status, 503, "{}", text(&refused));
}
