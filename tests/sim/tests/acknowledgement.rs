//! What RFC 3261 §13.3.1.4 and §15 ask of whoever gave a 2xx, seen from a caller worked by hand.

#![expect(clippy::expect_used, reason = "a test's helpers may fail the test")]

use std::net::SocketAddr;
use std::time::Duration;

use ipc::store::Outcome;
use sim::{Act, Answering, Ask, Hand, PASSWORD, World, checks};

const SECOND: Duration = Duration::from_secs(1);
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 10.0.9.9\r\ns=-\r\nc=IN IP4 10.0.9.9\r\nt=0 0\r\n\
    m=audio 4000 RTP/AVP 0\r\n";

/// A call from a hand at 10.0.9.9 that phone 101 answers after a second.
fn answered(hang_up_after: Option<Duration>) -> (World, Hand) {
    let mut world = World::office(2);
    let mut hand = Hand::new(SocketAddr::from(([10, 0, 9, 9], 5060)));
    let callee = world.phones.last_mut().expect("two phones");
    callee.answering = Answering::Yes {
        after: SECOND,
        hang_up_after,
    };
    let typed = "Contact: <sip:100@10.0.9.9>\r\nContent-Type: application/sdp\r\n";
    let trying = hand.ask_as(&mut world, &Ask::invite(typed, OFFER), PASSWORD);
    assert!(trying.is_some_and(|response| response.status.code() == 100));
    (world, hand)
}

/// What went to the hand since the last look: start lines, each with the whole text.
fn received(world: &mut World) -> Vec<String> {
    let sent = std::mem::take(&mut world.elsewhere);
    sent.iter()
        .map(|datagram| String::from_utf8_lossy(&datagram.bytes).into_owned())
        .collect()
}

fn count(messages: &[String], start: &str) -> usize {
    messages
        .iter()
        .filter(|message| message.starts_with(start))
        .count()
}

/// The ACK for a 200, made from its own header fields.
fn ack(ok: &str) -> String {
    let line = |name: &str| {
        ok.lines()
            .find(|line| line.starts_with(name))
            .expect("every 200 has it")
            .to_owned()
    };
    let cseq = line("CSeq:").replace("INVITE", "ACK");
    format!(
        "ACK sip:10.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.9.9:5060;branch=z9hG4bK-ack\r\n\
         {}\r\n{}\r\n{}\r\n{cseq}\r\nContent-Length: 0\r\n\r\n",
        line("From:"),
        line("To:"),
        line("Call-ID:")
    )
}

#[test]
fn a_callee_that_hangs_up_at_once_is_told_on_only_after_the_ack() {
    let (mut world, mut hand) = answered(Some(SECOND));
    world.run_for(SECOND * 4);
    let before = received(&mut world);
    assert_eq!(count(&before, "BYE "), 0, "{before:?}");
    let ok = before
        .iter()
        .find(|message| message.starts_with("SIP/2.0 200"))
        .expect("a 200");
    hand.send(&mut world, ack(ok).as_bytes());
    world.run_for(SECOND);
    let after = received(&mut world);
    assert!(count(&after, "BYE ") > 0, "{after:?}");
    assert_eq!(
        count(&after, "SIP/2.0 200"),
        0,
        "no 200 is repeated after its ACK"
    );
}

#[test]
fn a_200_that_nobody_acknowledges_is_repeated_and_ends_in_bye() {
    let (mut world, _) = answered(None);
    world.run_for(SECOND * 33);
    let repeated = received(&mut world);
    // At 0, 0.5, 1.5, 3.5, 7.5 s and then every 4 s: RFC 3261 §13.3.1.4.
    assert_eq!(count(&repeated, "SIP/2.0 200"), 11, "{repeated:?}");
    world.run_for(SECOND * 40);
    assert!(count(&received(&mut world), "BYE ") > 0);
    let outcomes: Vec<_> = world
        .store
        .records
        .values()
        .map(|record| record.outcome)
        .collect();
    assert_eq!(outcomes, [Outcome::EndedByBox]);
    assert_eq!(checks::settled(&world), Ok(()));
}

#[test]
fn an_old_or_foreign_request_does_not_touch_the_call() {
    let (mut world, mut hand) = answered(None);
    world.run_for(SECOND * 2);
    let sent = received(&mut world);
    let ok = sent
        .iter()
        .find(|message| message.starts_with("SIP/2.0 200"))
        .expect("a 200");
    let ack = ack(ok);
    hand.send(&mut world, ack.as_bytes());
    let bye = ack.replace("ACK", "BYE");
    let mut check = |text: String, expected| {
        let response = hand.send(&mut world, text.as_bytes()).pop();
        assert_eq!(
            response.map(|response| response.status.code()),
            Some(expected),
            "{text}"
        );
    };
    let branch = |name: &str| bye.replace("z9hG4bK-ack", &format!("z9hG4bK-{name}"));
    check(branch("same-cseq"), 500);
    check(branch("old").replace("CSeq: 2", "CSeq: 1"), 500);
    check(
        branch("thief")
            .replace("tag=hand", "tag=thief")
            .replace("CSeq: 2", "CSeq: 3"),
        481,
    );
    check(
        branch("options")
            .replace("BYE", "OPTIONS")
            .replace("tag=hand", "tag=thief"),
        481,
    );
    check(branch("right").replace("CSeq: 2", "CSeq: 3"), 200);
    world.run_for(SECOND * 2);
    let outcomes: Vec<_> = world
        .store
        .records
        .values()
        .map(|record| record.outcome)
        .collect();
    assert_eq!(outcomes, [Outcome::EndedByCaller]);
}

#[test]
fn a_copy_of_an_invite_by_another_way_is_a_loop() {
    let (mut world, mut hand) = answered(None);
    world.run_for(SECOND / 2);
    let typed = "Contact: <sip:100@10.0.9.9>\r\nContent-Type: application/sdp\r\n";
    let ask = Ask::invite(typed, OFFER);
    let text = hand.text(&ask, "");
    let challenged = hand
        .send(&mut world, text.as_bytes())
        .pop()
        .expect("a challenge");
    let answer = Hand::answer(&ask, &challenged, PASSWORD).expect("digest");
    let copy = hand.text(&ask, &answer).replace("CSeq: 4", "CSeq: 2");
    let response = hand.send(&mut world, copy.as_bytes()).pop();
    assert_eq!(response.map(|response| response.status.code()), Some(482));
    assert_eq!(world.calls_started.len(), 1);
}

/// Decision 0013: each leg negotiates alone.
#[test]
fn a_hold_of_one_side_is_no_business_of_the_other() {
    let (mut world, mut hand) = answered(None);
    world.run_for(SECOND * 2);
    let sent = received(&mut world);
    let ok = sent
        .iter()
        .find(|message| message.starts_with("SIP/2.0 200"))
        .expect("a 200");
    hand.send(&mut world, ack(ok).as_bytes());
    world.act_after(Duration::ZERO, 1, Act::Hold);
    world.run_for(SECOND * 10);
    assert!(received(&mut world).is_empty());
    let holder = world.phones.last().expect("two phones");
    assert!(
        holder.log.contains(&sim::Happened::Held),
        "{:?}",
        holder.log
    );
    assert_eq!(world.node.status().calls.len(), 1);
}
