//! Who gets in (R4), and what every answer carries.

use super::world::{OWN_PASSWORD, World, form, get, json, post, request, text};
use crate::{Access, Face, Method, Peer, ROUTES, Request, Route};

/// One request for every route there is.
fn crawl() -> impl Iterator<Item = (&'static Route, Request)> {
    ROUTES.iter().map(|route| (route, filled(route)))
}

/// A request for a route, with `{}` filled in.
pub(super) fn filled(route: &Route) -> Request {
    let path = route.path.replace("{}", "100");
    match (route.method, route.face) {
        (Method::Post, Face::Page) => form(&path, "", ""),
        (Method::Post, _) => post(&path, "", &serde_json::json!({})),
        (method, _) => request(method, &path),
    }
}

#[test]
fn no_address_but_the_sign_in_answers_a_stranger() {
    let mut world = World::new();
    let mut closed = 0;
    for (route, request) in crawl() {
        for cookie in [
            "",
            "__Host-session=",
            "__Host-session=00",
            "__Host-session=zz",
            "session=1",
        ] {
            let response = world.ask(&request.clone().with("cookie", cookie));
            match (route.access, route.face) {
                (Access::Anybody, _) => {
                    let open = route.path.trim_start_matches("/api").starts_with("/login")
                        || route.path.starts_with("/assets/");
                    assert!(open, "{} must not be open to anybody", route.path);
                }
                (_, Face::Page) => {
                    assert_eq!(response.status, 303, "{}", route.path);
                    assert_eq!(
                        response.header("location"),
                        Some("/login"),
                        "{}",
                        route.path
                    );
                    assert!(response.body.is_empty());
                    closed += 1;
                }
                (_, _) => {
                    assert_eq!(response.status, 401, "{}", route.path);
                    assert_eq!(
                        json(&response),
                        serde_json::json!({"error": "sign in first"})
                    );
                    closed += 1;
                }
            }
        }
    }
    assert!(closed > 600, "{closed}");
    assert_eq!(world.version, 1, "nothing was changed");
    assert!(
        world
            .audits
            .iter()
            .all(|audit| audit.action == "sign-in refused")
    );
}

#[test]
fn a_stranger_does_not_learn_which_addresses_exist() {
    let mut world = World::new();
    for path in ["/api/nothing", "/api/extensions/1/2", "/api/status/"] {
        assert_eq!(world.ask(&get(path, "")).status, 401, "{path}");
    }
    assert_eq!(
        world.ask(&get("/nothing", "")).header("location"),
        Some("/login")
    );
    let cookie = world.sign_in("admin", OWN_PASSWORD);
    assert_eq!(world.ask(&get("/api/nothing", &cookie)).status, 404);
    assert_eq!(world.ask(&get("/api/logout", &cookie)).status, 405);
}

#[test]
fn an_administrator_reaches_every_reading_page() {
    let mut world = World::new();
    let cookie = world.sign_in("admin", OWN_PASSWORD);
    let made = world.ask(&form("/certificate/request", &cookie, ""));
    assert_eq!(made.status, 303);
    for route in ROUTES
        .iter()
        .filter(|r| r.method == Method::Get && !r.path.contains("{}"))
    {
        for language in ["en", "pt-BR"] {
            let request = get(route.path, &cookie).with("accept-language", language);
            let response = world.ask(&request);
            assert_eq!(response.status, 200, "{}", route.path);
        }
    }
}

#[test]
fn every_answer_forbids_framing_sniffing_and_foreign_content() {
    let mut world = World::new();
    let cookie = world.sign_in("admin", OWN_PASSWORD);
    for (route, request) in crawl() {
        let response = world.ask(&request.with("cookie", &cookie));
        let policy = response
            .header("content-security-policy")
            .unwrap_or_default();
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{}: {policy}", route.path);
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert!(response.header("strict-transport-security").is_some());
        let kept = response.header("cache-control").unwrap_or_default();
        assert_eq!(
            kept == "no-store",
            route.face != Face::Asset,
            "{}",
            route.path
        );
    }
}

#[test]
fn pages_hold_no_inline_script_or_style() {
    let mut world = World::new();
    let cookie = world.sign_in("admin", OWN_PASSWORD);
    for path in [
        "/",
        "/extensions",
        "/routes",
        "/calls",
        "/audit",
        "/password",
        "/login",
    ] {
        let page = text(&world.ask(&get(path, &cookie)));
        for inline in ["<style", " style=", "javascript:", " onclick", " onload"] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
        assert!(
            !page.contains("http://") && !page.contains("https://"),
            "{path}"
        );
    }
}

#[test]
fn another_site_cannot_make_the_browser_act() {
    let mut world = World::new();
    let cookie = world.sign_in("admin", OWN_PASSWORD);
    let body = serde_json::json!({"number": "100"});
    let foreign = post("/api/extensions", &cookie, &body).with("origin", "https://evil.example");
    assert_eq!(world.ask(&foreign).status, 403);

    let mut plain = request(Method::Post, "/api/extensions").with("cookie", &cookie);
    plain.body = body.to_string().into_bytes();
    assert_eq!(
        world
            .ask(&plain.clone().with("content-type", "text/plain"))
            .status,
        415
    );
    assert_eq!(world.ask(&plain).status, 415);

    let mut unmarked = request(Method::Post, "/extensions").with("cookie", &cookie);
    unmarked.body = b"number=100".to_vec();
    assert_eq!(world.ask(&unmarked).status, 403, "a form without Origin");
    assert_eq!(
        world
            .ask(&form("/extensions", &cookie, "number=100"))
            .status,
        201
    );
}

#[test]
fn a_local_program_needs_no_session_and_is_recorded_as_local() {
    let mut world = World::new();
    let mut request = post("/api/extensions", "", &serde_json::json!({"number": "100"}));
    request.peer = Peer::Local;
    assert_eq!(world.ask(&request).status, 201);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        (audit.who.as_str(), audit.from.as_str()),
        ("local", "local")
    );
}

#[test]
fn nobody_on_the_network_becomes_local_by_saying_so() {
    let mut world = World::new();
    let request = get("/api/status", "__Host-session=local").with("x-peer", "local");
    assert_eq!(world.ask(&request).status, 401);
}
