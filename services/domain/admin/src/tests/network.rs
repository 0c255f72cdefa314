//! The box's address, tried from afar before it is kept.

use ipc::net;
use serde_json::{Value, json};

use super::world::{
    OWN_PASSWORD, World, form, get, json as body, observation, post, request, text,
};
use crate::Method;
use crate::step::Away;

const FIXED: &str = "10.0.0.5/24 10.0.0.1 10.0.0.1,2001:db8::53";

impl World {
    /// The service that holds the addresses.
    pub(super) fn net(&mut self, request: net::Request) -> Result<net::Reply, Away> {
        let is_capture = matches!(request, net::Request::Capture(_));
        if request != net::Request::Status && !is_capture {
            self.asked_net.push(request.clone());
        }
        if self.net_away {
            return Err(Away::Silent("net"));
        }
        match request {
            net::Request::Status => {
                let mut status = observation(false, false).net?;
                status.set.clone_from(&self.network);
                status.trial.clone_from(&self.trial);
                if let Some(fixed) = self.trial.as_ref().and_then(|it| it.network.as_ref())
                    && let Some(link) = status.links.first_mut()
                {
                    // A card takes an address that nobody has.
                    let address = fixed.split(' ').next().unwrap_or_default();
                    address.clone_into(&mut link.address);
                    link.conflict_with.clone_from(&self.conflict_with);
                }
                return Ok(net::Reply::Status(status));
            }
            net::Request::TakeUp => self.trial = None,
            net::Request::Try { network, secs } => {
                let left_secs = secs.into();
                self.trial = Some(net::Trial { network, left_secs });
            }
            net::Request::Capture(ask) => return self.exchange.card.answer(ask),
        }
        Ok(net::Reply::Done)
    }
}

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
        page.contains("/network/keep") && !page.contains("name=\"gateway\""),
        "{page}"
    );

    // By the address from before, it is not kept; nor is another one than was meant.
    let keep = |address: &str, at: &str| {
        let mut keep = post(
            "/api/network/keep",
            &session,
            &json!({ "address": address }),
        );
        keep.at = Some(at.parse().expect("an address"));
        keep
    };
    for (address, at) in [
        ("10.0.0.5/24", "192.168.0.7"),
        ("10.0.0.5/24", "fd77::7"),
        ("10.0.0.6/24", "10.0.0.5"),
        ("", "10.0.0.5"),
    ] {
        let refused = world.ask(&keep(address, at));
        assert_eq!(
            (refused.status, &world.network),
            (409, &None),
            "{address} {at}"
        );
    }
    world.conflict_with = "02:00:00:00:00:09".into();
    assert_eq!(world.ask(&keep("10.0.0.5/24", "10.0.0.5")).status, 409);
    world.conflict_with.clear();
    let kept = world.ask(&keep("10.0.0.5/24", "10.0.0.5"));
    assert_eq!(kept.status, 200, "{}", text(&kept));
    assert_eq!(world.network.as_deref(), Some(FIXED));
    assert_eq!(body(&kept)["set"], wish());
    assert_eq!(body(&kept)["trial"], Value::Null);
    let recorded = ["network 10.0.0.5/24 tried", "network set to 10.0.0.5/24"];
    assert_eq!(actions(&world), recorded);
    // It is over: there is nothing to keep, nor to go back from.
    let late = world.ask(&form("/network/keep", &session, "address=10.0.0.5%2F24"));
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
fn one_address_is_tried_at_a_time() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let first = world.ask(&post("/api/network/trial", &session, &wish()));
    assert_eq!(first.status, 200, "{}", text(&first));
    let other = json!({"address": "10.0.0.6/24"});
    let second = world.ask(&post("/api/network/trial", &session, &other));
    assert_eq!(second.status, 409, "{}", text(&second));
    assert_eq!(world.asked_net.len(), 1);
}

#[test]
fn what_the_router_gives_is_kept_once_it_had_the_time_to() {
    let mut world = World::new();
    world.network = Some(FIXED.into());
    let session = world.sign_in("admin", OWN_PASSWORD);
    let tried = world.ask(&post(
        "/api/network/trial",
        &session,
        &json!({"address": ""}),
    ));
    assert_eq!(tried.status, 200, "{}", text(&tried));
    let keep = form("/network/keep", &session, "address=");
    assert_eq!(world.ask(&keep).status, 409);
    world.trial = Some(net::Trial {
        network: None,
        left_secs: 260,
    });
    assert_eq!(world.ask(&keep).status, 303);
    assert_eq!(world.network, None);
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
    world.trial = None;
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
