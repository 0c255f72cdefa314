//! The trace of SIP messages: who may, what they see of it, and that nobody does so unseen.

use ipc::Redacted;
use ipc::pbx::{Reply, Request as Pbx};
use ipc::site::{Extension, Role, Trunk, TrunkAccess};
use ipc::trace::{Ask, Filter, Of, Trace, Traced};
use serde_json::json;

use super::world::{OWN_PASSWORD, World, form, get, json as body, post, request, text};
use crate::{Away, Body, Method};

/// An exchange as far as its trace goes, and the card that its packets pass.
#[derive(Default)]
pub(super) struct Exchange {
    pub(super) card: super::capture::Card,
    pub(super) asked: Vec<Ask>,
    pub(super) messages: Vec<Traced>,
    left_secs: Option<u32>,
    filter: Filter,
    is_away: bool,
    /// What it says of phones and calls.
    pub(super) status: ipc::pbx::Status,
}

impl Exchange {
    pub(super) fn answer(&mut self, request: Pbx) -> Result<Reply, Away> {
        let Pbx::Trace(ask) = request else {
            return Ok(Reply::Status(self.status.clone()));
        };
        self.asked.push(ask.clone());
        if self.is_away {
            return Err(Away::Silent("pbx"));
        }
        let mut messages = Vec::new();
        match ask {
            Ask::Begin { filter, secs } => (self.left_secs, self.filter) = (Some(secs), filter),
            Ask::End => self.left_secs = None,
            Ask::Read { of, from, most } => {
                let from = from.unwrap_or(0);
                let wanted = self.messages.iter().filter(|it| it.number >= from);
                let wanted = wanted.filter(|it| match &of {
                    None => true,
                    Some(Of::Call(call)) => it.calls.contains(call),
                    Some(Of::Message(number)) => it.number == *number,
                });
                // A piece has two, however many are asked for.
                messages = wanted.take(most.min(2) as usize).cloned().collect();
            }
        }
        Ok(Reply::Trace(Trace {
            left_secs: self.left_secs,
            filter: self.filter.clone(),
            kept: self.messages.len() as u64,
            dropped: 0,
            messages,
        }))
    }
}

fn message(number: u64, text: &str) -> Traced {
    Traced {
        number,
        at_millis: 1_793_491_200_000,
        is_sent: number % 2 == 1,
        transport: "UDP".into(),
        local: "10.0.0.1:5060".parse().expect("an address"),
        remote: "10.0.0.2:5060".parse().expect("an address"),
        calls: Vec::new(),
        bytes: Redacted::new(text.as_bytes().to_vec()),
    }
}

/// A box with an extension and a trunk, and a trace of three messages.
fn office() -> World {
    let mut world = World::new();
    world.site.extensions.push(Extension {
        number: "101".into(),
        ..Extension::default()
    });
    world.site.trunks.push(Trunk {
        name: "carrier".into(),
        access: TrunkAccess::Registering {
            server: "sip.example:5080".into(),
            user: "4833330000".into(),
            auth_user: String::new(),
            password: Redacted::default(),
            realm: String::new(),
            expires_secs: 300,
            contact_user: String::new(),
        },
        ..Trunk::default()
    });
    world.changed_elsewhere();
    world.exchange.messages = vec![
        message(
            0,
            "INVITE sip:48999990021@box SIP/2.0\r\nCall-ID: a\r\n\r\n",
        ),
        message(1, "SIP/2.0 404 No\r\nCSeq: 1 INVITE\r\nCall-ID: a\r\n\r\n"),
        message(2, "OPTIONS sip:<b>box SIP/2.0\r\nCall-ID: b\r\n\r\n"),
    ];
    world
}

fn trail(world: &World) -> Vec<(&str, &str, &str)> {
    let told = world.audits.iter();
    let told = told.map(|it| (&*it.action, &*it.before, &*it.after));
    told.filter(|(action, ..)| action.starts_with("SIP trace"))
        .collect()
}

impl World {
    fn let_time_pass(&mut self) {
        self.admin.pass(self.now);
        if let Some(step) = self.admin.overdue() {
            self.run(step);
        }
    }
}

#[test]
fn a_trace_begins_by_what_was_chosen_and_its_begin_and_end_are_in_the_trail() {
    let mut world = office();
    let session = world.sign_in("admin", OWN_PASSWORD);
    let wish = json!({ "extension": "101", "trunk": "carrier", "minutes": 5 });
    assert_eq!(world.ask(&post("/api/trace", &session, &wish)).status, 204);
    let Some(Ask::Begin { filter, secs }) = world.exchange.asked.last() else {
        panic!("not begun")
    };
    let trunk = filter.trunk.as_ref().expect("a trunk");
    assert_eq!((filter.extension.as_deref(), *secs), (Some("101"), 300));
    assert_eq!(trunk.hosts, ["sip.example"]);
    assert_eq!(trunk.users, ["4833330000"]);
    let end = request(Method::Delete, "/api/trace").with("cookie", &session);
    assert_eq!(world.ask(&end).status, 204);
    let both = "extension 101, trunk carrier";
    let begun = format!("{both}, 5 minutes at most");
    let expected = [
        ("SIP trace begun", "", &*begun),
        ("SIP trace ended", "", ""),
    ];
    assert_eq!(trail(&world), expected);
    world.pass(600);
    world.let_time_pass();
    assert_eq!(trail(&world).len(), 2, "it did not end twice");
    // One that ends by itself.
    let wish = "extension=&trunk=&minutes=1";
    let asked = world.ask(&form("/trace", &session, wish));
    assert!(
        text(&asked).contains("name=\"confirm_password\""),
        "it asks again"
    );
    let wish = format!("{wish}&confirm_password={}", OWN_PASSWORD.replace(' ', "+"));
    let answer = world.ask(&form("/trace", &session, &wish));
    assert_eq!(
        answer.header("location"),
        Some("/trace"),
        "{}",
        answer.status
    );
    world.pass(59);
    world.let_time_pass();
    assert_eq!(trail(&world).len(), 3);
    world.pass(2);
    world.let_time_pass();
    assert_eq!(trail(&world)[3], ("SIP trace over", "all messages", ""));
}

#[test]
fn a_trace_that_another_takes_the_place_of_is_named_in_the_trail() {
    let mut world = office();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for wish in [json!({ "extension": "101" }), json!({ "trunk": "carrier" })] {
        assert_eq!(world.ask(&post("/api/trace", &session, &wish)).status, 204);
    }
    let second = (
        "SIP trace begun",
        "extension 101",
        "trunk carrier, 10 minutes at most",
    );
    assert_eq!(trail(&world)[1], second);
}

#[test]
fn what_cannot_be_traced_is_named() {
    let mut world = office();
    let session = world.sign_in("admin", OWN_PASSWORD);
    for (wish, status) in [
        (json!({ "extension": "102" }), 404),
        (json!({ "trunk": "other" }), 404),
        (json!({ "minutes": 61 }), 400),
        (json!({ "minutes": 0 }), 400),
        (json!({ "of": "101" }), 400),
    ] {
        let answer = world.ask(&post("/api/trace", &session, &wish));
        assert_eq!(answer.status, status, "{wish}");
    }
    assert!(world.exchange.asked.is_empty() && trail(&world).is_empty());
    world.pass(600);
    let answer = world.ask(&post("/api/trace", &session, &json!({})));
    assert_eq!(answer.status, 403, "the password was said long ago");
}

#[test]
fn messages_are_listed_newest_first_and_shown_whole_one_by_one() {
    let mut world = office();
    world.exchange.messages.remove(2);
    let session = world.sign_in("admin", OWN_PASSWORD);
    let told = body(&world.ask(&get("/api/trace", &session)));
    let row = &told["messages"][0];
    assert_eq!(row["what"], "404 No (INVITE)");
    assert_eq!((&row["sent"], &row["dialogue"]), (&json!(true), &json!(1)));
    assert_eq!(told["messages"][1]["dialogue"], 1, "of the same call");
    let one = body(&world.ask(&get("/api/trace/messages/0", &session)));
    assert_eq!(
        one["text"],
        "INVITE sip:48999990021@box SIP/2.0\r\nCall-ID: a\r\n\r\n"
    );
    for missing in [
        "/trace/messages/7",
        "/trace/messages/x",
        "/api/trace/messages/7",
    ] {
        assert_eq!(world.ask(&get(missing, &session)).status, 404, "{missing}");
    }
    let page = text(&world.ask(&get("/trace/messages/1", &session)));
    assert!(page.contains("CSeq: 1 INVITE"), "{page}");
    assert_eq!(super::markup::wrong(&page), [""; 0]);
}

#[test]
fn what_a_stranger_sent_is_no_part_of_the_page() {
    let mut world = office();
    world.exchange.messages.drain(..2);
    let session = world.sign_in("admin", OWN_PASSWORD);
    for path in ["/trace", "/trace/messages/2"] {
        let page = text(&world.ask(&get(path, &session)));
        assert!(
            page.contains("sip:&lt;b&gt;box") && !page.contains("<b>"),
            "{page}"
        );
        assert_eq!(super::markup::wrong(&page), [""; 0]);
    }
    let Body::Events(parts) = world.ask(&get("/trace/events", &session)).body else {
        panic!("no stream")
    };
    assert_eq!(parts.len(), 2);
    assert!(parts[1].data.contains("sip:&lt;b&gt;box"));
}

#[test]
fn numbers_are_whole_for_whoever_may_see_them_and_the_trail_says_so() {
    for (role, whole) in [(Role::Installer, false), (Role::Administrator, true)] {
        let mut world = office();
        world.hire("rui", role, "101");
        let session = world.sign_in("rui", OWN_PASSWORD);
        for path in [
            "/api/trace",
            "/trace",
            "/trace/messages/0",
            "/api/trace/messages/0",
        ] {
            let answer = text(&world.ask(&get(path, &session)));
            assert_eq!(answer.contains("48999990021"), whole, "{role:?} {path}");
            assert_eq!(answer.contains("489xxxxxx21"), !whole, "{role:?} {path}");
        }
        let file = world.ask(&get("/trace.pcap", &session));
        let Body::Bytes(bytes) = &file.body else {
            panic!("no file")
        };
        let has = |text: &str| bytes.windows(text.len()).any(|it| it == text.as_bytes());
        assert_eq!((has("48999990021"), has("489xxxxxx21")), (whole, !whole));
        assert!(has("404 No") && has("OPTIONS"), "all pieces");
        let said = if whole { ", whole numbers" } else { "" };
        let seen = format!("messages{said}");
        let taken = format!("3 messages, all messages{said}");
        let expected = [
            ("SIP trace seen", "", &*seen),
            ("SIP trace downloaded", "", &*taken),
        ];
        assert_eq!(trail(&world), expected);
    }
}

#[test]
fn both_legs_of_a_call_stand_beside_each_other_and_are_handed_out_together() {
    let mut world = office();
    let to_callee = "INVITE sip:101@phone SIP/2.0\r\nCall-ID: b\r\n\r\n";
    let mut out = message(1, to_callee);
    out.remote = "10.0.0.3:5060".parse().expect("an address");
    world.exchange.messages[1] = out;
    for message in &mut world.exchange.messages[..2] {
        message.calls = vec!["1793491200000-abc".into()];
    }
    let session = world.sign_in("admin", OWN_PASSWORD);
    let told = body(&world.ask(&get("/api/trace?call=1793491200000-abc", &session)));
    let rows = told["messages"].as_array().expect("rows");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|it| it["calls"][0] == "1793491200000-abc"));
    let page = text(&world.ask(&get("/trace?call=1793491200000-abc", &session)));
    let row = |from: &str, to: &str| {
        let start = page.find(from).expect(from);
        let (_, rest) = page.split_at(start);
        rest.find(to)
            .is_some_and(|at| !rest[..at].contains("</tr>"))
    };
    assert!(page.contains("10.0.0.2:5060 UDP") && page.contains("10.0.0.3:5060 UDP"));
    assert!(row(
        "→</span> <a href=\"/trace/messages/0\"",
        "</td><td></td><td></td>"
    ));
    assert!(row("<td></td><td></td><td><span", "/trace/messages/1"));
    assert!(page.contains("/trace.pcap?call=1793491200000-abc"));
    assert_eq!(super::markup::wrong(&page), [""; 0]);
    let file = world.ask(&get("/trace.pcap?call=1793491200000-abc", &session));
    let Body::Bytes(bytes) = &file.body else {
        panic!("no file")
    };
    assert!(!bytes.windows(7).any(|it| it == b"OPTIONS"));
    let taken = "2 messages, one call of all messages, whole numbers";
    assert_eq!(
        trail(&world).last(),
        Some(&("SIP trace downloaded", "", taken))
    );
    // One that no trace has, and what asks for none.
    let page = text(&world.ask(&get("/trace?call=7", &session)));
    assert!(page.contains("Não há mensagem desta ligação"), "{page}");
    for wrong in ["call=%3Cb%3E", "with=x", "with=1&call=2"] {
        let answer = world.ask(&get(&format!("/api/trace?{wrong}"), &session));
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[test]
fn the_trail_says_when_the_exchange_did_not_answer_and_still_when_its_time_is_over() {
    let mut world = office();
    let session = world.sign_in("admin", OWN_PASSWORD);
    world.exchange.is_away = true;
    let answer = world.ask(&post("/api/trace", &session, &json!({ "minutes": 1 })));
    assert_eq!(answer.status, 503);
    world.let_time_pass();
    let silent = ("SIP trace perhaps not begun: no answer", "", "all messages");
    assert_eq!(trail(&world)[1], silent);
    world.pass(61);
    world.let_time_pass();
    assert_eq!(trail(&world)[2], ("SIP trace over", "all messages", ""));
}

#[test]
fn who_may_see_whole_numbers_from_now_on_is_recorded_anew() {
    let mut world = office();
    world.hire("rui", Role::Installer, "101");
    let session = world.sign_in("rui", OWN_PASSWORD);
    world.ask(&get("/api/trace", &session));
    let person = world.site.people.iter_mut().find(|it| it.login == "rui");
    person.expect("he is there").whole_numbers = true;
    world.changed_elsewhere();
    world.ask(&get("/api/trace", &session));
    let seen = trail(&world).into_iter().map(|(_, _, told)| told);
    assert_eq!(
        seen.collect::<Vec<_>>(),
        ["messages", "messages, whole numbers"]
    );
}
