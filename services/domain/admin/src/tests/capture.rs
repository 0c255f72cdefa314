//! The capture of packets: who may, what they may take, and that nobody does so unseen.

use ipc::Redacted;
use ipc::capture::{Ask, Capture, Depth, Packet, What, Wish};
use ipc::net;
use ipc::site::Role;
use serde_json::json;

use super::world::{OWN_PASSWORD, World, form, get, json as body, post, request, text};
use crate::{Away, Body, Method};

/// A network as far as its capture goes.
#[derive(Default)]
pub(super) struct Card {
    pub(super) asked: Vec<Ask>,
    run: u64,
    wish: Option<Wish>,
    is_on: bool,
    packets: Vec<Packet>,
    refusal: Option<&'static str>,
    /// What somebody else begins once a piece has been read.
    another: Option<Wish>,
    /// It does what is asked, and its answer is lost.
    is_silent: bool,
}

impl Card {
    pub(super) fn answer(&mut self, ask: Ask) -> Result<net::Reply, Away> {
        self.asked.push(ask.clone());
        let mut packets = Vec::new();
        match ask {
            Ask::Begin(_) if self.refusal.is_some() => {
                let why = self.refusal.unwrap_or_default().to_owned();
                return Ok(net::Reply::NotCaptured(why));
            }
            Ask::Begin(wish) => (self.wish, self.is_on) = (Some(wish), true),
            Ask::End => self.is_on = false,
            Ask::Read { from: Some(from) } => {
                let wanted = self.packets.iter().filter(|it| it.number >= from);
                // A piece has two.
                packets = wanted.take(2).cloned().collect();
            }
            Ask::Read { from: None } => {}
        }
        if self.is_silent {
            return Err(Away::Silent("net"));
        }
        let read = Capture {
            run: self.run,
            left_secs: self.is_on.then_some(60),
            wish: self.wish.clone(),
            kept: self.packets.len() as u64,
            dropped: 0,
            missed: 0,
            packets,
        };
        if let Some(wish) = self.another.take_if(|_| !read.packets.is_empty()) {
            (self.run, self.wish) = (self.run + 1, Some(wish));
            self.packets.truncate(3);
        }
        Ok(net::Reply::Capture(read))
    }
}

fn trail(world: &World) -> Vec<(&str, &str, &str)> {
    let told = world.audits.iter();
    let told = told.map(|it| (&*it.action, &*it.before, &*it.after));
    told.filter(|(action, ..)| action.starts_with("packet capture"))
        .collect()
}

fn packet(number: u64) -> Packet {
    Packet {
        number,
        at_nanos: 1_793_491_200_000_000_000,
        length: 214,
        bytes: Redacted::new(vec![7; 54]),
    }
}

#[test]
fn a_capture_is_begun_as_wished_and_its_begin_and_end_are_in_the_trail() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({ "host": "10.0.0.20", "link": "eth0", "minutes": 2 });
    assert_eq!(
        world.ask(&post("/api/capture", &session, &wish)).status,
        204
    );
    let begun = Wish {
        link: "eth0".into(),
        host: "10.0.0.20".parse().ok(),
        what: What::Telephony,
        depth: Depth::Headers,
        secs: 120,
    };
    assert_eq!(world.exchange.card.asked, [Ask::Begin(begun)]);
    let told = body(&world.ask(&get("/api/capture", &session)));
    assert_eq!(
        (&told["left_secs"], &told["whole"]),
        (&json!(60), &json!(false))
    );
    let end = request(Method::Delete, "/api/capture").with("cookie", &session);
    assert_eq!(world.ask(&end).status, 204);
    let of = "telephony of 10.0.0.20 on eth0, headers";
    let begun = format!("{of}, 2 minutes at most");
    let expected = [
        ("packet capture begun", "", &*begun),
        ("packet capture ended", "", ""),
    ];
    assert_eq!(trail(&world), expected);
    // One of the page, which ends by itself.
    let wish = "what=all&host=&port=&minutes=1&confirm_password=";
    let wish = format!("{wish}{}", OWN_PASSWORD.replace(' ', "+"));
    let answer = world.ask(&form("/capture", &session, &wish));
    assert_eq!(
        answer.header("location"),
        Some("/capture"),
        "{}",
        answer.status
    );
    world.pass(61);
    world.admin.pass(world.now);
    if let Some(step) = world.admin.overdue() {
        world.run(step);
    }
    let over = (
        "packet capture over",
        "all packets on the first card, headers",
        "",
    );
    assert_eq!(trail(&world)[3], over);
}

#[test]
fn voices_are_for_administrators_who_say_that_they_know() {
    for (role, status) in [(Role::Administrator, 204), (Role::Installer, 403)] {
        let mut world = World::new();
        world.hire("rui", role, "101");
        let session = world.sign_in("rui", OWN_PASSWORD);
        let wish = json!({ "whole": true, "confirm": "capture voices", "port": 5080 });
        let answer = world.ask(&post("/api/capture", &session, &wish));
        assert_eq!(answer.status, status, "{role:?}");
        assert_eq!(world.exchange.card.asked.len(), usize::from(status == 204));
        let unsaid = json!({ "whole": true });
        let answer = world.ask(&post("/api/capture", &session, &unsaid));
        assert_eq!(answer.status, if status == 204 { 400 } else { 403 });
        // Nor does an installer get those that an administrator has begun.
        world.exchange.card.wish = Some(Wish {
            depth: Depth::Whole,
            ..Wish::default()
        });
        world.exchange.card.packets = vec![packet(0)];
        let file = world.ask(&get("/capture.pcap", &session));
        assert_eq!(
            file.status,
            if status == 204 { 200 } else { 403 },
            "{role:?}"
        );
        let page = text(&world.ask(&get("/capture", &session)));
        assert_eq!(page.contains("/capture.pcap"), status == 204, "{page}");
        assert_eq!(page.contains("9.296"), status == 204, "the danger is told");
        assert_eq!(super::markup::wrong(&page), [""; 0]);
    }
}

#[test]
fn the_file_has_all_pieces_and_the_trail_says_who_took_it() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.exchange.card.wish = Some(Wish::default());
    world.exchange.card.packets = (0..5).map(packet).collect();
    let file = world.ask(&get("/capture.pcap", &session));
    let Body::Bytes(bytes) = &file.body else {
        panic!("no file")
    };
    assert_eq!(bytes.len(), 24 + 5 * (16 + 54));
    let taken = "5 packets, telephony on the first card, headers";
    assert_eq!(trail(&world), [("packet capture downloaded", "", taken)]);
}

#[test]
fn what_cannot_be_captured_is_named_and_what_did_not_begin_is_told() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (wish, said) in [
        (json!({ "minutes": 11 }), "minutes"),
        (json!({ "minutes": 0 }), "minutes"),
        (json!({ "host": "sip.example" }), "host"),
        (json!({ "what": "some" }), "what"),
    ] {
        let answer = world.ask(&post("/api/capture", &session, &wish));
        assert_eq!(answer.status, 400, "{wish}");
        assert!(text(&answer).contains(said), "{wish}: {}", text(&answer));
    }
    let port = world.ask(&form("/capture", &session, "port=70000&minutes=1"));
    assert!(
        port.status == 400 && text(&port).contains("port"),
        "{}",
        text(&port)
    );
    assert!(world.exchange.card.asked.is_empty() && trail(&world).is_empty());
    world.exchange.card.refusal = Some("no network card of that name");
    let answer = world.ask(&post("/api/capture", &session, &json!({ "link": "eth7" })));
    assert!(answer.status == 400 && text(&answer).contains("no network card"));
    world.admin.pass(world.now);
    if let Some(step) = world.admin.overdue() {
        world.run(step);
    }
    let last = ("packet capture not begun", "telephony on eth7, headers", "");
    assert_eq!(trail(&world).last(), Some(&last));
    assert!(world.admin.capture_ends.is_none());
    world.pass(600);
    let answer = world.ask(&post("/api/capture", &session, &json!({})));
    assert_eq!(answer.status, 403, "the password was said long ago");
}

#[test]
fn a_capture_of_which_nobody_knows_whether_it_began_is_over_in_its_time() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let long = json!({ "minutes": 3 });
    assert_eq!(
        world.ask(&post("/api/capture", &session, &long)).status,
        204
    );
    world.exchange.card.is_silent = true;
    let whole = json!({ "whole": true, "confirm": "capture voices", "minutes": 1 });
    let answer = world.ask(&post("/api/capture", &session, &whole));
    assert!(answer.status == 503 && world.exchange.card.is_on);
    // The one before may be on instead.
    for (secs, last) in [
        (61, "packet capture may have begun: net gave no answer"),
        (120, "packet capture over"),
    ] {
        world.pass(secs);
        world.admin.pass(world.now);
        if let Some(step) = world.admin.overdue() {
            world.run(step);
        }
        let of = "telephony on the first card, whole packets with voices";
        assert_eq!(trail(&world).last(), Some(&(last, of, "")));
    }
}

#[test]
fn a_file_is_of_one_capture_also_when_another_begins_while_it_is_read() {
    for (role, status) in [(Role::Administrator, 200), (Role::Installer, 403)] {
        let mut world = World::new();
        world.hire("rui", role, "101");
        let session = world.sign_in("rui", OWN_PASSWORD);
        world.exchange.card.wish = Some(Wish::default());
        world.exchange.card.packets = (0..5).map(packet).collect();
        world.exchange.card.another = Some(Wish {
            depth: Depth::Whole,
            ..Wish::default()
        });
        let file = world.ask(&get("/capture.pcap", &session));
        assert_eq!(file.status, status, "{role:?}");
        let Body::Bytes(bytes) = &file.body else {
            panic!("no answer")
        };
        let taken = "3 packets, telephony on the first card, whole packets with voices";
        let mut entries = vec![("packet capture downloaded", "", taken)];
        if status == 200 {
            assert_eq!(bytes.len(), 24 + 3 * (16 + 54), "of the one that began");
        } else {
            entries.clear();
        }
        assert_eq!(trail(&world), entries);
    }
}

#[test]
fn voices_are_handed_out_to_whoever_has_said_the_password_lately() {
    let mut world = World::new();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.exchange.card.wish = Some(Wish::default());
    world.exchange.card.packets = vec![packet(0)];
    world.pass(600);
    let page = text(&world.ask(&get("/capture", &session)));
    assert!(page.contains("href=\"/capture.pcap\""), "{page}");
    assert_eq!(world.ask(&get("/capture.pcap", &session)).status, 200);
    let whole = Wish {
        depth: Depth::Whole,
        ..Wish::default()
    };
    world.exchange.card.wish = Some(whole);
    for path in ["/capture.pcap", "/api/capture/file"] {
        assert_eq!(world.ask(&get(path, &session)).status, 403, "{path}");
    }
    let page = text(&world.ask(&get("/capture", &session)));
    assert!(page.contains("action=\"/capture.pcap\""), "{page}");
    let asked = world.ask(&form("/capture.pcap", &session, ""));
    assert!(asked.status == 403 && text(&asked).contains("confirm_password"));
    let said = format!("confirm_password={}", OWN_PASSWORD.replace(' ', "+"));
    let file = world.ask(&form("/capture.pcap", &session, &said));
    assert!(file.status == 200 && matches!(file.body, Body::Bytes(_)));
    let session = super::world::cookie(&file);
    let again = get("/api/capture/file", &session);
    assert_eq!(world.ask(&again).status, 200, "for five minutes");
}
