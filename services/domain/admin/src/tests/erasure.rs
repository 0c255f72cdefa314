//! Erasing what is kept on one person (LGPD art. 18, VI): first how many of what, then for good.

use ipc::erasure::{ERASED, Erasable, FORMS_MAX, Whose};
use ipc::site::Role;
use ipc::store::{CallRecord, Reply, Request as Ask};
use serde_json::{Value, json};

use super::world::{
    OWN_PASSWORD, RECORDING, World, call, cookie, form, get, json as body, post, text,
};

const MARIA: &str = "+5548999990021";
const MASKED: &str = "+55489••••••21";

impl World {
    /// As the store does it, at once.
    pub(super) fn erasure(&mut self, request: Ask) -> Reply {
        match request {
            Ask::Erase { whose, audit } => {
                self.audits.push(audit);
                self.erased.push(whose);
                Reply::Stored
            }
            Ask::Erasable { login } => {
                let earlier = self.earlier.iter();
                let had = earlier.filter(|it| it.people.iter().any(|it| it.login == login));
                let versions = u64::try_from(had.count()).expect("few");
                let is_gone = self.erased.contains(&Whose::Login(login));
                Reply::Erasable(Erasable {
                    versions: if is_gone { 0 } else { versions },
                    names: self.names_left.clone(),
                    is_under_way: self.is_erasing,
                    refusal: self.doubts_clock.then(|| "the clock is not set".into()),
                })
            }
            other => panic!("not expected: {other:?}"),
        }
    }
}

/// Two calls with Maria, of which one is recorded, and a forward to her.
fn office() -> (World, String) {
    let mut world = World::new();
    world.hire("ana", Role::User, "100");
    world.site.extensions[0].settings.forward.busy = MARIA.into();
    world.site.extensions[0].display_name = "Ana Lima".into();
    world.changed_elsewhere();
    let with_maria = |id: &str| CallRecord {
        id: id.into(),
        to: MARIA.into(),
        extensions: vec!["100".into()],
        ..call()
    };
    world.calls = vec![
        with_maria("1795351501000-00000001"),
        CallRecord {
            recordings: vec!["1700000000001-5e6f7a8b.wav".into()],
            ..with_maria("1795351500000-00000001")
        },
        call(),
    ];
    let session = world.sign_in("admin", OWN_PASSWORD);
    (world, session)
}

fn erase(world: &mut World, session: &str, wish: &Value) -> Value {
    let response = world.ask(&post("/api/privacy/erase", session, wish));
    assert_eq!(response.status, 200, "{}", text(&response));
    body(&response)
}

#[test]
fn a_dry_run_says_how_many_of_what_and_does_nothing() {
    let (mut world, session) = office();
    let (version, audits) = (world.version, world.audits.len());
    let said = erase(
        &mut world,
        &session,
        &json!({"number": MARIA, "dry_run": true}),
    );
    assert_eq!(said["about"], format!("number {MASKED}"));
    for (field, count) in [
        ("call_records", 2),
        ("recordings", 1),
        ("in_configuration", 1),
    ] {
        assert_eq!(said[field], count, "{field}: a file that is gone is none");
    }
    let said = erase(
        &mut world,
        &session,
        &json!({"login": "ana", "dry_run": true}),
    );
    assert_eq!(
        (&said["account"], &said["versions"]),
        (&json!(true), &json!(2))
    );
    let now = (world.version, world.audits.len(), world.recordings.len());
    assert_eq!(now, (version, audits, 2));
    assert!(world.erased.is_empty());
}

#[test]
fn a_number_goes_with_its_recordings_and_stands_in_no_entry() {
    let (mut world, session) = office();
    let said = erase(&mut world, &session, &json!({"number": "(48) 99999-0021"}));
    assert_eq!(
        (&said["dry_run"], &said["under_way"]),
        (&json!(false), &json!(true))
    );
    assert!(!world.recordings.iter().any(|it| it.name == RECORDING));
    assert_eq!(world.recordings.len(), 1, "those of other calls stay");
    let Some(Whose::Number(number)) = world.erased.first() else {
        panic!("{:?}", world.erased);
    };
    assert!(number.reveal().iter().any(|it| it == MARIA));
    assert!(number.reveal().len() <= FORMS_MAX);
    let entries = world.audits.iter().rev().take(2).rev();
    let entries: Vec<_> = entries.map(|it| (&*it.action, &*it.after)).collect();
    let counts = "call records 2, recordings 1";
    assert_eq!(
        entries,
        [
            ("erasure of number +55489••••••21 begun", counts),
            ("data of number +55489••••••21 erased", counts),
        ]
    );
    assert!(!format!("{:?}", world.audits).contains("0021"));
}

/// The search finds what ends in the same digits; an extension may look like a number.
#[test]
fn calls_of_others_with_the_same_last_digits_keep_number_and_recording() {
    let (mut world, session) = office();
    let recorded = |id: &str, to: &str, inside: &str| CallRecord {
        id: id.into(),
        to: to.into(),
        extensions: vec!["100".into(), inside.into()],
        recordings: vec!["1700000000001-5e6f7a8b.wav".into()],
        ..call()
    };
    world.calls = vec![
        recorded("1795351501003-00000001", "+5511999990021", "101"),
        recorded("1795351501002-00000001", "+554832329999", "101"),
        recorded("1795351501001-00000001", "4832329999", "4832329999"),
    ];
    let files = world.recordings.len();
    for (typed, records, written) in [
        (MARIA, 0, json!([])),
        ("+5511999990021", 1, json!(["+55119••••••21"])),
        ("(48) 3232-9999", 1, json!(["+5548••••••99"])),
    ] {
        let wish = json!({"number": typed, "dry_run": true});
        let said = erase(&mut world, &session, &wish);
        assert_eq!(said["call_records"], records, "{typed}");
        assert_eq!(said["written"], written, "{typed}");
    }
    erase(&mut world, &session, &json!({"number": MARIA}));
    world.calls.remove(1);
    erase(&mut world, &session, &json!({"number": "(48) 3232-9999"}));
    assert_eq!(world.recordings.len(), files, "that of an extension stays");
}

#[test]
fn a_number_that_may_be_anybodys_is_neither_erased_nor_handed_out() {
    let (mut world, session) = office();
    world.site.dialling.owned_numbers = vec!["+554832321010".into()];
    world.changed_elsewhere();
    for (typed, why) in [
        ("99999-0021", "area code"),
        ("anonymous", "anonymous"),
        ("(48) 3232-1010", "own numbers"),
        ("+5548", "area code"),
    ] {
        for address in ["/api/privacy/erase", "/api/privacy/export"] {
            let wish = json!({ "number": typed });
            let refused = world.ask(&post(address, &session, &wish));
            let said = text(&refused);
            assert_eq!(refused.status, 400, "{typed}: {said}");
            assert!(
                said.contains("number") && said.contains(why),
                "{typed}: {said}"
            );
        }
    }
    assert!(world.erased.is_empty());
}

#[test]
fn an_account_goes_with_the_name_at_the_extension_and_so_do_their_sessions() {
    let (mut world, session) = office();
    let anas = world.sign_in("ana", OWN_PASSWORD);
    let said = erase(&mut world, &session, &json!({"login": "ana"}));
    assert_eq!(said["under_way"], true);
    assert!(!world.site.people.iter().any(|it| it.login == "ana"));
    assert_eq!(world.site.extensions[0].display_name, "");
    assert_eq!(world.erased, [Whose::Login("ana".into())]);
    assert_eq!(world.ask(&get("/api/calls", &anas)).status, 401);
    let actions = world.audits.iter().map(|it| it.action.as_str());
    let last: Vec<&str> = actions.rev().take(2).collect();
    assert_eq!(
        last,
        [
            "data of person ana erased",
            "person ana deleted, to be erased"
        ]
    );
    let again = world.ask(&post(
        "/api/privacy/erase",
        &session,
        &json!({"login": "ana"}),
    ));
    assert_eq!(again.status, 404, "there is nothing left");
}

#[test]
fn nothing_goes_while_the_clock_of_the_box_cannot_be_right() {
    let (mut world, session) = office();
    let (version, recordings) = (world.version, world.recordings.len());
    world.doubts_clock = true;
    for wish in [json!({"number": MARIA}), json!({"login": "ana"})] {
        let refused = world.ask(&post("/api/privacy/erase", &session, &wish));
        assert_ne!(refused.status, 200, "{wish}");
        assert!(text(&refused).contains("clock"), "{}", text(&refused));
    }
    assert!(world.erased.is_empty());
    let now = (world.version, world.recordings.len());
    assert_eq!(now, (version, recordings));
}

#[test]
fn no_earlier_version_comes_back_while_somebody_goes_from_them() {
    let (mut world, session) = office();
    let current = world.version;
    let back = post(
        &format!("/api/history/{}/back", current - 1),
        &session,
        &json!({ "current": current }),
    );
    world.is_erasing = true;
    let refused = world.ask(&back);
    assert_eq!(refused.status, 409, "{}", text(&refused));
    assert!(text(&refused).contains("erased"));
    assert_eq!(world.version, current);
    world.is_erasing = false;
    assert_eq!(world.ask(&back).status, 200);
}

/// The account was deleted before; or the power was cut after it was.
#[test]
fn whose_account_is_gone_already_goes_from_earlier_versions() {
    let (mut world, session) = office();
    world.site.people.retain(|it| it.login != "ana");
    world.changed_elsewhere();
    let version = world.version;
    let said = erase(&mut world, &session, &json!({"login": "ana"}));
    assert_eq!(
        (&said["account"], &said["versions"]),
        (&json!(false), &json!(2))
    );
    assert_eq!(world.erased, [Whose::Login("ana".into())]);
    assert_eq!(world.version, version, "what is in force had nothing");
}

#[test]
fn nothing_is_erased_that_cannot_be_recorded_or_without_the_password() {
    let (mut world, session) = office();
    let wish = json!({"number": MARIA});
    for (wish, status) in [
        (json!({}), 400),
        (json!({"number": "100"}), 400),
        (json!({"login": "nobody"}), 404),
        (json!({"login": "admin"}), 403),
    ] {
        let refused = world.ask(&post("/api/privacy/erase", &session, &wish));
        assert_eq!(refused.status, status, "{wish}: {}", text(&refused));
    }
    world.media_away = true;
    let refused = world.ask(&post("/api/privacy/erase", &session, &wish));
    assert_eq!(refused.status, 503, "the recordings could not go");
    world.media_away = false;
    world.pass(300);
    let refused = world.ask(&post("/api/privacy/erase", &session, &wish));
    assert_eq!(refused.status, 403);
    assert!(text(&refused).contains("/api/confirm"));
    assert!(world.erased.is_empty());
    let said = json!({ "password": OWN_PASSWORD });
    let sure = cookie(&world.ask(&post("/api/confirm", &session, &said)));
    world.store_away = true;
    let refused = world.ask(&post("/api/privacy/erase", &sure, &wish));
    assert_eq!((refused.status, world.recordings.len()), (503, 2));
}

#[test]
fn the_page_shows_what_there_is_before_it_erases_and_says_what_stays() {
    let (mut world, session) = office();
    for (language, words) in [
        (
            "en",
            ["Erase for good", "The audit trail stays", "three days"],
        ),
        (
            "pt-BR",
            ["Apagar de vez", "A trilha de auditoria fica", "três dias"],
        ),
    ] {
        let typed = format!("number={}&dry_run=1", MARIA.replace('+', "%2B"));
        let request = form("/privacy/erase", &session, &typed).with("accept-language", language);
        let page = text(&world.ask(&request));
        let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(page.contains(word), "{word}: {page}");
        }
        assert!(page.contains(&format!("name=\"number\" value=\"{MARIA}\"")));
        assert!(!page.contains("name=\"dry_run\""), "the next one is meant");
    }
    let done = form("/privacy/erase", &session, "login=ana").with("accept-language", "en");
    let page = text(&world.ask(&done));
    assert!(page.contains("role=\"status\"") && !page.contains("Erase for good"));
    assert_eq!(world.erased, [Whose::Login("ana".into())]);
}

#[test]
fn a_call_whose_number_was_erased_says_so_to_everybody() {
    let mut world = World::new();
    world.calls = vec![CallRecord {
        to: ERASED.into(),
        extensions: vec!["100".into()],
        ..call()
    }];
    world.hire("rui", Role::Auditor, "102");
    for login in ["admin", "rui"] {
        let session = world.sign_in(login, OWN_PASSWORD);
        let seen = body(&world.ask(&get("/api/calls", &session)));
        assert_eq!(seen[0]["to"], "erased", "{login}");
        let request = get("/calls", &session).with("accept-language", "pt-BR");
        let page = text(&world.ask(&request));
        assert!(page.contains("apagado"), "{page}");
    }
}

#[test]
fn the_name_that_a_deleted_account_left_at_an_extension_goes_with_its_erasure() {
    let (mut world, session) = office();
    world.site.people.retain(|it| it.login != "ana");
    world.changed_elsewhere();
    world.names_left = vec![("100".into(), "Ana Lima".into())];
    let page = text(&world.ask(&get("/privacy/person", &session)));
    assert!(page.contains(r#"<option value="ana">"#), "{page}");
    let erase = |world: &mut World, dry_run: bool| {
        let wish = json!({ "login": "ana", "dry_run": dry_run });
        body(&world.ask(&post("/api/privacy/erase", &session, &wish)))
    };
    let seen = erase(&mut world, true);
    assert_eq!(
        (&seen["names"], &seen["account"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(world.site.extensions[0].display_name, "Ana Lima");
    erase(&mut world, false);
    assert_eq!(world.site.extensions[0].display_name, "");
    assert_eq!(world.erased, [Whose::Login("ana".into())]);
    let said = "names at extensions of ana deleted, to be erased";
    assert!(world.audits.iter().any(|it| it.action == said));
}
