//! Tokens: less than their owner may do, for a time, never what gives rights.

use ipc::site::Role;
use serde_json::json;

use super::access::filled;
use super::world::{OWN_PASSWORD, World, form, get, json as body, post, request, text};
use crate::{Access, Face, Method, Permission, ROUTES, Request};

fn by(secret: &str, request: Request) -> Request {
    request.with("authorization", &format!("Bearer {secret}"))
}

/// A box, a session of `admin`, and a token of his that may this.
fn office(permissions: &[&str]) -> (World, String, String) {
    let mut world = World::new();
    world.hire("ana", Role::Operator, "100");
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({"name": "panel", "permissions": permissions, "days": 30});
    let made = world.ask(&post("/api/tokens", &session, &wish));
    assert_eq!(made.status, 201, "{}", text(&made));
    let secret = body(&made)["token"].as_str().expect("text").to_owned();
    (world, session, secret)
}

#[test]
fn a_token_reaches_what_it_was_given_and_nothing_else() {
    let given = ["see-status", "change-configuration"];
    for route in ROUTES.iter().filter(|it| it.face == Face::Api) {
        let (mut world, _, secret) = office(&given);
        let response = world.ask(&by(&secret, filled(route)));
        let may = match route.access {
            Access::Anybody => continue,
            Access::May(Permission::SeeStatus | Permission::ChangeConfiguration) => true,
            Access::HalfSignedIn | Access::SignedIn | Access::May(_) | Access::Sure(_) => false,
        };
        let refused = [401, 403].contains(&response.status);
        assert_eq!(refused, !may, "{:?} {}", route.method, route.path);
    }
}

#[test]
fn no_token_gives_rights_however_it_was_asked_for() {
    let (mut world, session, _) = office(&["see-status"]);
    for permission in [
        "manage-people",
        "own-account",
        "manage-data",
        "everything",
        "",
    ] {
        let wish = json!({"name": "more", "permissions": [permission]});
        let refused = world.ask(&post("/api/tokens", &session, &wish));
        assert_eq!(refused.status, 400, "{permission}");
        assert!(text(&refused).contains("cannot be given; use some of see-status"));
    }
    for (wish, reason) in [
        (
            json!({"name": "more", "permissions": []}),
            "name at least one",
        ),
        (
            json!({"name": "more", "permissions": ["see-status"], "days": 400}),
            "days: use 1 to 366",
        ),
        (
            json!({"name": "", "permissions": ["see-status"]}),
            "is not a name",
        ),
    ] {
        let refused = world.ask(&post("/api/tokens", &session, &wish));
        assert_eq!(refused.status, 400);
        assert!(text(&refused).contains(reason), "{}", text(&refused));
    }
    // Somebody cannot give what he has not.
    let anas = world.sign_in("ana", OWN_PASSWORD);
    let wish = json!({"name": "more", "permissions": ["see-audit"]});
    assert_eq!(world.ask(&post("/api/tokens", &anas, &wish)).status, 400);
    // One that stands there all the same, from wherever, gives no more.
    let (mut world, _, secret) = office(&["see-status"]);
    let token = &mut world.site.people[0].tokens[0];
    token.permissions = vec!["manage-people".into(), "own-account".into(), "fly".into()];
    world.changed_elsewhere();
    let wish = json!({"login": "rui"});
    assert_eq!(
        world
            .ask(&by(&secret, post("/api/people", "", &wish)))
            .status,
        403
    );
    assert_eq!(world.ask(&by(&secret, get("/api/tokens", ""))).status, 403);
    assert_eq!(world.ask(&by(&secret, get("/api/status", ""))).status, 403);
}

#[test]
fn a_token_is_shown_once_kept_as_a_hash_and_told_from_its_owner_in_the_trail() {
    let (mut world, session, secret) = office(&["see-status", "change-configuration"]);
    assert!(secret.starts_with("ramal_") && secret.len() == 70);
    let made = world.audits.last().expect("recorded");
    assert_eq!(made.action, "token \"panel\" of admin made");
    assert!(
        made.after
            .starts_with("may see-status change-configuration, expires 2026-")
    );
    let kept = &world.site.people[0].tokens[0];
    assert!(!kept.hash.reveal().contains(&secret[6..]));
    let create = post("/api/extensions", "", &json!({"number": "300"}));
    // A program needs no Origin, and another one does not stop it.
    let create = create.with("origin", "https://elsewhere.example");
    assert_eq!(world.ask(&by(&secret, create)).status, 201);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        (&*audit.who, &*audit.from),
        ("admin", "10.0.0.5, token panel")
    );
    let listed = world.ask(&get("/api/tokens", &session));
    let list = body(&listed);
    assert_eq!(list[0]["name"], "panel");
    assert!(list[0]["last_used"].is_string() && !text(&listed).contains(&secret[6..]));
    for path in [
        "/api/people",
        "/api/site",
        "/tokens",
        "/api/audit",
        "/api/history/2",
    ] {
        let shown = text(&world.ask(&get(path, &session)));
        assert!(
            !shown.contains(&secret[6..]) && !shown.contains(kept_hash(&world)),
            "{path}"
        );
    }
    assert!(!format!("{:?} {:?}", world.admin.site, world.audits).contains(&secret[6..]));
}

fn kept_hash(world: &World) -> &str {
    world.site.people[0].tokens[0].hash.reveal()
}

#[test]
fn a_token_ends_with_its_time_its_owner_or_by_being_taken_back() {
    let status =
        |world: &mut World, secret: &str| world.ask(&by(secret, get("/api/status", ""))).status;
    let (mut world, session, secret) = office(&["see-status"]);
    assert_eq!(status(&mut world, &secret), 200);
    assert_eq!(status(&mut world, &format!("{secret}0")), 401);
    assert_eq!(status(&mut world, ""), 401);
    world.pass(30 * 24 * 3600 - 1);
    assert_eq!(status(&mut world, &secret), 200);
    world.pass(1);
    assert_eq!(status(&mut world, &secret), 401, "its time is over");
    drop(session);

    let (mut world, session, secret) = office(&["see-status"]);
    let delete = request(Method::Delete, "/api/tokens/panel").with("cookie", &session);
    assert_eq!(world.ask(&delete).status, 204);
    assert_eq!(status(&mut world, &secret), 401);
    assert_eq!(world.ask(&delete).status, 404);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.action, "token \"panel\" of admin revoked");

    let (mut world, session, secret) = office(&["see-status"]);
    world.hire("rui", Role::Administrator, "101");
    let ruis = world.sign_in("rui", OWN_PASSWORD);
    let wish = json!({"role": "user"});
    assert_eq!(
        world.ask(&post("/api/people/admin", &ruis, &wish)).status,
        200
    );
    assert_eq!(status(&mut world, &secret), 403, "what its owner may not");
    let wish = json!({"role": "administrator", "disabled": true});
    assert_eq!(
        world.ask(&post("/api/people/admin", &ruis, &wish)).status,
        200
    );
    assert_eq!(
        status(&mut world, &secret),
        401,
        "its owner may not sign in"
    );
    let wish = json!({"disabled": false});
    assert_eq!(
        world.ask(&post("/api/people/admin", &ruis, &wish)).status,
        200
    );
    assert_eq!(status(&mut world, &secret), 200);
    let reset = post("/api/people/admin/one-time-password", &ruis, &json!({}));
    assert_eq!(world.ask(&reset).status, 200);
    assert_eq!(
        status(&mut world, &secret),
        401,
        "its owner says first who he is"
    );
    let all = request(Method::Delete, "/api/people/admin/tokens").with("cookie", &ruis);
    assert_eq!(world.ask(&all).status, 204);
    assert!(world.site.people[0].tokens.is_empty());
    drop(session);
}

#[test]
fn a_token_sees_no_more_calls_than_its_owner_by_hand() {
    let (mut world, _, secret) = office(&["see-calls"]);
    let calls = body(&world.ask(&by(&secret, get("/api/calls", ""))));
    assert_eq!(calls, json!([]), "not everybody's: that was not given");
    let (mut world, _, secret) = office(&["see-calls", "see-every-call"]);
    let calls = body(&world.ask(&by(&secret, get("/api/calls", ""))));
    assert_eq!(calls.as_array().map(Vec::len), Some(1));
    let page = world.ask(&by(&secret, get("/calls", "")));
    assert_eq!(
        page.header("location"),
        Some("/login"),
        "pages are for people"
    );
}

#[test]
fn the_page_makes_and_takes_back() {
    let (mut world, session, _) = office(&["see-status"]);
    for (language, word) in [("en", "read the audit trail"), ("pt-BR", "ler a auditoria")] {
        let page = get("/tokens", &session).with("accept-language", language);
        let page = text(&world.ask(&page));
        assert!(
            page.contains(word) && !page.contains("manage-people"),
            "{page}"
        );
    }
    let fields = "name=Meu+painel&permissions=see-status&permissions=see-audit&days=7";
    let made = world.ask(&form("/tokens", &session, fields));
    assert_eq!(made.status, 201, "{}", text(&made));
    assert!(text(&made).contains("ramal_"));
    let again = world.ask(&form("/tokens", &session, fields));
    assert_eq!(again.status, 409);
    let wrong = world.ask(&form(
        "/tokens",
        &session,
        "name=x&permissions=see-status&days=x",
    ));
    assert_eq!(wrong.status, 400);
    let delete = world.ask(&form("/tokens/Meu%20painel/delete", &session, ""));
    assert_eq!(delete.header("location"), Some("/tokens"));
    assert_eq!(world.site.people[0].tokens.len(), 1);
    world.pass(300);
    let late = world.ask(&form("/tokens", &session, fields));
    assert_eq!(late.status, 403, "the password again first");
}

#[test]
fn a_change_asked_for_by_a_token_waits_no_longer_than_the_token_lasts() {
    for revoked in [false, true] {
        let (mut world, _, secret) = office(&["change-configuration"]);
        let moment = world.moment();
        let wish = post("/api/extensions", "", &json!({"number": "103"}));
        let step = world.admin.handle(moment, &by(&secret, wish));
        world.hire("rui", Role::Administrator, "101");
        let owner = &mut world.site.people[0];
        match revoked {
            true => owner.tokens.clear(),
            false => owner.role = Role::Operator,
        }
        world.version += 1;
        assert_eq!(world.run(step).status, 401, "revoked: {revoked}");
        assert_eq!(world.site.extensions.len(), 3);
    }
}
