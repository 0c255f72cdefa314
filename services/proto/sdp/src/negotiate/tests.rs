use super::*;
use crate::codec::convertible;

fn codec(name: &str, payload_type: u8, clock: u32) -> Codec {
    Codec {
        payload_type,
        name: name.to_owned(),
        clock,
        channels: if name == "OPUS" { 2 } else { 1 },
        parameters: String::new(),
    }
}

fn names(codecs: &[Codec]) -> Vec<(&str, u8)> {
    let named = codecs.iter();
    named
        .map(|one| (one.name.as_str(), one.payload_type))
        .collect()
}

#[test]
fn what_the_other_party_agreed_on_comes_first_under_the_offers_numbers() {
    let offered = [
        codec("PCMU", 0, 8000),
        codec("PCMA", 8, 8000),
        codec("OPUS", 111, 48000),
    ];
    let check = |prefer: &[Codec], expected: &[(&str, u8)]| {
        assert_eq!(names(&choose(&offered, prefer)), expected);
    };
    check(&[codec("PCMA", 8, 8000)], &[("PCMA", 8)]);
    check(&[codec("OPUS", 96, 48000)], &[("OPUS", 111)]);
    // Nothing in common, but convertible: as the offer has them.
    check(&[codec("G722", 9, 8000)], &[("PCMU", 0), ("PCMA", 8)]);
    // Neither in common nor convertible.
    check(&[codec("G729", 18, 8000)], &[]);
    // `media` itself.
    check(&[], &[("PCMU", 0), ("PCMA", 8)]);
    // Opus is converted for whoever has nothing else.
    let opus_only = [codec("OPUS", 111, 48000)];
    let opus = choose(&opus_only, &convertible());
    assert_eq!(names(&opus), [("OPUS", 111)]);
    let others = choose(&convertible(), &opus_only);
    assert_eq!(names(&others), names(&convertible()));
}

#[test]
fn comfort_noise_is_taken_when_both_parties_have_it() {
    // pbx trap 24.
    let offered = [codec("PCMU", 0, 8000), codec("CN", 13, 8000)];
    let both = choose(&offered, &offered);
    assert_eq!(names(&both), [("PCMU", 0), ("CN", 13)]);
    let one = choose(&offered, &[codec("PCMU", 0, 8000)]);
    assert_eq!(names(&one), [("PCMU", 0)]);
    assert_eq!(names(&choose(&[codec("CN", 13, 8000)], &offered)), []);
}

#[test]
fn parameters_in_an_answer_are_the_other_partys() {
    let offered = [Codec {
        parameters: "annexb=yes".to_owned(),
        ..codec("G729", 18, 8000)
    }];
    let prefer = [Codec {
        parameters: "annexb=no".to_owned(),
        ..codec("G729", 18, 8000)
    }];
    let [chosen] = &*choose(&offered, &prefer) else {
        panic!("one in common");
    };
    assert_eq!(chosen.parameters, "annexb=no");
}

fn ours(codecs: Vec<Codec>, events: Vec<TelephoneEvent>) -> Ours {
    Ours {
        port: 1,
        protocol: "RTP/AVP".to_owned(),
        codecs,
        events,
        direction: Direction::SendReceive,
        rtcp_mux: false,
        crypto: Vec::new(),
    }
}

#[test]
fn an_offer_has_events_for_every_clock_in_use() {
    // pbx trap 20: 8000 and 48000 have a payload type each.
    let codecs = vec![codec("PCMU", 0, 8000), codec("OPUS", 101, 48000)];
    let (codecs, events) = offered(codecs, None, true);
    assert_eq!(names(&codecs), [("PCMU", 0), ("OPUS", 96)]);
    let types: Vec<u8> = events.iter().map(|event| event.payload_type).collect();
    assert_eq!(types, [101, 110]);
    let (_, events) = offered(vec![codec("PCMU", 0, 8000)], None, true);
    assert_eq!(events.len(), 1);
    let (_, events) = offered(vec![codec("PCMU", 0, 8000)], None, false);
    assert!(events.is_empty());
}

#[test]
fn a_second_offer_keeps_the_numbers_of_the_first() {
    let event = TelephoneEvent {
        payload_type: 97,
        clock: 8000,
    };
    let before = ours(vec![codec("OPUS", 101, 48000)], vec![event]);
    let wanted = vec![codec("OPUS", 111, 48000), codec("ILBC", 97, 8000)];
    let (codecs, events) = offered(wanted, Some(&before), true);
    assert_eq!(names(&codecs), [("OPUS", 101), ("ILBC", 96)]);
    assert_eq!(events.first(), Some(&event));
}

#[test]
fn each_side_receives_under_its_own_numbers() {
    // pbx traps 8 and 20.
    let event = |payload_type| TelephoneEvent {
        payload_type,
        clock: 8000,
    };
    let ours = ours(
        vec![codec("PCMU", 0, 8000), codec("OPUS", 96, 48000)],
        vec![event(101)],
    );
    let answer = Audio {
        index: 0,
        remote: None,
        rtcp: None,
        rtcp_mux: false,
        codecs: vec![codec("OPUS", 111, 48000), codec("G722", 9, 8000)],
        events: vec![event(120)],
        direction: Direction::SendReceive,
        packet_time: None,
        secure: false,
        crypto: Vec::new(),
    };
    let (send, receive) = taken(&ours, &answer);
    assert_eq!(names(&send), [("OPUS", 111)]);
    assert_eq!(names(&receive), [("OPUS", 96)]);
    let dtmf = events(&ours.events, &answer.events, &send[0]);
    assert_eq!(
        dtmf,
        Some(Dtmf::Events {
            send: 120,
            receive: 101,
            clock: 8000
        })
    );
}
