//! Passkeys: enrolled, used alone and after the password, refused, slow to guess, and taken away.

#[path = "../../../../proto/webauthn/src/tests/authenticator.rs"]
pub(super) mod authenticator;

use data_encoding::BASE64URL_NOPAD;
use ipc::site::Role;
use serde_json::{Value, json};

use super::world::{
    OWN_PASSWORD, World, cookie, form, get, goes_on, json as body, post, request, sign_in_from,
    text,
};
use crate::{Method, Request, Response};
use authenticator::{Answer, Ask, Authenticator, HONEST};

/// What a page that was given these options has the authenticator asked.
pub(super) fn asked(options: &Value) -> Ask {
    let challenge = options["challenge"].as_str().expect("a challenge");
    let name = options["rp"]["id"]
        .as_str()
        .or_else(|| options["rpId"].as_str());
    Ask {
        challenge: BASE64URL_NOPAD.decode(challenge.as_bytes()).expect("bytes"),
        origin: "https://ramal.local".into(),
        name: name.expect("a name").into(),
    }
}

pub(super) fn made(answer: &Answer) -> Value {
    json!({ "type": "public-key", "response": {
        "clientDataJSON": BASE64URL_NOPAD.encode(&answer.client_data),
        "attestationObject": BASE64URL_NOPAD.encode(&answer.data),
        "transports": ["internal"],
    } })
}

pub(super) fn used(authenticator: &Authenticator, owner: &str, answer: &Answer) -> Value {
    json!({ "type": "public-key", "id": BASE64URL_NOPAD.encode(&authenticator.id), "response": {
        "clientDataJSON": BASE64URL_NOPAD.encode(&answer.client_data),
        "authenticatorData": BASE64URL_NOPAD.encode(&answer.data),
        "signature": BASE64URL_NOPAD.encode(&answer.signature),
        "userHandle": owner,
    } })
}

pub(super) fn enrol(world: &mut World, session: &str, authenticator: &mut Authenticator) -> Value {
    let options = world.ask(&post("/api/passkeys/new", session, &json!({})));
    assert_eq!(options.status, 200, "{}", text(&options));
    let answer = authenticator.make(&asked(&body(&options)));
    let name = format!("phone {}", authenticator.id[0]);
    let wish = json!({ "name": name, "credential": made(&answer) });
    let kept = world.ask(&post("/api/passkeys", session, &wish));
    assert_eq!(kept.status, 201, "{}", text(&kept));
    body(&kept)
}

/// A box on which `admin` and `rui` have a passkey each, of authenticators 1 and 2; and the codes
/// that `admin` was shown.
pub(super) fn office() -> (World, Authenticator, Vec<String>) {
    let mut world = World::new();
    world.hire("rui", Role::Administrator, "100");
    let session = world.sign_in("rui", OWN_PASSWORD);
    enrol(&mut world, &session, &mut Authenticator::new(2));
    let session = world.sign_in("admin", OWN_PASSWORD);
    let mut authenticator = Authenticator::new(1);
    authenticator.counter = 10;
    let shown = enrol(&mut world, &session, &mut authenticator);
    let codes = shown["recovery_codes"].as_array().expect("codes").iter();
    let codes: Vec<String> = codes.map(|it| it.as_str().expect("text").into()).collect();
    assert_eq!(codes.len(), 10);
    (world, authenticator, codes)
}

pub(super) fn owner(world: &World, login: &str) -> String {
    let person = world.site.people.iter().find(|it| it.login == login);
    person.expect("there").passkeys[0].owner.clone()
}

fn options(world: &mut World) -> Value {
    body(&world.ask(&post("/api/login/passkey/new", "", &json!({}))))
}

fn enter(world: &mut World, credential: &Value) -> Response {
    let wish = json!({ "credential": credential });
    world.ask(&post("/api/login/passkey", "", &wish))
}

/// Signs in as `admin` with nothing else.
pub(super) fn sign_in(world: &mut World, authenticator: &mut Authenticator) -> Response {
    let answer = authenticator.sign(&asked(&options(world)));
    let owner = owner(world, "admin");
    enter(world, &used(authenticator, &owner, &answer))
}

/// Says the password in a session; the cookie to go on with.
pub(super) fn sure(world: &mut World, session: &str) -> String {
    let proof = json!({ "password": OWN_PASSWORD });
    let said = world.ask(&post("/api/confirm", session, &proof));
    assert_eq!(said.status, 200, "{}", text(&said));
    goes_on(&said, session)
}

fn last(world: &World) -> &str {
    &world.audits.last().expect("recorded").action
}

#[test]
fn a_passkey_signs_in_alone_and_what_is_kept_of_it_is_no_secret() {
    let (mut world, mut authenticator, _) = office();
    let asked = options(&mut world);
    assert_eq!(asked["allowCredentials"], json!([]), "nobody is named");
    assert_eq!(asked["userVerification"], "required");
    let response = sign_in(&mut world, &mut authenticator);
    assert_eq!(response.status, 200, "{}", text(&response));
    assert_eq!(body(&response), json!({ "must_change_password": false }));
    let audit = world.audits.last().expect("recorded");
    let told = (&*audit.who, &*audit.action);
    assert_eq!(told, ("admin", "signed in with passkey \"phone 1\""));
    let session = cookie(&response);
    let own = body(&world.ask(&get("/api/passkeys", &session)));
    assert_eq!(own[0]["name"], "phone 1");
    assert_eq!(own[0]["made_for"], "ramal.local");
    let person = body(&world.ask(&get("/api/people/admin", &session)));
    assert_eq!(person["passkeys"], json!(["phone 1"]));
    let kept = &world.secrets[crate::PASSKEY_COUNTERS];
    assert!(String::from_utf8_lossy(kept).ends_with(":12}"));
    // Another of the same owner knows him by the same, and no codes come with it.
    let session = sure(&mut world, &session);
    let mut second = Authenticator::new(3);
    let shown = enrol(&mut world, &session, &mut second);
    assert_eq!(shown["recovery_codes"], Value::Null);
    let passkeys = &world.site.people[0].passkeys;
    assert_eq!(passkeys[0].owner, passkeys[1].owner);
    assert_ne!(owner(&world, "rui"), passkeys[0].owner);
    assert_eq!(sign_in(&mut world, &mut second).status, 200);
}

#[test]
fn the_password_alone_is_not_enough_any_more_and_a_passkey_or_a_code_completes_it() {
    let (mut world, mut authenticator, codes) = office();
    let half = |world: &mut World| {
        let first = world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD));
        assert_eq!(body(&first), json!({ "second_factor": true }));
        cookie(&first)
    };
    let session = half(&mut world);
    assert_eq!(world.ask(&get("/api/status", &session)).status, 401);
    assert_eq!(world.ask(&get("/api/passkeys", &session)).status, 401);
    let ask = post("/api/code/passkey/new", &session, &json!({}));
    let options = body(&world.ask(&ask));
    let own = BASE64URL_NOPAD.encode(&authenticator.id);
    assert_eq!(options["allowCredentials"][0]["id"], own);
    let answer = authenticator.sign(&asked(&options));
    let owner = owner(&world, "admin");
    let wish = json!({ "credential": used(&authenticator, &owner, &answer) });
    // It completes this session, and no other.
    let other = half(&mut world);
    let say = |session: &str| post("/api/code/passkey", session, &wish);
    assert_eq!(world.ask(&say(&other)).status, 401);
    let whole = world.ask(&say(&session));
    assert_eq!(whole.status, 200, "{}", text(&whole));
    assert_eq!(last(&world), "signed in with passkey \"phone 1\"");
    // Under another token: who planted the half session has nothing of it.
    assert_eq!(world.ask(&get("/api/status", &session)).status, 401);
    assert_eq!(world.ask(&get("/api/status", &cookie(&whole))).status, 200);
    // Alone it signs nobody in: it answers another question.
    let alone = world.ask(&post("/api/login/passkey", "", &wish));
    assert_eq!(alone.status, 401);

    let say = |code: &str| post("/api/code", &other, &json!({ "code": code }));
    assert_eq!(world.ask(&say("000000")).status, 401);
    assert_eq!(world.ask(&say(&codes[2])).status, 200);
    let session = half(&mut world);
    let again = post("/api/code", &session, &json!({ "code": codes[2] }));
    assert_eq!(world.ask(&again).status, 401, "once");
    assert_eq!(world.site.people[0].passkey_codes.len(), 9);
}

#[test]
fn somebody_elses_passkey_completes_nothing() {
    let (mut world, ..) = office();
    let first = world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD));
    let session = cookie(&first);
    let ask = post("/api/code/passkey/new", &session, &json!({}));
    let options = body(&world.ask(&ask));
    let mut ruis = Authenticator::new(2);
    let answer = ruis.sign(&asked(&options));
    for owner in [owner(&world, "rui"), owner(&world, "admin")] {
        let wish = json!({ "credential": used(&ruis, &owner, &answer) });
        let said = world.ask(&post("/api/code/passkey", &session, &wish));
        assert_eq!(said.status, 401);
        assert!(last(&world).starts_with("sign-in refused: passkey \"phone 2\""));
    }
    assert_eq!(world.ask(&get("/api/status", &session)).status, 401);
}

#[test]
fn what_does_not_hold_is_refused_and_recorded() {
    let (mut world, mut authenticator, _) = office();
    let owner = owner(&world, "admin");
    let mut check = |change: &dyn Fn(&mut Authenticator, &mut Ask), told: &str| {
        world.pass(3600);
        let mut ask = asked(&options(&mut world));
        change(&mut authenticator, &mut ask);
        let answer = authenticator.sign(&ask);
        authenticator.flags = HONEST;
        let response = enter(&mut world, &used(&authenticator, &owner, &answer));
        assert_eq!(response.status, 401, "{told}");
        assert!(response.header("set-cookie").is_none(), "{told}");
        let audit = world.audits.last().expect("recorded");
        assert_eq!(audit.who, "admin", "{told}");
        assert!(audit.action.contains(told), "{told}: {}", audit.action);
    };
    check(
        &|_, ask| ask.origin = "https://evil.example".into(),
        "another page",
    );
    check(
        &|_, ask| ask.origin = "https://ramal.local:8443".into(),
        "another page",
    );
    check(&|_, ask| ask.name = "evil.example".into(), "another name");
    check(
        &|_, ask| ask.challenge = vec![7; 56],
        "too long, or was used already",
    );
    check(
        &|_, ask| ask.challenge.truncate(55),
        "too long, or was used already",
    );
    check(&|it, _| it.flags = 0b001, "did not check who is there");
    check(&|it, _| it.counter = 3, "counter went back");
    check(&|it, _| it.counter = 0, "counter went back");
    // The owner is not kept out by any of it.
    world.pass(3600);
    authenticator.counter = 500;
    assert_eq!(sign_in(&mut world, &mut authenticator).status, 200);
    // Nor does an earlier counter come back with a new start of the pages.
    let kept = world.secrets[crate::PASSKEY_COUNTERS].clone();
    world.admin.take_passkey_counters(Some(&kept));
    authenticator.counter = 400;
    assert_eq!(sign_in(&mut world, &mut authenticator).status, 401);
    assert!(last(&world).contains("there may be a copy of it"));
}

#[test]
fn a_signature_of_another_an_unknown_passkey_and_another_owner_are_refused() {
    let (mut world, mut authenticator, _) = office();
    let (own, ruis) = (owner(&world, "admin"), owner(&world, "rui"));
    let ask = asked(&options(&mut world));
    let mut answer = authenticator.sign(&ask);
    answer.signature[7] ^= 1;
    let credential = used(&authenticator, &own, &answer);
    assert_eq!(enter(&mut world, &credential).status, 401);
    assert!(last(&world).contains("the signature is wrong"));
    let answer = authenticator.sign(&ask);
    let credential = used(&authenticator, &ruis, &answer);
    assert_eq!(enter(&mut world, &credential).status, 401);
    let mut unsaid = used(&authenticator, &own, &answer);
    unsaid["response"]["userHandle"] = Value::Null;
    assert_eq!(
        enter(&mut world, &unsaid).status,
        401,
        "who it is is not said"
    );
    let mut stranger = Authenticator::new(9);
    let answer = stranger.sign(&ask);
    let credential = used(&stranger, &own, &answer);
    assert_eq!(enter(&mut world, &credential).status, 401);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.who, "(unknown)");
    for field in ["clientDataJSON", "authenticatorData", "signature"] {
        let answer = authenticator.sign(&ask);
        let mut broken = used(&authenticator, &own, &answer);
        broken["response"][field] = json!("not bytes!");
        let response = enter(&mut world, &broken);
        assert_eq!(response.status, 400, "{field}");
        assert!(text(&response).contains(field));
    }
}

#[test]
fn an_answer_is_good_once_and_for_five_minutes() {
    let (mut world, mut authenticator, _) = office();
    let owner = owner(&world, "admin");
    // An authenticator that counts nothing gives no other sign of a repetition.
    let ask = asked(&options(&mut world));
    let answer = authenticator.sign(&ask);
    let credential = used(&authenticator, &owner, &answer);
    assert_eq!(enter(&mut world, &credential).status, 200);
    let again = enter(&mut world, &credential);
    assert_eq!(again.status, 401);
    assert!(text(&again).contains("used already"), "{}", text(&again));
    let ask = asked(&options(&mut world));
    world.pass(300);
    let late = authenticator.sign(&ask);
    let credential = used(&authenticator, &owner, &late);
    assert_eq!(enter(&mut world, &credential).status, 401);
}

#[test]
fn guessing_is_slow_and_keeps_nobody_out() {
    let (mut world, mut authenticator, _) = office();
    let owner = owner(&world, "admin");
    let mut statuses = Vec::new();
    for _ in 0..5 {
        let mut answer = authenticator.sign(&asked(&options(&mut world)));
        answer.signature[7] ^= 1;
        let credential = used(&authenticator, &owner, &answer);
        let mut guess = post(
            "/api/login/passkey",
            "",
            &json!({ "credential": credential }),
        );
        guess.peer = crate::Peer::Network("10.9.9.9".parse().expect("an address"));
        statuses.push(world.ask(&guess).status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 429]);
    assert_eq!(sign_in(&mut world, &mut authenticator).status, 200);
}

#[test]
fn by_an_address_there_is_no_passkey_and_the_page_says_by_what_name() {
    let (mut world, ..) = office();
    let by_address = |mut request: Request| {
        request
            .headers
            .retain(|(name, _)| name != "host" && name != "origin");
        let request = request.with("host", "10.0.0.7:8443");
        request.with("origin", "https://10.0.0.7:8443")
    };
    let asked = world.ask(&by_address(post("/api/login/passkey/new", "", &json!({}))));
    assert_eq!(asked.status, 409);
    assert!(text(&asked).contains("open https://ramal.local:8443"));
    let sign_in = text(&world.ask(&by_address(get("/login", ""))));
    assert!(
        sign_in.contains("href=\"https://ramal.local:8443/login\""),
        "{sign_in}"
    );
    assert!(!sign_in.contains("data-passkey"));
    let ruis = world.ask(&sign_in_from("10.0.0.5", "rui", OWN_PASSWORD));
    let session = cookie(&ruis);
    for (language, said) in [
        ("en", "belongs to the name of the box"),
        ("pt-BR", "pertence ao nome da central"),
    ] {
        let page = by_address(get("/code", &session)).with("accept-language", language);
        let page = text(&world.ask(&page));
        assert!(page.contains(said), "{page}");
        assert!(page.contains("href=\"https://ramal.local:8443/login\""));
    }
    world.hire("ana", Role::User, "101");
    let session = world.sign_in("ana", OWN_PASSWORD);
    for (language, said) in [
        ("en", "belongs to the name of the box"),
        ("pt-BR", "pertence ao nome da central"),
    ] {
        let page = by_address(get("/passkeys", &session)).with("accept-language", language);
        let page = text(&world.ask(&page));
        assert!(
            page.contains(said) && !page.contains("action=\"/passkeys/new\""),
            "{page}"
        );
        assert!(page.contains("href=\"https://ramal.local:8443/passkeys\""));
    }
    let offer = world.ask(&by_address(post("/api/passkeys/new", &session, &json!({}))));
    assert_eq!(offer.status, 409);
    // A name that the box was not given is none, whatever a request says.
    let mut other = post("/api/passkeys/new", &session, &json!({}));
    other.headers.retain(|(name, _)| name != "host");
    let other = world.ask(&other.with("host", "evil.example"));
    assert_eq!(other.status, 409);
}

#[test]
fn a_box_of_another_name_makes_passkeys_for_that_name() {
    let mut world = World::new();
    world.admin.call_it("Matriz");
    let session = world.sign_in("admin", OWN_PASSWORD);
    let mut ask = post("/api/passkeys/new", &session, &json!({}));
    assert_eq!(world.ask(&ask).status, 409, "ramal.local is not its name");
    ask.headers.retain(|(name, _)| name != "host");
    let options = world.ask(&ask.with("host", "matriz.local"));
    assert_eq!(body(&options)["rp"]["id"], "matriz.local");
}

#[test]
fn what_was_made_elsewhere_or_is_there_already_is_not_enrolled() {
    let (mut world, ..) = office();
    let session = world.sign_in("rui", OWN_PASSWORD);
    assert_eq!(
        world.ask(&get("/api/passkeys", &session)).status,
        401,
        "half"
    );
    world.hire("ana", Role::Administrator, "101");
    let session = world.sign_in("ana", OWN_PASSWORD);
    let keep = |world: &mut World, seed: u8, name: &str, change: &dyn Fn(&mut Ask)| {
        let options = world.ask(&post("/api/passkeys/new", &session, &json!({})));
        let mut ask = asked(&body(&options));
        change(&mut ask);
        let answer = Authenticator::new(seed).make(&ask);
        let wish = json!({ "name": name, "credential": made(&answer) });
        world.ask(&post("/api/passkeys", &session, &wish))
    };
    let version = world.version;
    let evil = |ask: &mut Ask| ask.origin = "https://evil.example".into();
    assert_eq!(keep(&mut world, 5, "phone", &evil).status, 401);
    let other = |ask: &mut Ask| ask.name = "evil.example".into();
    assert_eq!(keep(&mut world, 5, "phone", &other).status, 401);
    let old = |ask: &mut Ask| ask.challenge = vec![1; 56];
    assert_eq!(keep(&mut world, 5, "phone", &old).status, 401);
    let known = keep(&mut world, 1, "phone", &|_| {});
    assert_eq!(known.status, 409, "admin has it");
    assert_eq!(keep(&mut world, 5, "  ", &|_| {}).status, 400);
    assert_eq!(world.version, version);
    assert_eq!(keep(&mut world, 5, "phone", &|_| {}).status, 201);
    let again = keep(&mut world, 6, "phone", &|_| {});
    assert_eq!(again.status, 409);
    assert!(text(&again).contains("choose another name"));
    for seed in 10..19 {
        let kept = keep(&mut world, seed, &format!("phone {seed}"), &|_| {});
        assert_eq!(kept.status, 201, "{seed}");
    }
    assert_eq!(keep(&mut world, 20, "more", &|_| {}).status, 400, "eleven");
}

#[test]
fn it_asks_for_the_password_again() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let options = world.ask(&post("/api/passkeys/new", &session, &json!({})));
    world.pass(301);
    let offer = post("/api/passkeys/new", &session, &json!({}));
    assert_eq!(world.ask(&offer).status, 403);
    // What was offered then is not made now either.
    let answer = Authenticator::new(1).make(&asked(&body(&options)));
    let wish = json!({ "name": "phone", "credential": made(&answer) });
    assert_eq!(
        world.ask(&post("/api/passkeys", &session, &wish)).status,
        401
    );
    let remove = request(Method::Delete, "/api/passkeys/phone").with("cookie", &session);
    assert_eq!(world.ask(&remove).status, 403);
    // Nor does the page that refuses something hand out a new challenge.
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.pass(301);
    let wrong = world.ask(&form("/passkeys", &session, "name=x&credential=x"));
    assert!(!text(&wrong).contains("challenge"), "{}", text(&wrong));
    assert_eq!(wrong.status, 403);
}

#[test]
fn a_passkey_alone_says_no_password() {
    let (mut world, mut authenticator, _) = office();
    let session = cookie(&sign_in(&mut world, &mut authenticator));
    let offer = post("/api/passkeys/new", &session, &json!({}));
    assert_eq!(world.ask(&offer).status, 403);
    let session = sure(&mut world, &session);
    let offer = post("/api/passkeys/new", &session, &json!({}));
    assert_eq!(world.ask(&offer).status, 200);
}

#[test]
fn it_is_taken_away_by_its_owner_or_another_administrator_with_what_it_opened() {
    let (mut world, mut authenticator, _) = office();
    let first = cookie(&sign_in(&mut world, &mut authenticator));
    let session = cookie(&sign_in(&mut world, &mut authenticator));
    let session = sure(&mut world, &session);
    let remove = |session: &str, path: &str| request(Method::Delete, path).with("cookie", session);
    let none = world.ask(&remove(&session, "/api/passkeys/other"));
    assert_eq!(none.status, 404);
    let gone = world.ask(&remove(&session, "/api/passkeys/phone%201"));
    assert_eq!(gone.status, 204, "{}", text(&gone));
    assert_eq!(last(&world), "passkey \"phone 1\" of admin removed");
    assert_eq!(world.ask(&get("/api/status", &first)).status, 401);
    assert_eq!(world.ask(&get("/api/status", &session)).status, 200);
    assert!(world.site.people[0].passkey_codes.is_empty());
    let answer = authenticator.sign(&asked(&options(&mut world)));
    let credential = used(&authenticator, "AAAA", &answer);
    assert_eq!(enter(&mut world, &credential).status, 401);
    world.sign_in("admin", OWN_PASSWORD);

    let of_rui = "/api/people/rui/passkeys";
    assert_eq!(world.ask(&remove(&session, of_rui)).status, 204);
    assert_eq!(last(&world), "all passkeys of rui removed");
    assert_eq!(world.ask(&remove(&session, of_rui)).status, 409);
    world.sign_in("rui", OWN_PASSWORD);
}

#[test]
fn whoever_is_switched_off_or_has_a_one_time_password_does_not_get_further_by_it() {
    let (mut world, mut authenticator, _) = office();
    world.site.people[0].password_one_time = true;
    world.changed_elsewhere();
    let response = sign_in(&mut world, &mut authenticator);
    assert_eq!(body(&response), json!({ "must_change_password": true }));
    let session = cookie(&response);
    assert_eq!(world.ask(&get("/api/status", &session)).status, 403);
    world.site.people[0].disabled = true;
    world.changed_elsewhere();
    assert_eq!(sign_in(&mut world, &mut authenticator).status, 401);
}

#[test]
fn whoever_stands_at_the_box_is_not_asked_for_a_lost_passkey() {
    let (mut world, ..) = office();
    let moment = world.moment();
    let wish = ipc::init::Wish::Act(ipc::init::Act::NewPassword);
    let step = world.admin.at_box(&moment, wish);
    assert_eq!(world.run(step).status, 204);
    assert!(last(&world).contains("second factor removed"));
    let admin = &world.site.people[0];
    assert!(admin.passkeys.is_empty() && admin.passkey_codes.is_empty());
    assert!(!world.site.people[1].passkeys.is_empty(), "rui keeps his");
}

#[test]
fn before_the_store_has_said_the_counters_nobody_signs_in_with_one() {
    let (mut world, mut authenticator, _) = office();
    let mut admin = crate::Admin::new("0.1.0");
    admin.configure(world.version, world.site.clone());
    world.admin = admin;
    assert_eq!(sign_in(&mut world, &mut authenticator).status, 503);
    world.admin.take_passkey_counters(None);
    world.pass(60);
    assert_eq!(sign_in(&mut world, &mut authenticator).status, 200);
}

#[test]
fn the_pages_do_the_same() {
    let mut world = World::new();
    let page = text(&world.ask(&get("/login", "")));
    assert!(!page.contains("data-passkey"), "nobody has one: {page}");
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = text(&world.ask(&get("/passkeys", &session)));
    assert!(page.contains("action=\"/passkeys/new\""), "{page}");
    let offered = text(&world.ask(&form("/passkeys/new", &session, "")));
    let options = |page: &str| {
        let (_, rest) = page.split_once("data-options=\"").expect("options");
        let (options, _) = rest.split_once('"').expect("an end");
        serde_json::from_str::<Value>(&options.replace("&quot;", "\"")).expect("JSON")
    };
    let mut authenticator = Authenticator::new(1);
    let answer = authenticator.make(&asked(&options(&offered)));
    let filled = |name: &str, credential: &Value| {
        let plain = credential.to_string().replace('"', "%22");
        format!("name={name}&credential={plain}")
    };
    let refused = world.ask(&form("/passkeys", &session, &filled("", &made(&answer))));
    assert_eq!(refused.status, 400);
    let again = options(&text(&refused));
    let answer = authenticator.make(&asked(&again));
    let kept = world.ask(&form(
        "/passkeys",
        &session,
        &filled("phone", &made(&answer)),
    ));
    assert_eq!(
        text(&kept).matches("<li><code>").count(),
        10,
        "{}",
        text(&kept)
    );

    let page = text(&world.ask(&get("/login", "")));
    assert!(
        page.contains("data-ask=\"/api/login/passkey/new\""),
        "{page}"
    );
    let answer = authenticator.sign(&asked(&self::options(&mut world)));
    let owner = owner(&world, "admin");
    let credential = used(&authenticator, &owner, &answer);
    let typed = filled("", &credential);
    let entered = world.ask(&form("/login/passkey", "", &typed));
    assert_eq!(entered.header("location"), Some("/"), "{}", text(&entered));
    let session = cookie(&entered);
    let again = world.ask(&form("/login/passkey", "", &typed));
    assert_eq!(again.status, 401);
    assert!(text(&again).contains("name=\"password\""), "the form again");
    let session = sure(&mut world, &session);
    let gone = world.ask(&form("/passkeys/phone/delete", &session, ""));
    assert_eq!(gone.header("location"), Some("/passkeys"));
}

#[test]
fn a_passkey_that_was_asked_for_while_its_owner_was_known_otherwise_is_not_kept() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    // Two pages are open; each is to make the first.
    let offer = post("/api/passkeys/new", &session, &json!({}));
    let offers = [(); 2].map(|()| body(&world.ask(&offer)));
    let mut statuses = Vec::new();
    for (number, options) in (1..).zip(&offers) {
        let mut authenticator = Authenticator::new(number);
        let answer = authenticator.make(&asked(options));
        let name = format!("phone {number}");
        let wish = json!({ "name": name, "credential": made(&answer) });
        let kept = world.ask(&post("/api/passkeys", &session, &wish));
        statuses.push(kept.status);
    }
    assert_eq!(statuses, [201, 401]);
    assert_eq!(world.site.people[0].passkeys.len(), 1);
    assert_eq!(world.site.people[0].passkey_codes.len(), 10);
}
