//! Passkeys by more than one name of the box: made and used by each for itself.

use ipc::site::Role;
use serde_json::{Value, json};

use super::passkeys::authenticator::{Answer, Ask, Authenticator};
use super::passkeys::{asked, made, office, owner, used};
use super::world::{
    OWN_PASSWORD, World, cookie, form, get, goes_on, json as body, post, sign_in_from, text,
};
use crate::{CertificateFacts, Request};

/// The name of the customer's own.
const OWN: &str = "pbx.example.com";
const LOCAL: &str = "ramal.local";

/// Serves a certificate for these names that was asked for by that one.
fn serve(world: &mut World, names: &[&str]) {
    let facts = CertificateFacts {
        names: names.iter().map(|it| (*it).to_owned()).collect(),
        until_millis: i64::MAX,
        ..CertificateFacts::default()
    };
    world.admin.serves_signed(Some((&facts, "PBX.example.com")));
}

/// Ana, with a passkey for the name of a signed certificate, and the session in which she has made
/// it. The name of the box is served too.
fn with_own() -> (World, Authenticator, String) {
    let (mut world, ..) = office();
    serve(&mut world, &[OWN, LOCAL]);
    world.hire("ana", Role::Administrator, "101");
    let session = world.sign_in("ana", OWN_PASSWORD);
    let offer = at(post("/api/passkeys/new", &session, &json!({})), OWN);
    let offer = body(&world.ask(&offer));
    let mut hers = Authenticator::new(3);
    let answer = hers.make(&asked_at(&offer, OWN));
    let wish = json!({ "name": "phone", "credential": made(&answer) });
    let kept = world.ask(&at(post("/api/passkeys", &session, &wish), OWN));
    assert_eq!(kept.status, 201, "{}", text(&kept));
    let session = goes_on(&kept, &session);
    (world, hers, session)
}

/// The request, by a page that was opened at this address.
fn at(mut request: Request, host: &str) -> Request {
    request
        .headers
        .retain(|(name, _)| name != "host" && name != "origin");
    request
        .with("host", host)
        .with("origin", &format!("https://{host}"))
}

fn asked_at(options: &Value, host: &str) -> Ask {
    let origin = format!("https://{host}");
    Ask {
        origin,
        ..asked(options)
    }
}

/// What Ana's browser sends once it was asked, on a page of the customer's own name.
fn signed(world: &mut World, hers: &mut Authenticator, ask: &Request) -> Value {
    let options = body(&world.ask(ask));
    let answer = hers.sign(&asked_at(&options, OWN));
    let owner = owner(world, "ana");
    json!({ "credential": used(hers, &owner, &answer) })
}

#[test]
fn by_the_name_of_a_signed_certificate_passkeys_work_that_were_made_there_and_no_others() {
    let (mut world, mut local, _) = office();
    let new = |session: &str| at(post("/api/passkeys/new", session, &json!({})), OWN);
    world.hire("ana", Role::User, "101");
    let session = world.sign_in("ana", OWN_PASSWORD);
    assert_eq!(
        world.ask(&new(&session)).status,
        409,
        "the box is not called so"
    );
    serve(&mut world, &[OWN, "ramal.local"]);
    for host in ["x.pbx.example.com", "example.com", "10.0.0.7"] {
        let ask = at(post("/api/passkeys/new", &session, &json!({})), host);
        assert_eq!(world.ask(&ask).status, 409, "{host}");
    }
    let offer = body(&world.ask(&new(&session)));
    assert_eq!(offer["rp"]["id"], OWN);
    let mut hers = Authenticator::new(3);
    // Made by a page of the other name, it is none of this one.
    let wrong = hers.make(&asked(&offer));
    let keep = |answer: &Answer| json!({ "name": "phone", "credential": made(answer) });
    let refused = at(post("/api/passkeys", &session, &keep(&wrong)), OWN);
    assert_eq!(world.ask(&refused).status, 401);
    let answer = hers.make(&asked_at(&offer, OWN));
    let kept = world.ask(&at(post("/api/passkeys", &session, &keep(&answer)), OWN));
    assert_eq!(kept.status, 201, "{}", text(&kept));
    let ana = world.site.people.iter().find(|it| it.login == "ana");
    assert_eq!(ana.expect("there").passkeys[0].made_for, OWN);

    let ask = |host: &str| at(post("/api/login/passkey/new", "", &json!({})), host);
    let mut sign_in = |by: &mut Authenticator, owner: &str, asked: &str, sent: &str| {
        let options = body(&world.ask(&ask(asked)));
        assert_eq!(options["rpId"], asked);
        let answer = by.sign(&asked_at(&options, asked));
        let owner = self::owner(&world, owner);
        let wish = json!({ "credential": used(by, &owner, &answer) });
        world
            .ask(&at(post("/api/login/passkey", "", &wish), sent))
            .status
    };
    assert_eq!(sign_in(&mut hers, "ana", OWN, OWN), 200);
    assert_eq!(
        sign_in(&mut local, "admin", "ramal.local", "ramal.local"),
        200
    );
    // A passkey of one name is not good for the other.
    assert_eq!(sign_in(&mut hers, "ana", OWN, "ramal.local"), 401);
    assert_eq!(sign_in(&mut hers, "ana", "ramal.local", "ramal.local"), 401);
    assert_eq!(sign_in(&mut local, "admin", OWN, OWN), 401);

    // After the password it is said where one works.
    let half = cookie(&world.ask(&sign_in_from("10.0.0.5", "ana", OWN_PASSWORD)));
    let second = post("/api/code/passkey/new", &half, &json!({}));
    let elsewhere = world.ask(&second);
    let why = text(&elsewhere);
    assert!(
        elsewhere.status == 409 && why.contains("open https://pbx.example.com"),
        "{why}"
    );
    let options = body(&world.ask(&at(second, OWN)));
    let allowed = options["allowCredentials"].as_array().expect("a list");
    assert_eq!(allowed.len(), 1);
    // With the certificate its name goes.
    world.admin.serves_signed(None);
    assert_eq!(world.ask(&ask(OWN)).status, 409);
}

#[test]
fn a_challenge_an_origin_and_an_answer_of_one_name_are_each_refused_by_the_other() {
    let (mut world, mut hers, _) = with_own();
    let mut refused = |asked_by: &str, change: &dyn Fn(&mut Ask)| {
        let options = post("/api/login/passkey/new", "", &json!({}));
        let options = body(&world.ask(&at(options, asked_by)));
        let mut ask = asked_at(&options, OWN);
        ask.name = OWN.into();
        change(&mut ask);
        let answer = hers.sign(&ask);
        let owner = owner(&world, "ana");
        let wish = json!({ "credential": used(&hers, &owner, &answer) });
        // They wait longer and longer.
        world.pass(60);
        let sent = at(post("/api/login/passkey", "", &wish), OWN);
        let answer = world.ask(&sent.with("accept-language", "en"));
        (answer.status, text(&answer))
    };
    let local_page = |ask: &mut Ask| ask.origin = format!("https://{LOCAL}");
    let local_name = |ask: &mut Ask| ask.name = LOCAL.into();
    let unchanged = |_: &mut Ask| {};
    let (status, why) = refused(LOCAL, &unchanged);
    assert!(status == 401 && why.contains("took too long"), "{why}");
    let (status, why) = refused(OWN, &local_page);
    assert!(status == 401 && why.contains("another page"), "{why}");
    let (status, why) = refused(OWN, &local_name);
    assert!(
        status == 401 && why.contains("it is for another name"),
        "{why}"
    );
    let (status, why) = refused(OWN, &unchanged);
    assert_eq!(status, 200, "{why}");
}

#[test]
fn after_the_password_a_passkey_is_taken_by_its_own_name_alone() {
    let (mut world, mut hers, _) = with_own();
    let half = sign_in_from("10.0.0.5", "ana", OWN_PASSWORD);
    let half = cookie(&world.ask(&half));
    let ask = post("/api/code/passkey/new", &half, &json!({}));
    let wish = signed(&mut world, &mut hers, &at(ask, OWN));
    let second = |host: &str| at(post("/api/code/passkey", &half, &wish), host);
    assert_eq!(world.ask(&second(LOCAL)).status, 401);
    let done = world.ask(&second(OWN));
    assert_eq!(done.status, 200, "{}", text(&done));
}

#[test]
fn a_passkey_confirms_nothing_where_the_page_is_opened_by_another_name() {
    let (mut world, mut hers, session) = with_own();
    world.pass(301);
    let page = |host: &str| at(form("/new/person", &session, "login=eva&role=user"), host);
    let button = "data-ask=\"/api/confirm/passkey/new\"";
    assert!(!text(&world.ask(&page(LOCAL))).contains(button));
    assert!(text(&world.ask(&page(OWN))).contains(button));
    let ask = |host: &str| at(post("/api/confirm/passkey/new", &session, &json!({})), host);
    assert_eq!(world.ask(&ask(LOCAL)).status, 409);
    let wish = signed(&mut world, &mut hers, &ask(OWN));
    let confirm = |host: &str| at(post("/api/confirm/passkey", &session, &wish), host);
    assert_eq!(world.ask(&confirm(LOCAL)).status, 409);
    let done = world.ask(&confirm(OWN));
    assert_eq!(done.status, 200, "{}", text(&done));
}

#[test]
fn by_a_certificate_without_the_name_of_the_box_nobody_is_led_to_that_name() {
    let (mut world, mut local, _) = office();
    serve(&mut world, &[OWN]);
    // Whoever has none yet, though others have some for the name of the box.
    world.hire("ana", Role::User, "101");
    let session = world.sign_in("ana", OWN_PASSWORD);
    let page = text(&world.ask(&at(get("/passkeys", &session), "10.0.0.5")));
    assert!(
        page.contains("href=\"https://pbx.example.com/passkeys\"") && !page.contains(LOCAL),
        "{page}"
    );
    // Whoever has nothing else is told that it ended.
    let half = cookie(&world.ask(&sign_in_from("10.0.0.5", "admin", OWN_PASSWORD)));
    let ask = |host: &str| at(post("/api/code/passkey/new", &half, &json!({})), host);
    for host in [OWN, "10.0.0.5"] {
        for (language, said) in [("en", "by a code"), ("pt-BR", "com um código")] {
            let ended = world.ask(&ask(host).with("accept-language", language));
            let why = text(&ended);
            assert!(
                ended.status == 409 && why.contains(LOCAL) && why.contains(said),
                "{host}: {why}"
            );
            assert!(!why.contains("https://"), "{why}");
        }
    }
    // Whose browser opens it all the same goes on.
    let options = body(&world.ask(&ask(LOCAL)));
    let answer = local.sign(&asked_at(&options, LOCAL));
    let owner = owner(&world, "admin");
    let wish = json!({ "credential": used(&local, &owner, &answer) });
    let done = world.ask(&at(post("/api/code/passkey", &half, &wish), LOCAL));
    assert_eq!(done.status, 200, "{}", text(&done));
}
