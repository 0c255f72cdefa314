//! DTMF in all nine directions, and digits of our own.

use ipc::sound::Dtmf;
use rtp::codec::{Codec as Known, Encoder};
use rtp::dtmf::{EventReceiver, EventSender, Heard as Key, ToneDetector, TonePlayer};
use rtp::{Digit, Rate};

use super::super::*;
use super::site::*;
use crate::endpoint::Channel;

const EVENTS: Dtmf = Dtmf::Events {
    send: 101,
    receive: 101,
    clock: 8_000,
};

const OTHER_EVENTS: Dtmf = Dtmf::Events {
    send: 96,
    receive: 97,
    clock: 8_000,
};

fn digit(written: char) -> Digit {
    Digit::from_char(written).expect("a digit")
}

/// A phone presses keys in its way.
fn press(site: &mut Site, phone: &mut Phone, digits: &str) {
    match phone.agreed.dtmf {
        Dtmf::Events { receive, clock, .. } => {
            let mut sender = EventSender::new(clock);
            for written in digits.chars() {
                assert!(sender.press(digit(written), 100));
            }
            let mut elapsed = 0;
            while !sender.is_idle() {
                if let Some(event) = sender.tick() {
                    if event.first {
                        phone.timestamp = phone.timestamp.wrapping_add(elapsed);
                        elapsed = 0;
                    }
                    let bytes = phone.packet(event.first, receive, &event.payload);
                    site.arrive(phone.slot, Channel::Rtp, phone.address, &bytes);
                }
                elapsed += clock / 50;
                site.pass(20);
            }
            phone.timestamp = phone.timestamp.wrapping_add(elapsed);
        }
        Dtmf::InBand => {
            let mut player = TonePlayer::new(Rate::Narrow);
            for written in digits.chars() {
                assert!(player.press(digit(written), 100));
            }
            let mut samples = Vec::new();
            while !player.is_idle() {
                let mut frame = [0; 160];
                player.fill(&mut frame);
                samples.extend(frame);
            }
            samples.extend([0; 1600]);
            site.talk(phone, &mut Encoder::of(Known::Pcma), &samples);
        }
        // By SIP INFO: nothing comes in its media.
        Dtmf::Elsewhere => site.pass(500),
    }
    site.pass(3_000);
}

/// The digits in packets a phone was sent, by events and by tones.
fn digits_in(told: &[Got], dtmf: Dtmf) -> (String, String) {
    let (mut by_event, mut by_tone) = (String::new(), String::new());
    let (event_type, clock) = match dtmf {
        Dtmf::Events { send, clock, .. } => (Some(send), clock),
        Dtmf::InBand | Dtmf::Elsewhere => (None, 8_000),
    };
    let mut receiver = EventReceiver::new(clock);
    let mut detector = ToneDetector::new(Rate::Narrow);
    let mut decoder = rtp::codec::Decoder::of(Known::Pcma);
    let mut samples = Vec::new();
    for told in told {
        let header = told.header;
        if Some(header.payload_type) == event_type {
            let (now, payload) = (Instant::ORIGIN, &told.payload);
            let all = receiver.packet(now, header.ssrc, header.timestamp, payload);
            by_event.extend(all.filter_map(|key| match key {
                Key::Ended(digit, _) => Some(digit.as_char()),
                Key::Started(_) => None,
            }));
        } else {
            decoder.decode(&told.payload, &mut samples);
        }
    }
    samples.extend([0; 800]);
    for frame in samples.chunks(160) {
        by_tone.extend(detector.push(frame).map(|(digit, _)| digit.as_char()));
    }
    (by_event, by_tone)
}

fn check(from: Dtmf, to: Dtmf, told: &str, by_event: &str, by_tone: &str) {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], from);
    let mut callee = site.phone(2, &[pcma()], to);
    site.connect(&caller, &callee);
    press(&mut site, &mut caller, "15#");
    let (events, tones) = digits_in(&site.heard(&mut callee), to);
    let heard = (events.as_str(), tones.as_str());
    assert_eq!(heard, (by_event, by_tone), "{from:?} to {to:?}");
    let mut digits = String::new();
    for event in &site.events {
        if let Event::Digit { id, digit, millis } = event {
            assert_eq!(*id, 1);
            assert!((80..=120).contains(millis), "{from:?}: {millis} ms");
            digits.push(*digit);
        }
    }
    assert_eq!(digits, told, "{from:?}");
    let stats = site.engine.stats(site.now, 1).expect("open");
    assert_eq!(stats.dtmf_digits as usize, told.len());
}

#[test]
fn digits_travel_in_all_nine_directions() {
    // pbx trap 20. To `Elsewhere` events are told and SIP carries them on; a tone in the audio
    // stays there for whoever listens.
    check(EVENTS, OTHER_EVENTS, "15#", "15#", "");
    check(EVENTS, Dtmf::InBand, "15#", "", "15#");
    check(EVENTS, Dtmf::Elsewhere, "15#", "", "");
    check(Dtmf::InBand, EVENTS, "15#", "15#", "");
    check(Dtmf::InBand, Dtmf::InBand, "15#", "", "15#");
    check(Dtmf::InBand, Dtmf::Elsewhere, "15#", "", "15#");
    check(Dtmf::Elsewhere, EVENTS, "", "", "");
    check(Dtmf::Elsewhere, Dtmf::InBand, "", "", "");
    check(Dtmf::Elsewhere, Dtmf::Elsewhere, "", "", "");
}

#[test]
fn events_of_another_clock_last_as_long() {
    let wide = Dtmf::Events {
        send: 110,
        receive: 110,
        clock: 48_000,
    };
    check(EVENTS, wide, "15#", "15#", "");
    check(wide, EVENTS, "15#", "15#", "");
}

#[test]
fn a_digit_whose_ends_were_lost_is_told_all_the_same() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], EVENTS);
    site.say(&mut caller, 101, &[7, 10, 3, 32], 0);
    site.pass(1_000);
    let told = Event::Digit {
        id: 1,
        digit: '7',
        millis: 100,
    };
    assert_eq!(site.events, [told]);
}

#[test]
fn digits_are_dialled_in_the_way_agreed_while_audio_waits() {
    for (dtmf, expected) in [(OTHER_EVENTS, ("0123", "")), (Dtmf::InBand, ("", "0123"))] {
        let mut site = Site::new();
        let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        let mut callee = site.phone(2, &[pcma()], dtmf);
        site.connect(&caller, &callee);
        site.say(&mut caller, 8, &[0xd5; 160], 160);
        site.engine.dial(callee.slot, "01-23");
        for _ in 0..60 {
            site.pass(20);
            site.say(&mut caller, 8, &[0xd5; 160], 160);
        }
        assert!(!site.engine.is_ticking(), "the tick stops after the digits");
        let told = site.heard(&mut callee);
        for pair in told.windows(2) {
            let [before, after] = [pair[0].header, pair[1].header];
            assert_eq!(after.sequence, before.sequence.wrapping_add(1));
            let ahead = after.timestamp.wrapping_sub(before.timestamp);
            assert!(ahead < 8_000, "the timestamp goes back or leaps: {ahead}");
        }
        let (events, tones) = digits_in(&told, dtmf);
        assert_eq!((events.as_str(), tones.as_str()), expected);
    }
}
