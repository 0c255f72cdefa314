//! Who guesses and scans at the pages is shut out (R53-R55), and people see who is and why (R69).

use std::net::IpAddr;

use config::Network;
use ipc::guard::{
    Ban, BanRow, Bans, Fate, Finding, Guest, Measure, Offence, Protection, Reply, Request as Ask,
    Status, Told,
};
use ipc::site::Role;
use serde_json::json;

use super::second_factor::office;
use super::world::{
    OWN_PASSWORD, World, cookie, form, get, json as body, post, request, sign_in_from, text,
};
use crate::gate::News;
use crate::{Away, Body, Method, Notice, Peer, Request, Response, Step};

/// The process that keeps the bans, in a few lines.
#[derive(Default)]
pub(super) struct Keeper {
    pub(super) status: Status,
    pub(super) asked: Vec<Ask>,
    pub(super) is_away: bool,
    pub(super) is_store_full: bool,
}

impl Keeper {
    pub(super) fn answer(&mut self, request: Ask) -> Result<Reply, Away> {
        if self.is_away {
            return Err(Away::Silent("guard"));
        }
        self.asked.push(request.clone());
        Ok(match request {
            Ask::Status => Reply::Status(self.status.clone()),
            Ask::Unban(network) => {
                let asked = Network::parse(&network).expect("a network");
                let banned = |it: &Ban| Network::parse(&it.row.network).expect("a network");
                let bans = self
                    .status
                    .bans
                    .extract_if(.., |it| banned(it).overlaps(&asked));
                Reply::Unbanned {
                    lifted: bans.map(|it| it.row.network).collect(),
                    is_kept: !self.is_store_full,
                }
            }
            Ask::LookAnew => Reply::Taken,
            other => panic!("not expected: {other:?}"),
        })
    }
}

const STRANGER: &str = "203.0.113.7";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn guarded() -> World {
    let mut world = World::new();
    switch(&mut world, true);
    world
}

fn switch(world: &mut World, is_on: bool) {
    world.site.guard.on = is_on;
    world.changed_elsewhere();
}

fn from(address: &str, mut request: Request) -> Request {
    request.peer = Peer::Network(ip(address));
    request
}

fn is_shut(world: &World, address: &str) -> bool {
    world.admin.is_shut(world.now, ip(address))
}

fn news(world: &mut World) -> News {
    world.admin.take_news(world.now)
}

/// Ten names with wrong passwords, from one address.
fn guess(world: &mut World, address: &str) {
    for turn in 0..10 {
        let name = format!("secret-{turn}");
        let answer = world.ask(&sign_in_from(address, &name, "wrong"));
        assert_eq!(answer.status, 401, "{turn}: {}", text(&answer));
    }
}

#[test]
fn who_guesses_passwords_is_shut_out_and_no_right_one_helps_him() {
    let mut world = guarded();
    guess(&mut world, STRANGER);
    assert_eq!(world.verified, 10);
    let right = world.ask(&sign_in_from(STRANGER, "admin", OWN_PASSWORD));
    assert_eq!(right.status, 429, "{}", text(&right));
    assert!(
        text(&right).contains("for some minutes"),
        "{}",
        text(&right)
    );
    assert_eq!(right.header("retry-after"), None, "not for how long");
    assert_eq!(world.verified, 10, "E1: it is not even looked at");
    assert!(is_shut(&world, STRANGER) && !is_shut(&world, "203.0.113.8"));
    let told = news(&mut world).found;
    let [found] = told.as_slice() else {
        panic!("{told:?}");
    };
    let expected = Finding {
        offence: Offence::WebSignIn,
        source: format!("{STRANGER}/32"),
        measure: Measure::Ban,
        is_in_force: true,
        count: 10,
        within_secs: 600,
        // What was typed there may be a password in the wrong field.
        tried: vec!["(unknown)".into()],
        is_one_name: false,
    };
    assert_eq!(*found, expected);
    assert_eq!(news(&mut world), News::default(), "it is told once");
    world.sign_in("admin", OWN_PASSWORD);
    world.pass(601);
    assert!(!is_shut(&world, STRANGER));
}

#[test]
fn off_everybody_is_heard_and_what_would_have_been_done_is_told() {
    let mut world = World::new();
    guess(&mut world, STRANGER);
    assert!(!is_shut(&world, STRANGER));
    let right = world.ask(&sign_in_from(STRANGER, "admin", OWN_PASSWORD));
    assert_eq!(right.status, 200, "{}", text(&right));
    let found = news(&mut world).found;
    let told: Vec<_> = found
        .iter()
        .map(|it| (it.measure, it.is_in_force))
        .collect();
    assert_eq!(told, [(Measure::Ban, false)]);
}

#[test]
fn passwords_that_are_looked_at_at_once_are_no_more_than_the_rule_says() {
    let mut world = guarded();
    let begin = |world: &mut World, name: &str, password: &str| {
        let moment = world.moment();
        let asked = sign_in_from(STRANGER, name, password);
        world.admin.handle(moment, &asked)
    };
    let mut begun: Vec<Step> = (0..15)
        .map(|turn| begin(&mut world, &format!("u{turn}"), "wrong"))
        .collect();
    begun.push(begin(&mut world, "admin", OWN_PASSWORD));
    let answers = begun.into_iter().map(|step| world.run(step));
    let statuses: Vec<u16> = answers.map(|it| it.status).collect();
    assert_eq!(statuses.last(), Some(&429), "the right one came too late");
}

#[test]
fn an_office_goes_on_when_one_of_it_forgets_his_password() {
    // E8, E9.
    let mut world = guarded();
    world.hire("ana", Role::Supervisor, "100");
    let office = "198.51.100.7";
    let signed_in = world.ask(&sign_in_from(office, "admin", OWN_PASSWORD));
    assert_eq!(signed_in.status, 200);
    let mut wrong = 0;
    for _ in 0..200 {
        world.pass(3);
        wrong += usize::from(world.ask(&sign_in_from(office, "ana", "wrong")).status == 401);
        if wrong == 10 {
            break;
        }
    }
    let right = world.ask(&sign_in_from(office, "ana", OWN_PASSWORD));
    assert_eq!((wrong, right.status), (10, 429), "she is locked out there");
    let found = news(&mut world).found;
    let told: Vec<_> = found.iter().map(|it| (it.measure, &*it.tried[0])).collect();
    assert_eq!(told, [(Measure::Lock, "ana")]);
    assert!(!is_shut(&world, office));
    let beside = world.ask(&sign_in_from(office, "admin", OWN_PASSWORD));
    assert_eq!(beside.status, 200, "{}", text(&beside));
    let elsewhere = world.ask(&sign_in_from("10.0.0.9", "ana", OWN_PASSWORD));
    assert_eq!(elsewhere.status, 200, "{}", text(&elsewhere));
}

#[test]
fn a_wrong_second_factor_counts_and_the_password_alone_proves_nobody() {
    let (mut world, ..) = office();
    // Codes are slowed down by themselves, so that ten of them take longer than the rule looks at.
    world.site.guard.rules = vec![ipc::site::GuardRule {
        offence: Offence::WebSignIn,
        count: Some(3),
        within_secs: None,
        only_report: false,
    }];
    switch(&mut world, true);
    news(&mut world);
    let half = world.ask(&sign_in_from(STRANGER, "admin", OWN_PASSWORD));
    let half = cookie(&half);
    assert_eq!(news(&mut world).guests, None, "he is not in yet");
    for _ in 0..3 {
        assert!(!is_shut(&world, STRANGER));
        let code = post("/api/code", &half, &json!({"code": "000000"}));
        assert_eq!(world.ask(&from(STRANGER, code)).status, 401);
    }
    assert!(
        is_shut(&world, STRANGER),
        "as anybody with a wrong password"
    );
    let found = news(&mut world).found;
    assert_eq!(found[0].offence, Offence::WebSignIn);
    assert_eq!(found[0].tried, ["admin"], "a login that there is, is told");
}

#[test]
fn a_stranger_who_asks_for_what_is_not_there_is_shut_out() {
    // R54.
    let mut world = guarded();
    let scan = |world: &mut World, address: &str, path: &str| {
        world.ask(&from(address, get(path, "")));
    };
    for turn in 0..40 {
        scan(&mut world, STRANGER, "/favicon.ico");
        scan(&mut world, STRANGER, "/api/status");
        scan(&mut world, STRANGER, "/login");
        let mut at_box = get(&format!("/nothing/{turn}"), "");
        at_box.peer = Peer::Local;
        world.ask(&at_box);
    }
    for turn in 0..29 {
        let long = "x".repeat(500);
        scan(
            &mut world,
            STRANGER,
            &format!("/.env{turn}/{long}?token=abc"),
        );
    }
    assert!(!is_shut(&world, STRANGER));
    scan(&mut world, STRANGER, "/<script>alert(1)</script>");
    assert!(is_shut(&world, STRANGER));
    let found = news(&mut world).found;
    let told: Vec<_> = found.iter().map(|it| (it.offence, it.count)).collect();
    assert_eq!(told, [(Offence::WebPath, 30)]);
    let tried = &found[0].tried;
    assert!(
        tried.iter().all(|it| it.len() <= 40 && it.starts_with('/')),
        "{tried:?}"
    );
    assert!(!tried.iter().any(|it| it.contains("token")), "{tried:?}");
    // Whoever is signed in may be wrong about an address.
    let session = world.sign_in("admin", OWN_PASSWORD);
    for _ in 0..100 {
        assert_eq!(world.ask(&get("/api/nothing", &session)).status, 404);
    }
    assert!(!is_shut(&world, "10.0.0.5") && news(&mut world).found.is_empty());
}

#[test]
fn forms_of_others_count() {
    let mut world = guarded();
    for _ in 0..10 {
        assert!(!is_shut(&world, STRANGER));
        let mut forged = form("/login", "", "login=admin");
        forged.headers.retain(|(name, _)| name != "origin");
        let forged = forged.with("origin", "https://evil.example");
        assert_eq!(world.ask(&from(STRANGER, forged)).status, 403);
    }
    assert!(is_shut(&world, STRANGER));
    let found = news(&mut world).found;
    assert_eq!(
        (found[0].offence, &*found[0].tried[0]),
        (Offence::WebForged, "/login")
    );
}

#[test]
fn the_grid_is_not_judged() {
    let mut world = guarded();
    world.site.tunnel = Some(ipc::site::Tunnel {
        addresses: vec!["10.200.0.5".into()],
        hub_key: "hDZB5mbl0bYhe2sFcEfCHIiBuQ5dP+Tq5UsFBpYDkgY=".into(),
        endpoint: "hub.example.com".into(),
        allowed: vec!["10.200.0.0/24".into()],
        ..ipc::site::Tunnel::default()
    });
    world.changed_elsewhere();
    world.admin.meet(Vec::new());
    guess(&mut world, "10.200.0.9");
    assert!(!is_shut(&world, "10.200.0.9"));
    assert_eq!(news(&mut world), News::default());
}

fn guests(addresses: &[&str]) -> Option<Vec<Guest>> {
    let guest = |it: &&str| Guest {
        why: Protection::Administrator,
        network: Network::of(ip(it)).to_string(),
    };
    Some(addresses.iter().map(guest).collect())
}

#[test]
fn where_an_administrator_is_signed_in_nobody_is_banned() {
    // E9.
    let mut world = guarded();
    world.hire("ana", Role::Supervisor, "100");
    let home = "198.51.100.7";
    let session = cookie(&world.ask(&sign_in_from(home, "admin", OWN_PASSWORD)));
    world.ask(&sign_in_from("198.51.100.8", "ana", OWN_PASSWORD));
    assert_eq!(news(&mut world).guests, guests(&[home]), "he alone");
    assert_eq!(news(&mut world).guests, None, "it is told once");
    let bans = Bans {
        banned: vec![("198.51.100.0/24".into(), 60_000_000)],
        protected: Some(Vec::new()),
        ..Bans::default()
    };
    for notice in Notice::read(world.now, &bans) {
        world.admin.obey(world.now, notice);
    }
    // Nobody was let in at the third.
    assert!(!is_shut(&world, home) && is_shut(&world, "198.51.100.9"));
    assert!(!is_shut(&world, "198.51.100.8"), "E8: a neighbour's ban");
    world.pass(60);
    world.ask(&post("/api/logout", &session, &json!({})));
    assert_eq!(news(&mut world).guests, guests(&[]), "he is out");
    assert!(!is_shut(&world, home), "he was let in here lately");
    // Without a word, too: by the clock, and when he is no administrator any more.
    world.ask(&sign_in_from("198.51.101.7", "admin", OWN_PASSWORD));
    assert_eq!(news(&mut world).guests, guests(&["198.51.101.7"]));
    world.pass(15 * 60);
    assert_eq!(news(&mut world).guests, guests(&[]));
    let session = cookie(&world.ask(&sign_in_from("198.51.101.7", "admin", OWN_PASSWORD)));
    news(&mut world);
    for _ in 0..8 * 6 {
        world.pass(10 * 60 - 1);
        assert_eq!(world.ask(&get("/api/status", &session)).status, 200);
        assert_eq!(news(&mut world).guests, None);
    }
    world.pass(100);
    assert_eq!(news(&mut world).guests, guests(&[]), "after eight hours");
}

#[test]
fn where_an_administrator_has_signed_out_nobody_is_spared_while_he_is_signed_in_elsewhere() {
    // E9: the café he was in.
    let mut world = guarded();
    let (home, cafe) = ("198.51.100.7", "203.0.113.9");
    world.ask(&sign_in_from(home, "admin", OWN_PASSWORD));
    let session = cookie(&world.ask(&sign_in_from(cafe, "admin", OWN_PASSWORD)));
    assert_eq!(news(&mut world).guests, guests(&[home, cafe]));
    world.ask(&from(cafe, post("/api/logout", &session, &json!({}))));
    assert_eq!(news(&mut world).guests, guests(&[home]));
}

#[test]
fn a_session_that_goes_on_under_another_token_protects_on() {
    let mut world = guarded();
    let home = "198.51.100.7";
    let session = cookie(&world.ask(&sign_in_from(home, "admin", OWN_PASSWORD)));
    assert_eq!(news(&mut world).guests, guests(&[home]));
    let again = json!({"password": OWN_PASSWORD});
    let proved = world.ask(&from(home, post("/api/confirm", &session, &again)));
    assert!(proved.status < 300, "{}", text(&proved));
    assert_ne!(cookie(&proved), session);
    assert_eq!(news(&mut world).guests, None, "as before");
}

#[test]
fn a_program_with_a_token_goes_on_beside_one_who_guesses() {
    let mut world = guarded();
    let noc = "198.51.100.7";
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({"name": "noc", "permissions": ["see-status"], "days": 30});
    let made = world.ask(&post("/api/tokens", &session, &wish));
    let secret = body(&made)["token"].as_str().expect("one").to_owned();
    let by_token = |world: &mut World| {
        let asked = get("/api/status", "").with("authorization", &format!("Bearer {secret}"));
        world.ask(&from(noc, asked)).status
    };
    assert_eq!(by_token(&mut world), 200);
    guess(&mut world, noc);
    for turn in 0..40 {
        world.ask(&from(noc, get(&format!("/.env{turn}"), "")));
    }
    assert!(!is_shut(&world, noc));
    assert_eq!(by_token(&mut world), 200);
    // Nor does it make anybody an administrator.
    assert_eq!(news(&mut world).guests, guests(&["10.0.0.5"]));
}

#[test]
fn somebody_outside_is_told_of_once_an_hour() {
    // T8.
    let mut world = World::new();
    let come = |world: &mut World, address: &str| {
        world.ask(&from(address, get("/login", "")));
        news(world).outsider
    };
    assert_eq!(come(&mut world, STRANGER), None, "he could be a neighbour");
    let neighbours = Network::parse("2001:db8:1:2::/64").expect("one");
    world.admin.meet(vec![neighbours]);
    for inside in ["192.168.0.9", "127.0.0.1", "2001:db8:1:2::9", "fe80::1"] {
        assert_eq!(come(&mut world, inside), None, "{inside}");
    }
    assert_eq!(come(&mut world, STRANGER), Some(ip(STRANGER)));
    assert_eq!(come(&mut world, "203.0.113.8"), None);
    world.pass(3_600);
    let other = "2001:db8:9::1";
    assert_eq!(come(&mut world, other), Some(ip(other)));
}

fn finding(measure: Measure, tried: &str) -> Finding {
    Finding {
        offence: Offence::WebPath,
        source: "203.0.113.9/32".into(),
        measure,
        is_in_force: true,
        count: 30,
        within_secs: 60,
        tried: vec![tried.into()],
        is_one_name: false,
    }
}

fn told(fate: Fate, measure: Measure) -> Told {
    Told {
        finding: finding(measure, "/wp-login.php"),
        at_millis: 1_795_446_000_000,
        fate,
    }
}

/// One ban, of one who has written what he could, and one finding of each kind.
fn busy() -> Status {
    let row = BanRow {
        network: "203.0.113.7/32".into(),
        offence: Offence::WebPath,
        count: 30,
        within_secs: 60,
        tried: vec!["/\"><script>alert(1)</script>".into()],
        since_secs: 1_795_446_000,
        left_secs: 0,
        until_secs: None,
        times: 3,
    };
    let left_secs = 540;
    Status {
        is_on: true,
        banned_count: 1,
        bans: vec![Ban { row, left_secs }],
        told: vec![
            told(Fate::Banned(3), Measure::Ban),
            told(Fate::WouldBeBanned, Measure::Ban),
            told(Fate::Spared(Protection::Gateway), Measure::Ban),
            told(Fate::AtTheDoor, Measure::Lock),
            told(Fate::WouldBeAtTheDoor, Measure::Slow),
        ],
        outsider_secs: None,
        ..Status::default()
    }
}

#[test]
fn the_page_says_who_is_banned_for_what_and_what_became_of_findings() {
    let mut world = World::new();
    world.guard.status = busy();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page = |world: &mut World, language| {
        let page = text(&world.ask(&get("/bans", &session).with("accept-language", language)));
        assert_eq!(super::markup::wrong(&page), [""; 0]);
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(
            page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
            "{page}"
        );
        page
    };
    let english = page(&mut world, "en");
    for wanted in [
        "203.0.113.7/32",
        "30 × a page that does not exist, within 1 min",
        "9 min",
        "Unban 203.0.113.7/32",
        "would have been banned",
        "the router: behind it everybody has its address",
        "this name locked from there",
        "strangers slowed down at this name",
    ] {
        assert!(english.contains(wanted), "{wanted}: {english}");
    }
    let portuguese = page(&mut world, "pt-BR");
    for wanted in [
        "Bloqueios",
        "uma página que não existe",
        "teria sido bloqueado",
        "poupado",
    ] {
        assert!(portuguese.contains(wanted), "{wanted}: {portuguese}");
    }
    let seen = body(&world.ask(&get("/api/bans", &session)));
    let (ban, lately) = (&seen["bans"][0], &seen["lately"]);
    assert_eq!((&seen["on"], &seen["banned"]), (&json!(true), &json!(1)));
    assert_eq!(ban["since"], "2026-11-23T15:00:00Z");
    assert_eq!((&ban["left_secs"], &ban["times"]), (&json!(540), &json!(3)));
    assert_eq!(lately[0]["times"], 3);
    assert_eq!(
        (&lately[2]["fate"], &lately[2]["spared_as"]),
        (&json!("spared"), &json!("gateway"))
    );
    let parts = world.ask(&get("/bans/events", &session).with("accept-language", "en"));
    let Body::Events(events) = &parts.body else {
        panic!("not a stream");
    };
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|it| english.contains(&it.data)));
}

#[test]
fn every_offence_has_words_of_its_own() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for offence in Offence::ALL {
        world.guard.status = busy();
        world.guard.status.bans[0].row.offence = offence;
        for language in ["en", "pt-BR"] {
            let page = world.ask(&get("/bans", &session).with("accept-language", language));
            let page = text(&page);
            let is_unknown = page.contains("something else") || page.contains("outra coisa");
            assert!(!is_unknown, "{offence:?}");
        }
    }
}

#[test]
fn a_ban_is_lifted_with_one_click_and_the_trail_says_by_whom() {
    let mut world = World::new();
    world.guard.status = busy();
    world.hire("rui", Role::Installer, "100");
    let session = world.sign_in("rui", OWN_PASSWORD);
    let done = world.ask(&form("/bans/unban", &session, "network=203.0.113.7%2F32"));
    assert_eq!((done.status, done.header("location")), (303, Some("/bans")));
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        (&*audit.who, &*audit.action),
        ("rui", "unban 203.0.113.7/32")
    );
    // An address is the network of it alone.
    let wish = json!({"network": "203.0.113.7"});
    let again = world.ask(&post("/api/bans/unban", &session, &wish));
    assert_eq!(body(&again), json!({"was_banned": false, "lifted": []}));
    let audit = world.audits.last().expect("recorded");
    assert_eq!(audit.action, "nobody was banned in 203.0.113.7/32");
    let asked = Ask::Unban("203.0.113.7/32".into());
    assert_eq!(world.guard.asked, [asked.clone(), asked]);
    let before = world.audits.len();
    for wrong in ["", "203.0.113.7/33", "example.com", "203.0.113.7/24"] {
        let refused = world.ask(&post(
            "/api/bans/unban",
            &session,
            &json!({"network": wrong}),
        ));
        assert_eq!(refused.status, 400, "{wrong}");
        assert!(
            text(&refused).contains("network: write"),
            "{}",
            text(&refused)
        );
    }
    assert_eq!(world.audits.len(), before);
    world.hire("eva", Role::Auditor, "101");
    let auditor = world.sign_in("eva", OWN_PASSWORD);
    let page = text(&world.ask(&get("/bans", &auditor)));
    assert!(
        !page.contains("/bans/unban") && !page.contains("/bans/on"),
        "{page}"
    );
}

#[test]
fn with_an_address_the_network_around_it_is_unbanned_and_that_is_said_and_recorded() {
    let mut world = World::new();
    world.guard.status = busy();
    world.guard.status.bans[0].row.network = "203.0.113.0/24".into();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({"network": "203.0.113.7"});
    let lifted = world.ask(&post("/api/bans/unban", &session, &wish));
    let expected = json!({"was_banned": true, "lifted": ["203.0.113.0/24"]});
    assert_eq!(body(&lifted), expected);
    let recorded = world.audits.iter().rev().take(2);
    let recorded: Vec<_> = recorded.map(|it| (&*it.action, &*it.before)).collect();
    assert_eq!(
        recorded,
        [
            ("unbanned with 203.0.113.7/32", "203.0.113.0/24"),
            ("unban 203.0.113.7/32", "")
        ]
    );
}

#[test]
fn all_bans_end_only_by_switching_them_off() {
    // R69: that asks for the password, and is not for programs with a token.
    let mut world = World::new();
    world.guard.status = busy();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let before = world.audits.len();
    for wide in [
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8",
        "203.0.112.0/23",
        "2001:db8::/47",
    ] {
        let wish = json!({"network": wide});
        let refused = world.ask(&post("/api/bans/unban", &session, &wish));
        assert_eq!(refused.status, 400, "{wide}");
        assert!(
            text(&refused).contains("switch them off"),
            "{}",
            text(&refused)
        );
    }
    assert_eq!((world.guard.asked.len(), world.audits.len()), (0, before));
    assert_eq!(world.guard.status.bans.len(), 1);
}

#[test]
fn an_unban_that_is_not_kept_says_so() {
    let mut world = World::new();
    world.guard.status = busy();
    world.guard.is_store_full = true;
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({"network": "203.0.113.7"});
    let told = world.ask(&post("/api/bans/unban", &session, &wish));
    assert_eq!(told.status, 503);
    assert!(
        text(&told).contains("banned no more, but"),
        "{}",
        text(&told)
    );
    let page = world.ask(&form("/bans/unban", &session, "network=203.0.113.7"));
    assert_eq!(page.status, 503);
}

fn part(world: &mut World, session: &str, name: &str) -> String {
    let response: Response = world.ask(&get("/events", session).with("accept-language", "en"));
    let Body::Events(events) = response.body else {
        panic!("not a stream");
    };
    let found = events.into_iter().find(|it| it.name == name);
    found.expect(name).data
}

#[test]
fn a_box_that_is_reached_from_outside_says_so_in_red_and_is_switched_on_by_a_person() {
    // R69, T8.
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let page =
        |world: &mut World| text(&world.ask(&get("/bans", &session).with("accept-language", "en")));
    let quiet = page(&mut world);
    assert!(
        !quiet.contains("headline bad") && quiet.contains("/bans/on"),
        "{quiet}"
    );
    world.guard.status.outsider_secs = Some(7_300);
    let red = page(&mut world);
    let banner = "The box can be reached from outside and bans are off";
    assert!(
        red.contains("headline bad") && red.contains(banner),
        "{red}"
    );
    assert!(red.contains("2 h 02 min"), "{red}");
    let headline = part(&mut world, &session, "part-headline");
    assert!(headline.contains("Needs attention"), "{headline}");
    assert!(
        headline.contains("<a href=\"/bans\">Bans</a>"),
        "{headline}"
    );
    assert!(part(&mut world, &session, "part-next").contains("switch bans on"));
    let warnings = body(&world.ask(&get("/api/status", &session)))["warnings"].to_string();
    assert!(warnings.contains("bans are off"), "{warnings}");
    assert!(!world.site.guard.on, "never by itself");

    let on = world.ask(&form("/bans/on", &session, ""));
    assert_eq!(
        (on.status, on.header("location")),
        (303, Some("/bans")),
        "{}",
        on.status
    );
    assert!(world.site.guard.on);
    let audit = world.audits.last().expect("recorded");
    assert_eq!(
        (&*audit.action, &*audit.after),
        ("bans changed", "guard.is_on false -> true")
    );
    assert!(!part(&mut world, &session, "part-headline").contains("bans are off"));
    world.guard.status.is_on = true;
    let calm = page(&mut world);
    assert!(
        !calm.contains("headline bad") && !calm.contains("/bans/on"),
        "{calm}"
    );
    guess(&mut world, STRANGER);
    assert!(is_shut(&world, STRANGER), "the door here knows at once");
}

#[test]
fn while_the_guard_is_away_that_is_said_and_the_pages_go_on() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.guard.is_away = true;
    let refused = world.ask(&get("/api/bans", &session));
    assert_eq!(refused.status, 503, "{}", text(&refused));
    assert!(text(&refused).contains("guard does not answer"));
    let wish = json!({"network": "203.0.113.7"});
    assert_eq!(
        world.ask(&post("/api/bans/unban", &session, &wish)).status,
        503
    );
    assert_eq!(
        world
            .ask(&request(Method::Get, "/").with("cookie", &session))
            .status,
        200
    );
}
