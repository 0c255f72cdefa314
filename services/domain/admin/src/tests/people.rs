//! Accounts of people by page and API: who may be given what, by whom, and that it is on record.

use ipc::site::{Grant, Role, UnknownRole, Whose};
use ipc::store::CallRecord;
use serde_json::{Value, json};

use super::world::{
    OWN_PASSWORD, World, cookie, form, get, json as body, post, request, sign_in_from, text,
};
use crate::{Method, Response, Step};

/// A box with extensions 100 to 102, a group of the last, and `ana`, who uses 100.
fn office() -> (World, String) {
    let mut world = World::new();
    world.hire("ana", Role::User, "100");
    world.site.groups.push(ipc::site::Group {
        number: "600".into(),
        members: vec![ipc::site::Member {
            extension: "102".into(),
            ..ipc::site::Member::default()
        }],
        ..ipc::site::Group::default()
    });
    world.changed_elsewhere();
    let session = world.sign_in("admin", OWN_PASSWORD);
    (world, session)
}

fn change(world: &mut World, session: &str, login: &str, patch: &Value) -> Response {
    world.ask(&post(&format!("/api/people/{login}"), session, patch))
}

#[test]
fn a_new_person_signs_in_with_the_password_that_was_shown_once() {
    let (mut world, session) = office();
    let wish = json!({"login": "rui", "role": "operator", "extensions": ["101"]});
    let made = world.ask(&post("/api/people", &session, &wish));
    assert_eq!(made.status, 201, "{}", text(&made));
    let password = body(&made)["one_time_password"].clone();
    let password = password.as_str().expect("text");
    assert_eq!(password.len(), 16);
    let audit = world.audits.last().expect("recorded").clone();
    assert_eq!(
        (&*audit.who, &*audit.action, &*audit.after),
        (
            "admin",
            "person rui created",
            "role operator, extensions [\"101\"], calls of []"
        )
    );
    assert!(!format!("{:?} {audit:?}", world.site).contains(password));

    let signed_in = world.ask(&sign_in_from("10.0.0.6", "rui", password));
    assert_eq!(body(&signed_in), json!({"must_change_password": true}));
    let ruis = cookie(&signed_in);
    let new = json!({"old": password, "new": "chuva fina no telhado"});
    let changed = world.ask(&post("/api/password", &ruis, &new));
    assert_eq!(changed.status, 200);
    let ruis = cookie(&changed);
    assert_eq!(world.ask(&get("/api/status", &ruis)).status, 200);
    assert_eq!(world.ask(&get("/api/people", &ruis)).status, 403);

    let again = world.ask(&post("/api/people", &session, &wish));
    assert_eq!(again.status, 409);
    for (wish, reason) in [
        (json!({"login": "Rui!"}), "person \"Rui!\": login"),
        (json!({"login": "bia", "role": "owner"}), "the field role"),
        (
            json!({"login": "bia", "password": "x"}),
            "there is no field password",
        ),
        (
            json!({"login": "bia", "extensions": ["999"]}),
            "there is no extension \"999\"",
        ),
    ] {
        let refused = world.ask(&post("/api/people", &session, &wish));
        assert_eq!(refused.status, 400, "{wish}");
        assert!(
            text(&refused).contains(&reason.replace('"', "\\\"")),
            "{}",
            text(&refused)
        );
    }
}

#[test]
fn people_are_shown_without_their_secrets() {
    let (mut world, session) = office();
    let all = world.ask(&get("/api/people", &session));
    assert_eq!(
        body(&all)[1],
        json!({
            "login": "ana", "role": "user", "extensions": ["100"], "calls_of": [],
            "disabled": false, "grants": [], "password": "chosen", "second_factor": false,
            "tokens": [], "passkeys": [], "extensions_since": {}, "unknown_role": null,
            "whole_numbers": false,
        })
    );
    assert!(!text(&all).contains("argon2"));
    let one = world.ask(&get("/api/people/ana", &session));
    assert_eq!(body(&one), body(&all)[1]);
    assert!(one.header("etag").is_some());
    let changed = change(&mut world, &session, "ana", &json!({}));
    assert_eq!(body(&changed), body(&one), "a change answers likewise");
    assert_eq!(world.ask(&get("/api/people/nobody", &session)).status, 404);
}

#[test]
fn a_grant_says_who_gave_it_and_the_trail_what_was_before() {
    let (mut world, session) = office();
    let wish = json!({"calls_of": [{"group": "600"}]});
    assert_eq!(change(&mut world, &session, "ana", &wish).status, 200);
    let since_millis = world.wall().as_millis();
    let grant = |of: Whose, by: &str| Grant {
        of,
        by: by.to_owned(),
        since_millis,
    };
    let group = grant(Whose::Group("600".into()), "admin");
    assert_eq!(world.site.people[1].grants, std::slice::from_ref(&group));
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.action, "person ana changed");
    assert_eq!(audit.after, "person ana: calls of +group 600 by admin");

    world.hire("rui", Role::Administrator, "101");
    let ruis = world.sign_in("rui", OWN_PASSWORD);
    let wish = json!({"calls_of": [{"group": "600"}, {"extension": "101"}]});
    assert_eq!(change(&mut world, &ruis, "ana", &wish).status, 200);
    let extension = grant(Whose::Extension("101".into()), "rui");
    assert_eq!(world.site.people[1].grants, [group, extension]);
    let wish = json!({"calls_of": []});
    assert_eq!(change(&mut world, &session, "ana", &wish).status, 200);
    assert!(world.site.people[1].grants.is_empty());
}

/// Whoever gets a number, or leave to see its calls, sees those from now on: the others were
/// somebody else's.
#[test]
fn a_number_brings_along_none_of_the_calls_of_whoever_had_it() {
    let (mut world, session) = office();
    world.hire("rui", Role::User, "101");
    let ruis = world.sign_in("rui", OWN_PASSWORD);
    let seen = |world: &mut World| {
        let calls = body(&world.ask(&get("/api/calls", &ruis)));
        calls.as_array().map(Vec::len)
    };
    assert_eq!(seen(&mut world), Some(1), "his since ever");
    let give = |world: &mut World, wish: Value| {
        assert_eq!(change(world, &session, "rui", &wish).status, 200);
    };
    give(&mut world, json!({"extensions": ["102"]}));
    give(&mut world, json!({"extensions": ["101", "102"]}));
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.after, "person rui: extensions +101");
    assert_eq!(seen(&mut world), Some(0), "given anew");
    let began = world.wall().as_millis();
    let newer = CallRecord {
        id: format!("{began:013}-00000001"),
        started_millis: began,
        ..world.calls[0].clone()
    };
    world.calls.insert(0, newer);
    assert_eq!(seen(&mut world), Some(1), "what began since");
    world.pass(60);
    let of = json!([{"extension": "100"}]);
    give(&mut world, json!({"calls_of": of}));
    assert_eq!(seen(&mut world), Some(1), "nor what he is granted");
    give(&mut world, json!({"calls_of": []}));
    give(&mut world, json!({"calls_of": of, "earlier_calls": true}));
    let audit = world.audits.last().expect("recorded");
    let told = "person rui: calls of +extension 100 with earlier calls by admin";
    assert_eq!(audit.after, told);
    assert_eq!(seen(&mut world), Some(2), "unless that is meant");
    let shown = body(&world.ask(&get("/api/people/rui", &session)));
    assert_eq!(shown["extensions_since"]["101"], began);
}

/// An installer is told why, and not by whom: he may not see people.
#[test]
fn what_somebody_uses_is_not_deleted_and_the_installer_is_not_told_who() {
    let (mut world, session) = office();
    world.hire("rui", Role::Installer, "101");
    let ruis = world.sign_in("rui", OWN_PASSWORD);
    let said = |world: &mut World, session: &str, language: &str| {
        let delete = request(Method::Delete, "/api/extensions/100").with("cookie", session);
        let refused = world.ask(&delete.with("accept-language", language));
        assert_eq!(refused.status, 400, "{}", text(&refused));
        let body = body(&refused);
        let text = |field: &str| body[field].as_str().expect("a sentence").to_owned();
        (text("error"), text("text"))
    };
    let (english, portuguese) = said(&mut world, &session, "pt-BR");
    let expected = "person ana: extensions: there is no extension \"100\"";
    assert!(english.starts_with(expected), "{english}");
    let expected = "pessoa ana: Os ramais da pessoa: não existe o ramal \"100\"";
    assert!(portuguese.starts_with(expected), "{portuguese}");
    for language in ["pt-BR", "en"] {
        let (english, own) = said(&mut world, &ruis, language);
        assert!(
            english.contains("there is no extension \"100\""),
            "{english}"
        );
        assert!(!english.contains("ana:") && !own.contains("ana:"), "{own}");
    }
}

#[test]
fn a_role_of_a_newer_firmware_stays_until_another_is_given() {
    let (mut world, session) = office();
    let owner = UnknownRole {
        name: "owner".into(),
        disabled: false,
    };
    let ana = &mut world.site.people[1];
    (ana.unknown_role, ana.disabled) = (Some(owner.clone()), true);
    world.changed_elsewhere();
    let page = text(&world.ask(&get("/people", &session)));
    assert!(page.contains("owner ("), "{page}");
    let wish = json!({"extensions": ["102"]});
    let shown = body(&change(&mut world, &session, "ana", &wish));
    assert_eq!(shown["unknown_role"], "owner");
    assert_eq!(world.site.people[1].unknown_role, Some(owner));
    let wish = json!({"role": "operator"});
    let shown = body(&change(&mut world, &session, "ana", &wish));
    assert_eq!(
        (&shown["unknown_role"], &shown["disabled"]),
        (&Value::Null, &json!(true))
    );
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.after, "person ana: role owner -> Operator");
}

/// An installer says who is in a group, and so whose calls those see who were granted it (R6).
#[test]
fn the_trail_names_who_sees_more_by_another_member_of_a_group_and_the_installer_is_not_told() {
    let (mut world, session) = office();
    let wish = json!({"calls_of": [{"group": "600"}]});
    assert_eq!(change(&mut world, &session, "ana", &wish).status, 200);
    world.hire("rui", Role::Installer, "101");
    let ruis = world.sign_in("rui", OWN_PASSWORD);
    let told = "person ana: calls of group 600 are those of its new members too";
    let file = body(&world.ask(&get("/api/site", &ruis)))["file"].clone();
    let file = file.as_str().expect("a file");
    let other = file.replacen("extension = \"102\"", "extension = \"100\"", 1);
    assert_ne!(other, file);
    let try_out = |session: &str| {
        let wish = json!({"file": other, "dry_run": true});
        post("/api/site", session, &wish)
    };
    let tried = text(&world.ask(&try_out(&session)));
    assert!(tried.contains(told), "{tried}");
    let tried = text(&world.ask(&try_out(&ruis)));
    assert!(
        tried.contains("group 600") && !tried.contains("ana"),
        "{tried}"
    );

    let members = json!({"members": [{"extension": "101"}, {"extension": "102"}]});
    let changed = world.ask(&post("/api/groups/600", &ruis, &members));
    assert_eq!(changed.status, 200, "{}", text(&changed));
    assert!(!text(&changed).contains("ana"), "{}", text(&changed));
    let audit = world.audits.last().expect("recorded").clone();
    assert!(audit.after.contains(told), "{audit:?}");
    let version = format!("/api/history/{}", world.version);
    let seen = |session: &str| get(&version, session);
    assert!(text(&world.ask(&seen(&session))).contains(told));
    assert!(!text(&world.ask(&seen(&ruis))).contains("ana"));
    let name = json!({"name": "Vendas"});
    assert_eq!(
        world.ask(&post("/api/groups/600", &ruis, &name)).status,
        200
    );
    let audit = world.audits.last().expect("recorded");
    assert!(!audit.after.contains("ana"), "{audit:?}");
}

#[test]
fn nobody_gives_themselves_rights_and_one_administrator_stays() {
    let (mut world, session) = office();
    for wish in [
        json!({"role": "auditor"}),
        json!({"disabled": true}),
        json!({"calls_of": [{"extension": "100"}]}),
        json!({"extensions": ["101"]}),
    ] {
        let refused = change(&mut world, &session, "admin", &wish);
        assert_eq!(refused.status, 403, "{wish}");
        assert!(text(&refused).contains("ask another administrator"));
    }
    let delete = request(Method::Delete, "/api/people/admin");
    assert_eq!(
        world.ask(&delete.clone().with("cookie", &session)).status,
        403
    );

    // A program on the box is nobody's account, and still cannot take the last one away.
    for wish in [json!({"role": "user"}), json!({"disabled": true})] {
        let mut ask = post("/api/people/admin", "", &wish);
        ask.peer = crate::Peer::Local;
        let refused = world.ask(&ask);
        assert_eq!(refused.status, 400);
        assert!(text(&refused).contains("no administrator is left"));
    }
    let mut ask = delete;
    ask.peer = crate::Peer::Local;
    assert_eq!(world.ask(&ask).status, 400);
    assert!(world.site.people.iter().any(|it| it.login == "admin"));
}

#[test]
fn whoever_is_switched_off_or_deleted_is_out_at_once() {
    let (mut world, session) = office();
    let anas = world.sign_in("ana", OWN_PASSWORD);
    assert_eq!(world.ask(&get("/api/calls", &anas)).status, 200);
    let off = change(&mut world, &session, "ana", &json!({"disabled": true}));
    assert_eq!(off.status, 200);
    assert_eq!(world.ask(&get("/api/calls", &anas)).status, 401);
    assert_eq!(
        world
            .ask(&sign_in_from("10.0.0.7", "ana", OWN_PASSWORD))
            .status,
        401
    );
    let on = json!({"disabled": false});
    assert_eq!(change(&mut world, &session, "ana", &on).status, 200);
    let old = world.ask(&get("/api/calls", &anas)).status;
    assert_eq!(old, 401, "what was ended stays ended");
    let anas = world.sign_in("ana", OWN_PASSWORD);
    let delete = request(Method::Delete, "/api/people/ana").with("cookie", &session);
    assert_eq!(world.ask(&delete).status, 204);
    assert_eq!(world.ask(&get("/api/calls", &anas)).status, 401);
    let audit = world.audits.last().expect("recorded");
    let had = "person ana: had role user, calls of [], extensions [100]";
    assert_eq!(audit.after, format!("person ana deleted; {had}"));
    assert_eq!(world.ask(&delete).status, 404);
}

#[test]
fn a_session_of_a_former_role_does_not_come_back_with_the_role() {
    let (mut world, session) = office();
    let role = |role: &str| json!({ "role": role });
    let anas = world.sign_in("ana", OWN_PASSWORD);
    for given in ["operator", "user"] {
        let changed = change(&mut world, &session, "ana", &role(given));
        assert_eq!(changed.status, 200);
    }
    assert_eq!(world.ask(&get("/api/calls", &anas)).status, 401);
}

#[test]
fn a_sign_in_that_was_overtaken_by_switching_off_opens_nothing() {
    let (mut world, _) = office();
    let moment = world.moment();
    let sign_in = sign_in_from("10.0.0.6", "ana", OWN_PASSWORD);
    let step = world.admin.handle(moment, &sign_in);
    let Step::Verify(_, then) = step else {
        panic!("a password is compared");
    };
    let moment = world.moment();
    let step = then(&mut world.admin, moment, Ok(true));
    world.site.people[1].disabled = true;
    world.changed_elsewhere();
    assert_eq!(world.run(step).status, 401);
}

#[test]
fn a_change_on_what_somebody_else_has_changed_is_told() {
    let (mut world, session) = office();
    let seen = world.ask(&get("/api/people/ana", &session));
    let seen = seen.header("etag").expect("a version").to_owned();
    let role = json!({"role": "operator"});
    assert_eq!(change(&mut world, &session, "ana", &role).status, 200);
    let late = post("/api/people/ana", &session, &json!({"role": "auditor"}));
    assert_eq!(world.ask(&late.with("if-match", &seen)).status, 412);
    assert_eq!(world.site.people[1].role, Role::Operator);
    // So is another password.
    let seen = world.ask(&get("/api/people/ana", &session));
    let seen = seen.header("etag").expect("a version").to_owned();
    let anew = post("/api/people/ana/one-time-password", &session, &json!({}));
    assert_eq!(world.ask(&anew).status, 200);
    let late = post("/api/people/ana", &session, &json!({"role": "auditor"}));
    assert_eq!(world.ask(&late.with("if-match", &seen)).status, 412);
}

#[test]
fn the_pages_do_the_same_in_both_languages() {
    let (mut world, session) = office();
    for (language, title, role) in [("en", "People", "user"), ("pt-BR", "Pessoas", "usuário")] {
        let list = get("/people", &session).with("accept-language", language);
        let list = text(&world.ask(&list));
        assert!(list.contains(title) && list.contains(role), "{list}");
        assert!(list.contains("href=\"/people/ana\""));
    }
    let fields = "login=rui&role=supervisor&extensions=101&extensions=&calls_of=group:600";
    let made = world.ask(&form("/new/person", &session, fields));
    assert_eq!(made.status, 201, "{}", text(&made));
    assert!(text(&made).contains("<code class=\"secret\">"));
    let rui = world.site.people.last().expect("made").clone();
    assert_eq!((&*rui.login, rui.role), ("rui", Role::Supervisor));
    assert_eq!(rui.grants.len(), 1);

    let again = world.ask(&form("/new/person", &session, fields));
    assert_eq!(again.status, 409);
    assert!(
        text(&again).contains("value=\"rui\""),
        "what was typed comes back"
    );

    let sheet = text(&world.ask(&get("/people/rui", &session)));
    assert!(
        sheet.contains("<option value=\"supervisor\" selected"),
        "{sheet}"
    );
    let fields = "role=supervisor&extensions=101&disabled=1";
    let changed = world.ask(&form("/people/rui", &session, fields));
    assert_eq!(changed.header("location"), Some("/people"));
    let rui = world.site.people.last().expect("made").clone();
    assert!(rui.disabled && rui.grants.is_empty());

    let anew = world.ask(&form("/people/rui/one-time-password", &session, ""));
    assert!(text(&anew).contains("<code class=\"secret\">"));
    let question = text(&world.ask(&get("/people/rui/delete", &session)));
    assert!(question.contains("action=\"/people/rui/delete\""));
    let deleted = world.ask(&form("/people/rui/delete", &session, ""));
    assert_eq!(deleted.header("location"), Some("/people"));
    let own = world.ask(&form("/people/admin/delete", &session, ""));
    assert_eq!(own.status, 403);
}

#[test]
fn an_auditor_reads_who_may_what_and_is_offered_no_change() {
    let (mut world, _) = office();
    world.hire("rui", Role::Auditor, "101");
    let session = world.sign_in("rui", OWN_PASSWORD);
    for page in [
        "/people",
        "/people/ana",
        "/trunks",
        "/routes",
        "/extensions/100",
    ] {
        let page = text(&world.ask(&get(page, &session)));
        assert!(!page.contains("type=\"submit\">Salvar"), "{page}");
        assert!(
            !page.contains("/delete") && !page.contains("/new/"),
            "{page}"
        );
    }
}

#[test]
fn rights_come_neither_by_going_back_nor_by_a_file() {
    let (mut world, session) = office();
    let wish = json!({"role": "auditor", "calls_of": [{"group": "600"}]});
    assert_eq!(change(&mut world, &session, "ana", &wish).status, 200);
    let with_rights = world.version;
    let wish = json!({"role": "user", "calls_of": []});
    assert_eq!(change(&mut world, &session, "ana", &wish).status, 200);
    let extension = json!({"display_name": "Ana"});
    let renamed = world.ask(&post("/api/extensions/100", &session, &extension));
    assert_eq!(renamed.status, 200);
    let wish = json!({ "current": world.version });
    let back = post(&format!("/api/history/{with_rights}/back"), &session, &wish);
    assert_eq!(world.ask(&back).status, 200);
    let ana = world.site.people[1].clone();
    assert_eq!((ana.role, ana.grants.len()), (Role::User, 0));

    let file = body(&world.ask(&get("/api/site", &session)))["file"].clone();
    let file = file.as_str().expect("a file").to_owned();
    assert!(
        !file.contains("people") || !file.contains("[[people]]"),
        "{file}"
    );
    let with_people = format!("{file}\n[[people]]\nlogin = \"ana\"\nrole = \"administrator\"\n");
    let import = post("/api/site", &session, &json!({ "file": with_people }));
    let refused = world.ask(&import);
    assert_eq!(refused.status, 400);
    assert!(
        text(&refused).contains("people: there is no such part"),
        "{}",
        text(&refused)
    );
}

#[test]
fn a_number_that_somebody_uses_or_may_look_at_is_not_deleted() {
    let (mut world, session) = office();
    let wish = json!({"calls_of": [{"group": "600"}]});
    assert_eq!(change(&mut world, &session, "ana", &wish).status, 200);
    let delete = |path: &str| request(Method::Delete, path).with("cookie", &session);
    let extension = world.ask(&delete("/api/extensions/100"));
    let group = world.ask(&delete("/api/groups/600"));
    assert_eq!((extension.status, group.status), (400, 400));
    let told = text(&extension);
    assert!(
        told.contains("person ana: extensions: there is no extension"),
        "{told}"
    );
    assert!(
        text(&group).contains("person ana: grants"),
        "{}",
        text(&group)
    );
}
