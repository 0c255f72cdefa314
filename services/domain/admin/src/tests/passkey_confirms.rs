//! Passkeys that say again who somebody is: what they confirm, what not, and what is held against
//! whoever uses them.

use ipc::site::Role;
use serde_json::{Value, json};

use super::passkeys::authenticator::Authenticator;
use super::passkeys::{asked, office, owner, sign_in, sure, used};
use super::world::{
    OWN_PASSWORD, World, cookie, form, get, goes_on, json as body, post, request, sign_in_from,
    text,
};
use crate::Method;

/// Signs in with the password, and the passkey after it.
fn sign_in_by_both(world: &mut World, authenticator: &mut Authenticator) -> String {
    let half = cookie(&world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD)));
    let asked_for = body(&world.ask(&post("/api/code/passkey/new", &half, &json!({}))));
    let answer = authenticator.sign(&asked(&asked_for));
    let owner = owner(world, "admin");
    let wish = json!({ "credential": used(authenticator, &owner, &answer) });
    let whole = world.ask(&post("/api/code/passkey", &half, &wish));
    assert_eq!(whole.status, 200, "{}", text(&whole));
    cookie(&whole)
}

/// What a passkey answers that is to say again who it is.
fn confirmation(world: &mut World, session: &str, authenticator: &mut Authenticator) -> Value {
    let options = world.ask(&post("/api/confirm/passkey/new", session, &json!({})));
    assert_eq!(options.status, 200, "{}", text(&options));
    let answer = authenticator.sign(&asked(&body(&options)));
    let owner = owner(world, "admin");
    json!({ "credential": used(authenticator, &owner, &answer) })
}

const LATER: u64 = 300;

#[test]
fn a_passkey_says_again_who_it_is_but_makes_no_other_way_in() {
    let (mut world, mut authenticator, _) = office();
    let session = sign_in_by_both(&mut world, &mut authenticator);
    world.pass(LATER);
    let make =
        |session: &str, login: &str| post("/api/people", session, &json!({ "login": login }));
    assert_eq!(world.ask(&make(&session, "eva")).status, 403);
    let said = confirmation(&mut world, &session, &mut authenticator);
    let confirmed = world.ask(&post("/api/confirm/passkey", &session, &said));
    assert_eq!(confirmed.status, 200, "{}", text(&confirmed));
    let sure = cookie(&confirmed);
    assert_eq!(
        world.ask(&make(&session, "eva")).status,
        401,
        "the old token is over"
    );
    assert_eq!(world.ask(&make(&sure, "eva")).status, 201);
    for (path, wish) in [
        ("/api/passkeys/new", json!({})),
        ("/api/second-factor/new", json!({})),
        (
            "/api/tokens",
            json!({"name": "crm", "permissions": ["see-status"], "days": 1}),
        ),
    ] {
        assert_eq!(world.ask(&post(path, &sure, &wish)).status, 403, "{path}");
    }
    let remove = request(Method::Delete, "/api/passkeys/phone%201").with("cookie", &sure);
    assert_eq!(world.ask(&remove).status, 403);
    // Once, and for five minutes.
    let again = world.ask(&post("/api/confirm/passkey", &sure, &said));
    assert_eq!(again.status, 401, "{}", text(&again));
    world.pass(LATER);
    assert_eq!(world.ask(&make(&sure, "leo")).status, 403);
}

#[test]
fn a_session_that_a_passkey_alone_has_opened_wants_the_password_first() {
    let (mut world, mut authenticator, _) = office();
    let session = cookie(&sign_in(&mut world, &mut authenticator));
    let ask = post("/api/confirm/passkey/new", &session, &json!({}));
    let refused = world.ask(&ask);
    let why = body(&refused)["error"].to_string();
    assert!(
        refused.status == 409 && why.contains("say your password"),
        "{why}"
    );
    let page = world.ask(&form("/new/person", &session, "login=eva"));
    assert!(!text(&page).contains("/api/confirm/passkey/new"));
    let session = sure(&mut world, &session);
    world.pass(LATER);
    let said = confirmation(&mut world, &session, &mut authenticator);
    let confirmed = world.ask(&post("/api/confirm/passkey", &session, &said));
    assert_eq!(confirmed.status, 200, "{}", text(&confirmed));
}

#[test]
fn the_page_that_asks_for_the_password_takes_a_passkey_with_what_was_to_be_done() {
    let (mut world, mut authenticator, _) = office();
    let session = sign_in_by_both(&mut world, &mut authenticator);
    world.pass(LATER);
    let page = text(&world.ask(&form("/new/person", &session, "login=eva&role=user")));
    let place = page
        .find("data-ask=\"/api/confirm/passkey/new\"")
        .expect("a form");
    assert!(
        page[place..].contains("name=\"login\" value=\"eva\""),
        "{page}"
    );
    assert!(super::markup::wrong(&page).is_empty(), "{page}");
    let said = confirmation(&mut world, &session, &mut authenticator);
    let said = said["credential"].to_string();
    let said = data_encoding::HEXLOWER.encode(said.as_bytes());
    let said: String = said.as_bytes().chunks(2).fold(String::new(), |all, pair| {
        all + "%" + std::str::from_utf8(pair).expect("hex")
    });
    let sent = format!("login=eva&role=user&confirm_passkey={said}");
    let done = world.ask(&form("/new/person", &session, &sent));
    assert!(text(&done).contains("eva"), "{}", text(&done));
    assert!(world.site.people.iter().any(|it| it.login == "eva"));
    // By an address nothing is offered that cannot work.
    let session = goes_on(&done, &session);
    world.pass(LATER);
    let mut by_address = form("/new/person", &session, "login=leo");
    by_address
        .headers
        .retain(|(name, _)| !["host", "origin"].contains(&&**name));
    let by_address = by_address
        .with("host", "192.168.0.7")
        .with("origin", "https://192.168.0.7");
    assert!(!text(&world.ask(&by_address)).contains("/api/confirm/passkey/new"));
}

#[test]
fn another_passkey_or_another_challenge_confirms_nothing_and_five_end_the_session() {
    let (mut world, mut authenticator, _) = office();
    let session = sign_in_by_both(&mut world, &mut authenticator);
    world.pass(LATER);
    let (before, mut theirs) = (world.site.people.len(), Authenticator::new(2));
    let mut statuses = Vec::new();
    for number in 0..10 {
        let (asks, by): (&str, &mut Authenticator) = match number % 2 {
            0 => ("/api/confirm/passkey/new", &mut theirs),
            _ => ("/api/login/passkey/new", &mut authenticator),
        };
        let options = body(&world.ask(&post(asks, &session, &json!({}))));
        if options["challenge"].is_null() {
            statuses.push(401);
            continue;
        }
        let answer = by.sign(&asked(&options));
        let owner = owner(&world, "admin");
        let wish = json!({ "credential": used(by, &owner, &answer) });
        statuses.push(
            world
                .ask(&post("/api/confirm/passkey", &session, &wish))
                .status,
        );
    }
    assert_eq!(statuses, [401; 10]);
    let refused = world.audits.iter();
    let refused = refused.filter(|it| it.action.starts_with("confirmation refused"));
    let refused: Vec<_> = refused.map(|it| &it.action).collect();
    assert_eq!(
        refused.len(),
        5,
        "challenges of something else are no guesses"
    );
    assert!(refused[4].ends_with("was ended"), "{}", refused[4]);
    assert_eq!(world.ask(&get("/api/people", &session)).status, 401);
    assert_eq!(world.site.people.len(), before);
}

#[test]
fn an_answer_that_comes_late_or_twice_or_by_an_address_is_no_wrong_one() {
    let (mut world, mut authenticator, _) = office();
    let session = sign_in_by_both(&mut world, &mut authenticator);
    let said = confirmation(&mut world, &session, &mut authenticator);
    let confirm = |session: &str, said: &Value| post("/api/confirm/passkey", session, said);
    let sure = cookie(&world.ask(&confirm(&session, &said)));
    let late = confirmation(&mut world, &sure, &mut authenticator);
    world.pass(LATER + 1);
    let fresh = confirmation(&mut world, &sure, &mut authenticator);
    let audits = world.audits.len();
    for _ in 0..5 {
        assert_eq!(
            world.ask(&confirm(&sure, &said)).status,
            401,
            "a second click"
        );
        assert_eq!(world.ask(&confirm(&sure, &late)).status, 401, "too late");
        let mut by_address = confirm(&sure, &fresh);
        by_address
            .headers
            .retain(|(name, _)| !["host", "origin"].contains(&&**name));
        let by_address = by_address
            .with("host", "192.168.0.7")
            .with("origin", "https://192.168.0.7");
        assert_eq!(world.ask(&by_address).status, 409, "by an address");
    }
    assert_eq!(world.audits.len(), audits, "nothing to record");
    // Before the store has said the counters.
    let counters = std::mem::replace(&mut world.admin.passkeys, crate::passkeys::Passkeys::new());
    let early = confirmation(&mut world, &sure, &mut authenticator);
    assert_eq!(world.ask(&confirm(&sure, &early)).status, 503);
    world.admin.passkeys = counters;
    let good = world.ask(&confirm(&sure, &fresh));
    assert_eq!(good.status, 200, "{}", text(&good));
}

#[test]
fn a_passkey_makes_no_administrator_and_opens_no_account_of_somebody_else() {
    let (mut world, mut authenticator, _) = office();
    let session = sign_in_by_both(&mut world, &mut authenticator);
    world.hire("eva", Role::User, "101");
    world.pass(LATER);
    let said = confirmation(&mut world, &session, &mut authenticator);
    let session = cookie(&world.ask(&post("/api/confirm/passkey", &session, &said)));
    let before = (world.version, world.site.people.clone());
    let administrator = json!({ "role": "administrator" });
    let leo = json!({ "login": "leo", "role": "administrator" });
    let rule = json!({ "administrators_second_factor": true });
    let restore = json!({ "file": super::world::BACKUP, "code": super::world::BACKUP_CODE });
    for (path, wish) in [
        ("/api/people", &leo),
        ("/api/people/eva", &administrator),
        ("/api/people/rui/one-time-password", &json!({})),
        ("/api/sign-in", &rule),
        ("/api/backups/restore", &restore),
    ] {
        let refused = world.ask(&post(path, &session, wish));
        assert_eq!(refused.status, 403, "{path}: {}", text(&refused));
        let why = body(&refused)["error"].to_string();
        assert!(why.contains("POST /api/confirm)"), "{path}: {why}");
    }
    for path in ["/api/people/rui/passkeys", "/api/people/rui/second-factor"] {
        let remove = request(Method::Delete, path).with("cookie", &session);
        assert_eq!(world.ask(&remove).status, 403, "{path}");
    }
    assert_eq!((world.version, world.site.people.clone()), before);
    let other = post("/api/people/eva", &session, &json!({ "role": "operator" }));
    assert_eq!(world.ask(&other).status, 200, "a lower role");
    // Whoever is switched off is none; switched on again she would be.
    let eva = world.site.people.iter_mut().find(|it| it.login == "eva");
    let eva = eva.expect("there");
    (eva.role, eva.disabled) = (Role::Administrator, true);
    world.changed_elsewhere();
    let on = post("/api/people/eva", &session, &json!({ "disabled": false }));
    assert_eq!(world.ask(&on).status, 403);
    let session = sure(&mut world, &session);
    assert_eq!(world.ask(&post("/api/people", &session, &leo)).status, 201);
}

#[test]
fn where_a_passkey_will_not_do_the_page_asks_for_the_password_alone() {
    let (mut world, mut authenticator, _) = office();
    let session = sign_in_by_both(&mut world, &mut authenticator);
    world.pass(LATER);
    let page = text(&world.ask(&form("/people/rui/one-time-password", &session, "")));
    assert!(page.contains("name=\"confirm_password\""), "{page}");
    assert!(!page.contains("/api/confirm/passkey/new"), "{page}");
    let said = confirmation(&mut world, &session, &mut authenticator);
    let session = cookie(&world.ask(&post("/api/confirm/passkey", &session, &said)));
    let typed = "login=leo&role=administrator";
    let page = text(&world.ask(&form("/new/person", &session, typed)));
    assert!(page.contains("name=\"confirm_password\""), "{page}");
    assert!(page.contains("name=\"login\" value=\"leo\""), "{page}");
    assert!(!page.contains("/api/confirm/passkey/new"), "{page}");
    let password = OWN_PASSWORD.replace(' ', "+");
    let typed = format!("{typed}&confirm_password={password}");
    world.ask(&form("/new/person", &session, &typed));
    let leo = world.site.people.iter().find(|it| it.login == "leo");
    assert_eq!(leo.expect("made").role, Role::Administrator);
}

#[test]
fn another_password_for_somebody_says_what_else_still_opens_the_account() {
    let (mut world, _, _) = office();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let half = post("/api/people/rui/one-time-password", &session, &json!({}));
    assert_eq!(world.ask(&half).status, 401, "the passkey is missing");
    let (mut world, mut authenticator, _) = office();
    let session = sign_in_by_both(&mut world, &mut authenticator);
    let path = "/people/rui/one-time-password";
    let made = world.ask(&post(&format!("/api{path}"), &session, &json!({})));
    assert_eq!(
        (&body(&made)["passkeys"], &body(&made)["tokens"]),
        (&json!(1), &json!(0))
    );
    let page = text(&world.ask(&form(path, &session, "")));
    assert!(page.contains("/people/rui/passkeys/delete"), "{page}");
    assert!(!page.contains("/people/rui/tokens/delete"), "{page}");
    assert!(super::markup::wrong(&page).is_empty(), "{page}");
}
