//! The firmware: who may update it, what is said, and that nothing happens unrecorded.

use ipc::init::{self, Shutdown, StickFile};
use ipc::stick::Offer;
use ipc::update::{
    Condition, DataKey, Entry, Reason, RecoveryCode, Refusal, Reply, Request as Ask, Slot, Status,
};
use serde_json::json;

use super::world::{OWN_PASSWORD, World, get, json as body, request, text};
use crate::{Address, FetchFault, FetchOrder, FetchState, Method, Response, Source};

fn status() -> Reply {
    let slot = |name: &str, is_running, version: &str, condition| Slot {
        name: name.into(),
        is_running,
        is_preferred: is_running,
        version: version.into(),
        security: 3,
        built: 1_793_491_200,
        condition,
        is_damaged: false,
    };
    Reply::Status(Box::new(Status {
        hardware: "ramal-x86_64".into(),
        slots: vec![
            slot("a", true, "1.4.2", Condition::Good),
            slot("b", false, "1.5.0", Condition::Bad),
        ],
        security_floor: 3,
        keys: "acme-2026".into(),
        is_development: false,
        journal: vec![Entry {
            sequence: 9,
            slot: "b".into(),
            reason: Reason::Unhealthy,
            detail: "pbx".into(),
        }],
        progress: None,
        wants_reset: false,
        data_key: Some(DataKey::Sealed(RecoveryCode::Unseen)),
    }))
}

fn post(world: &mut World, session: &str, path: &str, sent: &str) -> Response {
    let mut request = request(Method::Post, path)
        .with("cookie", session)
        .with("content-type", "application/json");
    request.body = sent.as_bytes().to_vec();
    world.ask(&request)
}

fn piece(world: &mut World, session: &str, offset: u64, sent: &[u8]) -> Response {
    let mut request = request(Method::Post, &format!("/api/firmware/update/{offset}"))
        .with("cookie", session)
        .with("content-type", "application/octet-stream");
    request.body = sent.to_vec();
    world.ask(&request)
}

fn audits(world: &World) -> Vec<&str> {
    let audits = world.audits.iter().map(|audit| audit.action.as_str());
    audits.filter(|action| !action.contains("sign")).collect()
}

#[test]
fn slots_and_the_reason_a_version_was_left_are_shown() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.update_answers.extend([status(), status()]);
    let seen = body(&world.ask(&get("/api/firmware", &session)));
    assert_eq!(seen["slots"][1]["condition"], "bad");
    assert_eq!(seen["slots"][0]["built"], "2026-11-01T00:00:00Z");
    assert_eq!(seen["data_key"], "sealed-by-tpm");
    assert_eq!(seen["recovery_code"], "unseen");
    assert_eq!(seen["journal"][0]["reason"], "service-not-well");
    let page = world.ask(&get("/firmware", &session).with("accept-language", "pt-BR"));
    let page = text(&page);
    for wanted in [
        "1.4.2",
        "reprovada",
        "um serviço não ficou bem",
        "pbx",
        "selada pelo TPM",
        "Ninguém viu o código",
    ] {
        assert!(page.contains(wanted), "no {wanted:?}");
    }
}

#[test]
fn what_the_machine_starts_is_told_in_both_languages() {
    use init::SecureBoot as State;
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (state, name, said) in [
        (State::Unknown, "unknown", ["", ""]),
        (
            State::NotRead,
            "not-read",
            ["did not answer", "não respondeu quando"],
        ),
        (
            State::Off,
            "off",
            ["delete the keys in the setup", "apague as chaves no setup"],
        ),
        (
            State::Setup,
            "setup-mode",
            ["might not start any more", "talvez não iniciasse mais"],
        ),
        (
            State::Offered,
            "offered",
            ["by the menu at the box", "pelo menu na própria central"],
        ),
        (
            State::AtNextStart,
            "on-at-next-start",
            ["from the next start", "do próximo início"],
        ),
        (
            State::On,
            "on",
            ["only what is signed", "as chaves que ela guarda"],
        ),
    ] {
        world.secure_boot = state;
        world.update_answers.extend([status(), status(), status()]);
        let seen = body(&world.ask(&get("/api/firmware", &session)));
        assert_eq!(seen["secure_boot"], name);
        for (language, said) in ["en", "pt-BR"].into_iter().zip(said) {
            let page = world.ask(&get("/firmware", &session).with("accept-language", language));
            let page = text(&page);
            assert_eq!(
                page.contains("Secure Boot"),
                state != State::Unknown,
                "{name}"
            );
            assert!(page.contains(said), "no {said:?} for {name}");
        }
    }
}

#[test]
fn secure_boot_that_was_on_and_is_off_is_warned_of_in_both_languages() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let state = |world: &mut World, language| {
        let asked = get("/", &session).with("accept-language", language);
        text(&world.ask(&asked))
    };
    assert!(!state(&mut world, "en").contains("Secure Boot was on"));
    world.is_secure_boot_lost = true;
    for (language, said) in [
        ("en", "Secure Boot was on at an earlier start and is off"),
        ("pt-BR", "o Secure Boot estava ligado"),
    ] {
        let page = state(&mut world, language);
        let (_, rest) = page.split_once(said).expect("said");
        assert!(rest.contains(r#"<a href="/firmware">"#), "{rest}");
    }
    let seen = body(&world.ask(&get("/api/status", &session)));
    assert!(seen["warnings"].to_string().contains("earlier start"));
}

#[test]
fn damage_in_the_running_slot_is_told_with_what_to_do() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let Reply::Status(mut status) = status() else {
        panic!("a status");
    };
    status.slots[0].is_damaged = true;
    let reply = Reply::Status(status.clone());
    status.slots[0].is_preferred = false;
    status.slots[1].is_preferred = true;
    let with_other = Reply::Status(status);
    let answers = [reply.clone(), reply, with_other.clone(), with_other];
    world.update_answers.extend(answers);
    let seen = body(&world.ask(&get("/api/firmware", &session)));
    assert_eq!(seen["slots"][0]["damaged"], true);
    assert_eq!(seen["slots"][1]["damaged"], false);
    let mut page = |language| {
        let page = world.ask(&get("/firmware", &session).with("accept-language", language));
        text(&page)
    };
    let told = page("en");
    assert!(told.contains("is damaged on the disk") && told.contains("install an update soon"));
    assert!(page("pt-BR").contains("Reinicie a central: o outro slot inicia."));
    let told = page("en");
    assert!(told.contains("Restart the box: the other slot starts."));
}

#[test]
fn an_update_goes_where_each_answer_asks() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.update_answers.extend([
        Reply::Next {
            offset: 0,
            length: 12,
        },
        Reply::Next {
            offset: 4096,
            length: 16_384,
        },
        Reply::Refused {
            reason: Refusal::ChunkDamaged { index: 7 },
            next: Some(4096),
        },
        Reply::Installed {
            version: "1.5.1".into(),
        },
    ]);
    let begun = post(&mut world, &session, "/api/firmware/update", "{}");
    assert_eq!(body(&begun), json!({ "next": 0, "bytes": 12 }));
    assert_eq!(
        body(&piece(&mut world, &session, 0, b"one")),
        json!({ "next": 4096, "bytes": 16_384 })
    );
    let damaged = piece(&mut world, &session, 4096, b"tow");
    assert_eq!(
        (damaged.status, body(&damaged)["next"].as_u64()),
        (409, Some(4096))
    );
    let installed = piece(&mut world, &session, 4096, b"two");
    assert_eq!(body(&installed), json!({ "installed": "1.5.1" }));
    let sent = Ask::Piece {
        offset: 4096,
        bytes: b"two".to_vec(),
    };
    assert_eq!(world.asked_update.last(), Some(&sent));
    assert_eq!(
        audits(&world),
        ["firmware update begun", "firmware 1.5.1 installed"]
    );
}

/// Every reason, with what it is about.
fn refusals() -> Vec<Refusal> {
    let text = String::from;
    vec![
        Refusal::NotAnUpdate,
        Refusal::Damaged,
        Refusal::UnknownFormat,
        Refusal::NotSigned {
            trusted: text("acme-2026"),
        },
        Refusal::WrongHardware {
            offered: text("ramal-aarch64"),
            hardware: text("ramal-x86_64"),
        },
        Refusal::TooOld {
            version: text("1.4.0"),
            offered: 2,
            floor: 3,
        },
        Refusal::TooLarge {
            length: 700_000_000,
            room: 536_870_912,
        },
        Refusal::OutOfOrder {
            found: 1,
            wanted: 2,
        },
        Refusal::ChunkDamaged { index: 7 },
        Refusal::MadeWrong,
        Refusal::OnTrial,
        Refusal::RunningDamaged,
        Refusal::NoSlots,
        Refusal::NothingToGoBackTo,
        Refusal::ReadBack { index: 7 },
        Refusal::DeviceFailed,
        Refusal::NotBegun,
        Refusal::PieceTooLong,
    ]
}

#[test]
fn a_refusal_has_a_code_for_programs_and_a_sentence_in_the_persons_language() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let mut codes = std::collections::BTreeSet::new();
    for reason in refusals() {
        let mut asked = |language: &str| {
            let reason = reason.clone();
            let refused = Reply::Refused { reason, next: None };
            world.update_answers.push_back(refused);
            let request = request(Method::Post, "/api/firmware/update/0")
                .with("cookie", &session)
                .with("accept-language", language);
            body(&world.ask(&request))
        };
        let (silent, english, portuguese) = (asked(""), asked("en"), asked("pt-BR,en;q=0.5"));
        assert_eq!(silent.get("text"), None, "only who names a language");
        assert_eq!(english["text"], english["error"]);
        assert_eq!(portuguese["error"], english["error"]);
        assert_ne!(portuguese["text"], english["text"]);
        assert_eq!(portuguese["code"], english["code"]);
        for value in portuguese["parameters"]
            .as_object()
            .expect("by name")
            .values()
        {
            let value = value.to_string();
            let said = portuguese["text"].as_str().unwrap_or_default();
            assert!(said.contains(value.trim_matches('"')), "{value} in {said}");
        }
        codes.insert(english["code"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(codes.len(), refusals().len(), "{codes:?}");
    assert!(codes.contains("not-signed") && codes.contains("too-old"));
}

#[test]
fn an_update_is_fetched_and_how_it_goes_is_said_in_the_persons_language() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let sha = "0A:".repeat(32);
    let sent = json!({ "url": "https://h/a.update?key=secret", "fingerprint": &sha[..95] });
    let begun = post(
        &mut world,
        &session,
        "/api/firmware/fetch",
        &sent.to_string(),
    );
    assert_eq!(body(&begun), json!({ "fetching": "https://h/a.update" }));
    let FetchOrder::Begin(Source::Server(source), audit) = &world.asked_fetch[0] else {
        panic!("{:?}", world.asked_fetch);
    };
    assert_eq!(
        Some(&source.address),
        Address::parse("https://h/a.update?key=secret").as_ref()
    );
    assert_eq!(
        (source.fingerprint, audit.who.as_str()),
        (Some([10; 32]), "admin")
    );
    assert_eq!(
        audits(&world),
        ["firmware update fetched from https://h/a.update"]
    );
    world.fetch = FetchState::Failed {
        from: "https://h/a.update".into(),
        fault: FetchFault::Status(404),
    };
    let seen = get("/api/firmware", &session).with("accept-language", "pt-BR");
    let seen = body(&world.ask(&seen));
    assert_eq!(seen["fetch"]["state"], "failed");
    assert_eq!(seen["fetch"]["code"], "server-refuses");
    assert_eq!(seen["fetch"]["parameters"]["status"], 404);
    let said = seen["fetch"]["text"].as_str().unwrap_or_default();
    assert!(said.contains("o servidor recusa"), "{said}");
}

fn on_stick(file: &str) -> StickFile {
    StickFile {
        disk: "sdb".into(),
        offer: Offer::of(file, 31_000_000).expect("plain"),
    }
}

#[test]
fn a_stick_with_an_update_is_offered_and_nothing_is_installed_until_somebody_asks() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.update_answers.extend([status(), status(), status()]);
    let page = text(&world.ask(&get("/firmware", &session)));
    assert!(!page.contains("id=\"stick\""), "{page}");
    world.stick = vec![on_stick("a.update"), on_stick("<b>.update")];
    let seen = body(&world.ask(&get("/api/firmware", &session)));
    let shown = json!({ "disk": "sdb", "file": "a.update", "bytes": 31_000_000 });
    assert_eq!(seen["stick"][0], shown);
    let page = world.ask(&get("/firmware", &session).with("accept-language", "pt-BR"));
    let page = text(&page);
    assert!(page.contains("Instalar do pen drive") && page.contains("a.update"));
    assert!(!page.contains("<b>"), "{page}");
    let only_looked = |order: &FetchOrder| matches!(order, FetchOrder::Look);
    assert!(world.asked_fetch.iter().all(only_looked));
}

#[test]
fn a_file_on_the_stick_is_installed_by_its_name_or_when_it_is_the_only_one() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let path = "/api/firmware/stick";
    let (one, other) = (on_stick("a.update"), on_stick("b.update"));
    for (there, sent, expected) in [
        (vec![], json!({}), None),
        (vec![one.clone()], json!({ "file": "c.update" }), None),
        (vec![one.clone(), other.clone()], json!({}), None),
        (vec![one.clone()], json!({}), Some(&one)),
        (
            vec![one.clone(), other.clone()],
            json!({ "file": "b.update" }),
            Some(&other),
        ),
    ] {
        world.stick = there;
        world.asked_fetch.clear();
        let answer = post(&mut world, &session, path, &sent.to_string());
        let begun: Vec<_> = world.asked_fetch.iter().collect();
        match (expected, begun.as_slice()) {
            (None, []) => {
                let code = body(&answer)["code"].clone();
                assert_eq!((answer.status, code), (400, json!("not-on-stick")));
            }
            (Some(file), [FetchOrder::Begin(Source::Stick(begun), audit)]) => {
                assert_eq!((begun, audit.who.as_str()), (file, "admin"));
            }
            other => panic!("{sent}: {other:?}"),
        }
    }
    let recorded = "firmware update fetched from USB stick sdb: b.update";
    assert_eq!(audits(&world).last(), Some(&recorded));
    assert_eq!(post(&mut world, "", path, "{}").status, 401);
}

#[test]
fn nothing_but_the_web_is_fetched_from() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (sent, code) in [
        (json!({ "url": "file:///etc/passwd" }), "bad-address"),
        (json!({ "url": "https://u:p@h/x" }), "bad-address"),
        (
            json!({ "url": "http://h/x", "fingerprint": "0a" }),
            "bad-fingerprint",
        ),
    ] {
        let refused = post(
            &mut world,
            &session,
            "/api/firmware/fetch",
            &sent.to_string(),
        );
        assert_eq!(
            (refused.status, body(&refused)["code"].as_str()),
            (400, Some(code))
        );
    }
    assert!(world.asked_fetch.is_empty() && audits(&world).is_empty());
}

#[test]
fn no_english_reaches_the_page_by_any_other_way() {
    let mut world = World::new();
    let sent = request(Method::Post, "/api/firmware/update/0").with("accept-language", "pt-BR");
    let answer = body(&world.ask(&sent));
    assert_eq!(answer["error"], "sign in first");
    assert_eq!(answer["text"], "entre primeiro");
}

#[test]
fn what_is_not_recorded_is_not_done() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.store_away = true;
    let mut refused = 0;
    for _ in 0..crate::admin::UNRECORDED_MAX + 5 {
        world.update_answers.push_back(Reply::Done);
        refused += usize::from(post(&mut world, &session, "/api/firmware/back", "").status == 503);
    }
    assert!(refused > 0);
}

#[test]
fn everything_is_erased_only_when_that_was_said() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for sent in ["{}", "{\"confirm\":\"yes\"}"] {
        let refused = post(&mut world, &session, "/api/firmware/reset", sent);
        assert_eq!(refused.status, 400, "{sent}");
    }
    assert!(world.asked_update.is_empty());
    world.update_answers.push_back(Reply::Done);
    let sent = "{\"confirm\":\"erase everything\"}";
    assert_eq!(
        post(&mut world, &session, "/api/firmware/reset", sent).status,
        200
    );
    assert_eq!(world.asked_update, [Ask::FactoryReset]);
    let restart = init::Request::Shutdown(Shutdown::Restart);
    assert_eq!(world.asked_init.last(), Some(&restart));
    assert_eq!(audits(&world), ["factory reset asked for"]);
}

#[test]
fn strangers_reach_nothing_of_the_firmware() {
    let mut world = World::new();
    for path in [
        "/api/firmware/update",
        "/api/firmware/reset",
        "/api/restart",
    ] {
        assert_eq!(post(&mut world, "", path, "{}").status, 401, "{path}");
    }
    assert_eq!(piece(&mut world, "", 0, b"x").status, 401);
    assert!(world.asked_update.is_empty() && world.asked_init.is_empty());
}
