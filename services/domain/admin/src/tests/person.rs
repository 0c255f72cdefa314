//! What is kept on one person, handed out as a file (LGPD art. 18, II and V).

use ipc::site::Role;
use ipc::store::{CallRecord, Registration};
use serde_json::{Value, json};

use super::world::{OWN_PASSWORD, World, call, cookie, form, get, json as body, post, text};

const MARIA: &str = "+5548999990021";
const RUI: &str = "+5511987650043";

/// Ana has extension 100, which has talked to Maria and was put through to Rui.
fn office() -> (World, String) {
    let mut world = World::new();
    world.hire("ana", Role::User, "100");
    world.calls = vec![
        CallRecord {
            to: MARIA.into(),
            transferred_to: RUI.into(),
            extensions: vec!["100".into()],
            ..call()
        },
        CallRecord {
            id: "1795351500000-00000001".into(),
            from: "102".into(),
            extensions: vec!["102".into(), "101".into()],
            ..call()
        },
    ];
    let phone = |extension: &str| Registration {
        extension: extension.into(),
        contact: format!("sip:{extension}@10.0.0.9"),
        source: "udp 10.0.0.9:5060".into(),
        local: String::new(),
        expires_secs: 60,
        kept_millis: 1_795_351_500_000,
        call_id: "a".into(),
        cseq: 1,
        user_agent: "phone".into(),
        params: String::new(),
        path: String::new(),
        reg_id: 0,
    };
    world.registrations = vec![phone("100"), phone("101")];
    let session = world.sign_in("admin", OWN_PASSWORD);
    (world, session)
}

fn export(world: &mut World, session: &str, wish: &Value) -> Value {
    let response = world.ask(&post("/api/privacy/export", session, wish));
    assert_eq!(response.status, 200, "{}", text(&response));
    let name = response.header("content-disposition").unwrap_or_default();
    assert!(name.contains("ramal-person.json"), "{name}");
    body(&response)
}

#[test]
fn everything_on_somebody_with_an_account_is_in_the_file_and_no_secret() {
    let (mut world, session) = office();
    let changed = json!({"role": "operator"});
    let done = world.ask(&post("/api/people/ana", &session, &changed));
    assert_eq!(done.status, 200);
    let data = export(&mut world, &session, &json!({"login": "ana"}));
    assert_eq!(data["account"]["role"], "operator");
    assert_eq!(data["extensions"][0]["number"], "100");
    assert_eq!(data["phones"].as_array().map(Vec::len), Some(1));
    assert_eq!(data["phones"][0]["extension"], "100");
    let calls = data["calls"].as_array().expect("calls");
    assert_eq!(calls.len(), 1, "those of others are none of hers");
    assert_eq!(
        (&calls[0]["to"], &calls[0]["transferred_to"]),
        (&json!(MARIA), &json!(RUI)),
        "her own calls are whole"
    );
    assert_eq!(data["audit"][0]["action"], "person ana changed");
    let whole = data.to_string();
    for secret in ["password_hash", "ha1_md5", "pin_hash", "argon2"] {
        assert!(!whole.contains(secret), "{secret}: {whole}");
    }
    let told = world.audits.last().expect("recorded");
    assert_eq!(told.action, "data of person ana handed out");
    assert_eq!(told.after, "1 call records, 1 entries of the trail");
}

#[test]
fn a_number_of_somebody_outside_gives_its_calls_and_stands_nowhere_else() {
    let (mut world, session) = office();
    let typed = json!({"number": "(48) 99999-0021"});
    let data = export(&mut world, &session, &typed);
    assert_eq!(data["account"], Value::Null);
    assert_eq!(data["calls"].as_array().map(Vec::len), Some(1));
    assert_eq!(data["calls"][0]["to"], MARIA);
    assert_eq!(data["calls"][0]["transferred_to"], "+55119••••••43");
    assert_eq!(data["audit"], json!([]));
    let told = world.audits.last().expect("recorded");
    assert_eq!(told.action, "data of number +55489••••••21 handed out");
    assert!(!format!("{told:?}").contains("0021"));
}

#[test]
fn calls_of_somebody_with_the_same_last_digits_are_not_handed_out() {
    let (mut world, session) = office();
    let data = export(&mut world, &session, &json!({"number": "+5511999990021"}));
    assert_eq!(data["calls"], json!([]), "they are those of +5548999990021");
}

#[test]
fn more_calls_than_a_file_has_are_asked_for_again() {
    let (mut world, session) = office();
    let with_maria = |number: u64| CallRecord {
        id: format!("{:013}-00000001", 1_795_351_500_000 - number),
        to: MARIA.into(),
        extensions: vec!["100".into()],
        ..call()
    };
    world.calls = (0..10_007).map(with_maria).collect();
    let first = export(&mut world, &session, &json!({"number": MARIA}));
    assert_eq!(first["calls"].as_array().map(Vec::len), Some(10_000));
    let before = first["calls_before"].clone();
    assert_eq!(before, "1795351490001-00000001");
    let next = json!({"number": MARIA, "before": before});
    let second = export(&mut world, &session, &next);
    assert_eq!(second["calls"].as_array().map(Vec::len), Some(7));
    assert_eq!(second["calls_before"], Value::Null);
}

#[test]
fn more_entries_than_a_file_has_are_asked_for_again() {
    let (mut world, session) = office();
    world.audits.clear();
    let entry = |number: u32| ipc::store::Audit {
        who: "ana".into(),
        action: format!("looked {number}"),
        ..ipc::store::Audit::default()
    };
    world.audits.extend((0..10_003).map(entry));
    let first = export(&mut world, &session, &json!({"login": "ana"}));
    assert_eq!(first["audit"].as_array().map(Vec::len), Some(10_000));
    assert_eq!(first["audit_before"], 4);
    let next = json!({"login": "ana", "audit_before": 4});
    let second = export(&mut world, &session, &next);
    assert_eq!(second["audit"].as_array().map(Vec::len), Some(3));
    assert_eq!(second["audit_before"], Value::Null);
}

#[test]
fn whose_data_is_meant_has_to_be_said_and_the_refusal_names_the_field() {
    let (mut world, session) = office();
    let audits = world.audits.len();
    for (wish, status, why) in [
        (json!({}), 400, "login, number: give one of the two"),
        (json!({"login": "ana", "number": MARIA}), 400, "only one"),
        (json!({"number": "100"}), 400, "number: nobody outside"),
        (json!({"login": "nobody"}), 404, "nobody"),
    ] {
        let refused = world.ask(&post("/api/privacy/export", &session, &wish));
        let said = text(&refused);
        assert_eq!(refused.status, status, "{said}");
        assert!(said.contains(why), "{said}");
    }
    let page = world.ask(&form("/privacy/export", &session, "number=100"));
    assert_eq!(page.status, 400);
    assert!(text(&page).contains("role=\"alert\""));
    assert_eq!(world.audits.len(), audits, "nothing was handed out");
}

#[test]
fn it_asks_for_the_password_and_for_a_trail_that_can_be_written() {
    let (mut world, session) = office();
    world.pass(300);
    let wish = json!({"login": "ana"});
    let refused = world.ask(&post("/api/privacy/export", &session, &wish));
    assert_eq!(refused.status, 403);
    assert!(text(&refused).contains("/api/confirm"));
    let said = json!({ "password": OWN_PASSWORD });
    let sure = cookie(&world.ask(&post("/api/confirm", &session, &said)));
    export(&mut world, &sure, &wish);
    world.store_away = true;
    let refused = world.ask(&post("/api/privacy/export", &sure, &wish));
    assert_eq!(refused.status, 503);
}

#[test]
fn the_page_says_what_is_in_the_file_in_both_languages() {
    let (mut world, session) = office();
    for (language, words) in [
        ("en", ["Data of one person", "10,000 calls", "Not in it"]),
        (
            "pt-BR",
            ["Dados de uma pessoa", "10.000 ligações", "Não estão nele"],
        ),
    ] {
        let request = get("/privacy/person", &session).with("accept-language", language);
        let page = text(&world.ask(&request));
        // A source line that goes on in the next is one line on the page.
        for word in words {
            let page = page.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(page.contains(word), "{word}: {page}");
        }
        let leads = get("/privacy", &session).with("accept-language", language);
        let leads = text(&world.ask(&leads));
        assert!(leads.contains("href=\"/privacy/person\""));
    }
}
