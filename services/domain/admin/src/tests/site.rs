//! Extensions, records, services.

use serde_json::json;

use super::world::{OWN_PASSWORD, World, form, get, json as body, post, request, text};
use crate::Method;

#[test]
fn a_new_extension_gets_a_password_of_all_four_classes_once() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({"number": "100", "display_name": "Reception"});
    let created = world.ask(&post("/api/extensions", &session, &wish));
    assert_eq!(created.status, 201);
    let password = body(&created)["password"]
        .as_str()
        .expect("text")
        .to_owned();
    assert_eq!(password.len(), 16);
    assert!(password.bytes().any(|b| b.is_ascii_digit()));
    assert!(password.bytes().any(|b| b.is_ascii_uppercase()));
    assert!(password.bytes().any(|b| b.is_ascii_lowercase()));
    assert!(password.bytes().any(|b| b.is_ascii_punctuation()));

    let list = world.ask(&get("/api/extensions", &session));
    let expected = json!([{"number": "100", "display_name": "Reception", "remote": false}]);
    assert_eq!(body(&list), expected);
    for path in ["/extensions", "/api/extensions", "/audit", "/api/audit"] {
        assert!(
            !text(&world.ask(&get(path, &session))).contains(&password),
            "{path}"
        );
    }
    assert!(!format!("{:?}{:?}", world.admin, world.audits).contains(&password));
}

#[test]
fn what_the_digest_is_checked_against_is_of_that_password() {
    use md5::Digest as _;
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let created = world.ask(&post(
        "/api/extensions",
        &session,
        &json!({"number": "100"}),
    ));
    let password = body(&created)["password"]
        .as_str()
        .expect("text")
        .to_owned();
    let a1 = format!("100:ramal:{password}");
    let kept = &world.site.extensions[0];
    assert_eq!(*kept.ha1_md5.reveal(), hex::encode(md5::Md5::digest(&a1)));
    assert_eq!(
        *kept.ha1_sha256.reveal(),
        hex::encode(sha2::Sha256::digest(&a1))
    );
}

#[test]
fn a_taken_or_malformed_number_is_refused_with_the_reason() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let mut create = |wish| world.ask(&post("/api/extensions", &session, &wish));
    assert_eq!(create(json!({"number": "100"})).status, 201);
    assert_eq!(create(json!({"number": "100"})).status, 409);
    for number in ["", "1", "12345678901", "10a", "<b>", "100 "] {
        let refused = create(json!({"number": number}));
        assert_eq!(refused.status, 400, "{number}");
        assert!(text(&refused).contains("number"), "{}", text(&refused));
    }
    for malformed in [
        json!({}),
        json!({"number": 100}),
        json!({"number": "102", "admin": true}),
    ] {
        assert_eq!(create(malformed).status, 400);
    }
}

#[test]
fn a_change_by_somebody_else_meanwhile_is_kept() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.site.realm = "elsewhere".into();
    world.version = 5;
    let created = world.ask(&post(
        "/api/extensions",
        &session,
        &json!({"number": "100"}),
    ));
    // Made again on the newer version.
    assert_eq!(created.status, 201);
    assert_eq!((world.version, world.site.realm.as_str()), (6, "elsewhere"));
}

#[test]
fn deleting_is_recorded_with_what_was_there() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({"number": "100", "display_name": "Reception", "remote": true});
    world.ask(&post("/api/extensions", &session, &wish));
    let delete = request(Method::Delete, "/api/extensions/100").with("cookie", &session);
    assert_eq!(world.ask(&delete).status, 204);
    assert_eq!(world.ask(&delete).status, 404);
    assert!(world.site.extensions.is_empty());
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.action, "extension 100 deleted");
    assert_eq!(audit.before, "display name \"Reception\", remote true");
    assert_eq!(
        (audit.who.as_str(), audit.from.as_str()),
        ("admin", "10.0.0.5")
    );
}

#[test]
fn the_pages_create_confirm_and_delete() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let created = world.ask(&form(
        "/extensions",
        &session,
        "number=100&display_name=Caf%C3%A9+%3Cb%3E",
    ));
    assert_eq!(created.status, 201);
    assert!(text(&created).contains("Café &lt;b&gt;"), "escaped");
    assert!(text(&created).contains("code class=\"secret\""));
    let again = world.ask(&form("/extensions", &session, "number=100"));
    assert_eq!(again.status, 409);
    assert!(text(&again).contains("o ramal 100 já existe"));
    let question = world.ask(&get("/extensions/100/delete", &session));
    assert_eq!(question.status, 200);
    assert_eq!(world.site.extensions.len(), 1, "asking deletes nothing");
    let deleted = world.ask(&form("/extensions/100/delete", &session, ""));
    assert_eq!(deleted.header("location"), Some("/extensions"));
    assert!(world.site.extensions.is_empty());
}

#[test]
fn calls_read_like_the_contract_says() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let calls = body(&world.ask(&get("/api/calls?limit=5", &session)));
    let audio = json!({"codec": "", "received": 0, "lost": 0, "jitter_millis": 0.0, "mos": null});
    let expected = json!([{
        "id": "1795351501000-00000001", "from": "100", "to": "101", "source": "10.0.0.2",
        "started": "2026-11-22T12:45:01Z", "answered": "2026-11-22T12:45:03Z",
        "ended": "2026-11-22T12:45:10Z", "outcome": "ended-by-caller", "status": 200,
        "duration_secs": 7, "dtmf_digits": 4,
        "packets_to_callee": 375, "packets_to_caller": 374,
        "trunk": "", "caller_audio": audio, "callee_audio": audio,
        "recordings": ["1795351503000-0000002a.wav"], "recording_fault": "",
        "called_back": "",
    }]);
    assert_eq!(calls, expected);
}

#[test]
fn trunks_and_why_they_are_down_are_shown() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let status = body(&world.ask(&get("/api/status", &session)));
    let trunk = &status["trunks"][0];
    assert_eq!(trunk["name"], "Carrier");
    assert_eq!(
        (&trunk["up"], &trunk["state"]),
        (&false.into(), &"no answer".into())
    );
    let page = get("/", &session).with("accept-language", "pt-BR");
    let page = text(&world.ask(&page));
    assert!(
        page.contains("Troncos") && page.contains("sem resposta"),
        "{page}"
    );
}

#[test]
fn a_service_is_restarted_on_record() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let kill = json!({"kill": true});
    assert_eq!(
        world
            .ask(&post("/api/services/pbx/restart", &session, &kill))
            .status,
        200
    );
    assert_eq!(
        world.audits.last().expect("recorded").action,
        "service pbx killed"
    );
    assert_eq!(
        world
            .ask(&post("/api/services/cat/restart", &session, &kill))
            .status,
        404
    );
    let asked = ipc::init::Request::Restart {
        name: "pbx".into(),
        kill: true,
    };
    assert_eq!(world.asked_init[0], asked);
}
