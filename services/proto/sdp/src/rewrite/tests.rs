use super::*;

const OFFER: &str = "v=0\r\no=alice 5 5 IN IP4 10.0.0.2\r\ns=call\r\nc=IN IP4 10.0.0.2\r\n\
    b=AS:80\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-ufrag:abc\r\n\
    m=video 5000 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\n\
    m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n\
    a=fmtp:101 0-15\r\na=ptime:20\r\na=rtcp:4001 IN IP4 10.0.0.2\r\n\
    a=candidate:1 1 UDP 1 10.0.0.2 4000 typ host\r\n\
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:secret\r\nk=clear:secret\r\na=sendrecv\r\n";

const ANSWER: &str = "v=0\r\no=bob 9 9 IN IP4 10.0.0.3\r\ns=-\r\nc=IN IP4 10.0.0.3\r\nt=0 0\r\n\
    m=video 0 RTP/AVP 99\r\nm=audio 6000 RTP/AVP 8 96\r\na=rtpmap:96 telephone-event/8000\r\n";

fn place() -> Place {
    Place {
        address: IpAddr::from([192, 0, 2, 1]),
        port: 20_000,
    }
}

fn session(text: &str) -> Session {
    Session::parse(text.as_bytes()).expect("valid")
}

#[test]
fn an_offer_shows_our_relay_and_nothing_of_the_caller() {
    let (ours, side) = rewrite_offer(&session(OFFER), place()).expect("audio");
    let text = ours.to_string();
    assert_eq!(
        text,
        "c=IN IP4 192.0.2.1\r\nb=AS:80\r\nt=0 0\r\nm=video 0 RTP/AVP 99\r\n\
         m=audio 20000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    assert!(!text.contains("10.0.0.2") && !text.contains("secret"));
    assert_eq!(side.remote, "10.0.0.2:4000".parse().ok());
    assert_eq!(side.telephone_event, Some(101));
}

#[test]
fn an_answer_has_the_media_of_its_offer() {
    let (ours, side) = rewrite_answer(&session(OFFER), &session(ANSWER), place()).expect("audio");
    let kinds: Vec<_> = ours
        .media
        .iter()
        .map(|m| (m.kind.as_str(), m.port))
        .collect();
    assert_eq!(kinds, [("video", 0), ("audio", 20_000)]);
    assert_eq!(side.remote, "10.0.0.3:6000".parse().ok());
    assert_eq!(side.telephone_event, Some(96));
}

#[test]
fn an_answer_that_refuses_audio_refuses_it_to_the_other_side() {
    let refusal = ANSWER.replace("audio 6000", "audio 0");
    let (ours, side) =
        rewrite_answer(&session(OFFER), &session(&refusal), place()).expect("refusal");
    assert!(ours.media.iter().all(|media| media.port == 0));
    assert_eq!(side.remote, None);
}

#[test]
fn an_answer_with_too_few_media_is_not_an_answer() {
    let short = "v=0\r\nc=IN IP4 10.0.0.3\r\nm=video 0 RTP/AVP 99\r\n";
    assert_eq!(
        rewrite_answer(&session(OFFER), &session(short), place()),
        Err(RewriteError::NoAudio)
    );
}

#[test]
fn a_null_address_becomes_a_hold_by_direction() {
    let held = OFFER.replace("c=IN IP4 10.0.0.2", "c=IN IP4 0.0.0.0");
    let (ours, side) = rewrite_offer(&session(&held), place()).expect("audio");
    assert!(ours.to_string().contains("a=sendonly"));
    assert_eq!(side.remote, None);
    assert!(side.direction.is_hold());
}

#[test]
fn a_direction_for_the_whole_session_reaches_the_audio() {
    let held = OFFER
        .replace("t=0 0\r\n", "t=0 0\r\na=inactive\r\n")
        .replace("a=sendrecv\r\n", "");
    let (ours, side) = rewrite_offer(&session(&held), place()).expect("audio");
    assert!(ours.to_string().contains("a=inactive"));
    assert_eq!(side.direction, Direction::Inactive);
}

#[test]
fn offers_we_cannot_relay_are_named() {
    let check = |from: &str, to: &str, expected| {
        let offer = session(&OFFER.replace(from, to));
        assert_eq!(rewrite_offer(&offer, place()), Err(expected));
    };
    check(
        "audio 4000 RTP/AVP",
        "audio 4000 RTP/SAVP",
        RewriteError::NoAudio,
    );
    check("audio 4000", "audio 0", RewriteError::NoAudio);
    check(
        "c=IN IP4 10.0.0.2",
        "c=IN IP4 phone.local",
        RewriteError::NoAddress,
    );
}
