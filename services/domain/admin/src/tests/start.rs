//! The first steps on a new box, as a browser goes through them.

use sip::digest::{Algorithm, Ha1};

use super::markup::wrong;
use super::signing_in::one_time_password;
use super::world::{OWN_PASSWORD, World, cookie, form, get, text};
use crate::Response;

/// An administrator who has just chosen a password.
fn new_box() -> (World, String) {
    let mut world = World::fresh();
    let first = one_time_password(&mut world)
        .replace('%', "%25")
        .replace('+', "%2B");
    let first = first
        .replace('&', "%26")
        .replace('=', "%3D")
        .replace('^', "%5E");
    let signed = world.ask(&form(
        "/login",
        "",
        &format!("login=admin&password={first}"),
    ));
    assert_eq!(signed.header("location"), Some("/password"));
    let own = OWN_PASSWORD.replace(' ', "+");
    let chosen = format!("old={first}&new={own}");
    let chosen = world.ask(&form("/password", &cookie(&signed), &chosen));
    assert_eq!(
        chosen.header("location"),
        Some("/start"),
        "{}",
        text(&chosen)
    );
    let session = cookie(&chosen);
    (world, session)
}

fn send(world: &mut World, session: &str, step: &str, body: &str) -> Response {
    let asked = form(&format!("/start/{step}"), session, body);
    world.ask(&asked.with("accept-language", "en"))
}

/// Three extensions on cards: what stands on each is what its phone is let in by.
fn cards(world: &mut World, session: &str) {
    let cards = send(
        world,
        session,
        "extensions",
        "count=3&first=100&names=Ana%0D%0AB%26B",
    );
    assert_eq!(cards.status, 201);
    let cards = text(&cards);
    assert_eq!(wrong(&cards), Vec::<String>::new());
    for part in [
        "<h2>100 Ana</h2>",
        "<h2>101 B&amp;B</h2>",
        "<dd>192.168.0.7</dd>",
    ] {
        assert!(cards.contains(part), "{part}: {cards}");
    }
    assert_eq!(cards.matches("aria-label=\"QR\"").count(), 3);
    // What stands on a card is what the phone is let in by.
    let passwords = cards.split("class=\"secret\">").skip(1);
    let passwords: Vec<String> = passwords
        .map(|it| {
            it.split('<')
                .next()
                .expect("a password")
                .replace("&amp;", "&")
        })
        .collect();
    for (extension, password) in world.site.extensions.iter().zip(&passwords) {
        let ha1 = Ha1::from_password(&extension.number, &world.site.realm, password);
        assert_eq!(extension.ha1_sha256.reveal(), ha1.hex(Algorithm::Sha256));
    }
    let said = world.audits.last().expect("an entry");
    assert_eq!(said.action, "extensions 100, 101, 102 created");
    assert!(
        passwords
            .iter()
            .all(|it| !format!("{:?}", world.audits).contains(it))
    );
}

/// The code is made and a backup taken away, without leaving the first steps.
fn safe(world: &mut World, session: &str) {
    let look = |world: &mut World| {
        let asked = get("/start/backup", session).with("accept-language", "en");
        text(&world.ask(&asked))
    };
    world.has_backup_code = false;
    let page = look(world);
    assert_eq!(wrong(&page), Vec::<String>::new());
    assert!(page.contains("action=\"/backups/code\""), "{page}");
    let at = page.find("href=\"/backups/").expect("a backup");
    let (_, rest) = page.split_at(at + "href=\"".len());
    let file = rest.split('"').next().expect("its address");
    assert!(file.ends_with(".backup"), "{file}");
    assert_eq!(world.ask(&get(file, session)).status, 200);
    let shown = text(&world.ask(&form("/backups/code", session, "")));
    assert!(
        shown.contains("href=\"/start/backup\""),
        "back to the steps: {shown}"
    );
    let page = look(world);
    assert!(!page.contains("action=\"/backups/code\""), "{page}");
    world.store_away = true;
    let page = look(world);
    world.store_away = false;
    assert!(
        page.contains("Look again") && page.contains("/start/ready"),
        "{page}"
    );
}

#[test]
fn a_new_box_leads_to_a_first_call_step_by_step() {
    let (mut world, session) = new_box();
    let begun = text(&world.ask(&get("/start", &session)));
    assert!(begun.contains("action=\"/start/language\""), "{begun}");
    for (step, body, next) in [
        ("language", "language=en", "time"),
        ("time", "zone=America%2FManaus", "network"),
        ("network", "", "numbers"),
        (
            "numbers",
            "country=br&area_code=92&own_number=%2B559230000000",
            "extensions",
        ),
    ] {
        let page = world.ask(&get(&format!("/start/{step}"), &session));
        assert_eq!(page.status, 200, "{step}");
        assert_eq!(wrong(&text(&page)), Vec::<String>::new(), "{step}");
        let answer = send(&mut world, &session, step, body);
        let next = format!("/start/{next}");
        assert_eq!(
            answer.header("location"),
            Some(next.as_str()),
            "{}",
            text(&answer)
        );
    }
    assert_eq!(world.site.dialling.zone, "America/Manaus");
    assert_eq!(world.site.dialling.area_code, "92");
    cards(&mut world, &session);
    let body = "name=Carrier&server=sip.example.com&user=1130000000&password=secret&prefix=0\
                &target=100";
    let answer = send(&mut world, &session, "trunk", body);
    assert_eq!(
        answer.header("location"),
        Some("/start/trunk"),
        "{}",
        text(&answer)
    );
    let page = text(&world.ask(&get("/start/trunk", &session).with("accept-language", "en")));
    assert!(
        page.contains("id=\"part-trunks\" data-live"),
        "its state goes on: {page}"
    );
    assert!(page.contains("/assets/live.js"), "{page}");
    assert_eq!(wrong(&page), Vec::<String>::new());
    safe(&mut world, &session);
    let ready = text(&world.ask(&get("/start/ready", &session).with("accept-language", "en")));
    assert!(ready.contains("dial <b>101</b>"), "{ready}");
    let done = send(&mut world, &session, "ready", "");
    assert_eq!(done.header("location"), Some("/"));
    assert_eq!(world.secrets.get("start-is-over").map(Vec::len), Some(1));
    assert_eq!(
        world.audits.last().expect("an entry").action,
        "first steps done"
    );
}

/// F1, R64: what the first steps make is of no use to a thief.
#[test]
fn the_routes_of_the_first_steps_lead_no_number_abroad() {
    for (country, outside) in [("br", "0021"), ("pt", "00")] {
        let (mut world, session) = new_box();
        let numbers = format!("country={country}&area_code=&own_number=");
        send(&mut world, &session, "numbers", &numbers);
        send(
            &mut world,
            &session,
            "extensions",
            "count=2&first=100&names=",
        );
        let body = "name=Carrier&server=sip.example.com&user=1&password=p&prefix=&target=100";
        send(&mut world, &session, "trunk", body);
        assert!(world.site.routes.len() > 3, "{country}");
        let dangers = world.admin.dangers().expect("a site");
        assert!(!dangers.helps_thieves(), "{country}: {:?}", dangers.found);
        let open = world.site.routes.iter().any(|route| {
            let outward = route.name != "incoming";
            outward && (route.pattern.starts_with(outside) || route.pattern.ends_with('.'))
        });
        assert!(!open, "{country}");
    }
}

#[test]
fn what_will_not_do_comes_back_with_what_was_typed_and_why() {
    let (mut world, session) = new_box();
    let before = world.version;
    for (step, body, why, kept) in [
        ("time", "zone=Mars", "zone", "value=\"Mars\""),
        (
            "extensions",
            "count=99&first=100&names=Ana",
            "from 1 to 16",
            ">Ana</textarea>",
        ),
        (
            "extensions",
            "count=2&first=9&names=",
            "2 to 10 digits",
            "value=\"9\"",
        ),
        (
            "extensions",
            "count=5&first=98&names=",
            "2 to 10 digits",
            "value=\"98\"",
        ),
        (
            "trunk",
            "name=x&server=&user=&password=hidden",
            "all three",
            "value=\"x\"",
        ),
    ] {
        let answer = send(&mut world, &session, step, body);
        assert!(
            (400..500).contains(&answer.status),
            "{step}: {}",
            answer.status
        );
        let page = text(&answer);
        assert!(page.contains(why) && page.contains(kept), "{step}: {page}");
        assert!(
            !page.contains("hidden\""),
            "a password is not sent back: {page}"
        );
    }
    assert_eq!(world.version, before);
    assert_eq!(send(&mut world, &session, "nowhere", "").status, 404);
}

#[test]
fn who_wants_none_of_it_is_asked_once() {
    let (mut world, session) = new_box();
    let left = send(&mut world, &session, "skip", "");
    assert_eq!(left.header("location"), Some("/"));
    let body = format!("login=admin&password={}", OWN_PASSWORD.replace(' ', "+"));
    let signed = world.ask(&form("/login", "", &body));
    assert_eq!(signed.header("location"), Some("/"));
}

#[test]
fn an_extension_is_given_another_password_on_a_card() {
    let mut world = World::new();
    world.hire("ana", ipc::site::Role::Operator, "102");
    let session = world.sign_in("admin", OWN_PASSWORD);
    let before = world.site.extensions[0].ha1_sha256.clone();
    let asked = world.ask(&get("/extensions/100/card", &session));
    assert!(text(&asked).contains("action=\"/extensions/100/card\""));
    let card = world.ask(&form("/extensions/100/card", &session, ""));
    assert_eq!(card.status, 201);
    assert!(text(&card).contains("class=\"secret\""));
    assert_ne!(world.site.extensions[0].ha1_sha256, before);
    let said = &world.audits.last().expect("an entry").action;
    assert_eq!(said, "extension 100 given another password");
    let none = world.ask(&form("/extensions/999/card", &session, ""));
    assert_eq!(none.status, 404);
}

#[test]
fn the_language_that_was_chosen_is_kept_by_the_browser() {
    let (mut world, session) = new_box();
    let answer = send(&mut world, &session, "language", "language=pt-BR");
    let kept = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(kept.starts_with("language=pt-BR;"), "{kept}");
    let both = format!("{session}; language=pt-BR");
    let page = world.ask(&get("/start/time", &both).with("accept-language", "en"));
    assert!(text(&page).contains("<html lang=\"pt-BR\">"));
}
