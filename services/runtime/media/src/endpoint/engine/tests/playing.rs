//! Clips, mixes and recordings: everything the 20 ms tick drives.

use ipc::sound::{Cadences, Clip, Dtmf, Source, ToneStep};
use rtp::Rate;
use rtp::codec::{Codec as Known, Encoder};
use rtp::tone::Plan;

use super::super::*;
use super::site::*;

fn clip(clip: Clip) -> Source {
    Source::Clip(clip)
}

#[test]
fn a_clip_is_one_stream_of_packets_20_ms_apart_and_stops_with_the_tick() {
    let mut site = Site::new();
    let mut phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    assert!(!site.engine.is_ticking());
    site.hear(&phone, clip(Clip::Busy));
    site.pass(1_000);
    let heard = site.heard(&mut phone);
    assert_eq!(heard.len(), 50);
    for pair in heard.windows(2) {
        let [before, after] = [pair[0].header, pair[1].header];
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(160));
    }
    site.hear(&phone, Source::Silence);
    site.pass(40);
    assert!(site.heard(&mut phone).is_empty());
    assert!(!site.engine.is_ticking(), "the timer rests");
}

#[test]
fn tones_are_those_of_the_country_in_every_codec() {
    for codecs in [[pcma()], [g722()], [codec(0, "PCMU", 8_000)]] {
        let mut site = Site::new();
        let mut phone = site.phone(1, &codecs, Dtmf::Elsewhere);
        site.hear(&phone, clip(Clip::Ringback));
        site.pass(2_000);
        let (rate, samples) = site.sound(&mut phone);
        let ring = &samples[rate.samples(100)..rate.samples(900)];
        assert!(level(rate, ring, 425.0) > 1_000.0);
        let pause = &samples[rate.samples(1_200)..];
        assert!(level(rate, pause, 425.0) < 50.0);
    }
}

#[test]
fn a_peer_hears_the_tones_of_the_country_that_was_agreed() {
    // Brazil rings for one second of five, France for one and a half, both at their own pitch.
    for (country, hertz, silent_at) in [("", 425.0, 1_200), ("FR", 440.0, 1_700)] {
        let mut site = Site::new();
        let mut phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        phone.agreed.tones.country = country.to_owned();
        site.set(&phone);
        site.hear(&phone, clip(Clip::Ringback));
        site.pass(2_000);
        let (rate, samples) = site.sound(&mut phone);
        let ring = &samples[rate.samples(100)..rate.samples(900)];
        assert!(level(rate, ring, hertz) > 1_000.0, "{country}");
        let before = &samples[rate.samples(silent_at - 500)..rate.samples(silent_at - 250)];
        assert!(level(rate, before, hertz) > 1_000.0, "{country}");
        let pause = &samples[rate.samples(silent_at)..];
        assert!(level(rate, pause, hertz) < 50.0, "{country}");
    }
}

#[test]
fn a_signal_of_the_site_itself_is_heard_before_that_of_the_country() {
    for (clip_heard, hertz) in [(Clip::Ringback, 800.0), (Clip::Congestion, 425.0)] {
        let mut site = Site::new();
        let mut phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        let step = |hertz, millis| ToneStep { hertz, millis };
        phone.agreed.tones.own = Some(Box::new(Cadences {
            ringback: vec![step([800, 0], 300), step([0, 0], 700)],
            ..Cadences::default()
        }));
        site.set(&phone);
        site.hear(&phone, clip(clip_heard));
        site.pass(2_000);
        let (rate, samples) = site.sound(&mut phone);
        let on = &samples[rate.samples(1_050)..rate.samples(1_240)];
        assert!(level(rate, on, hertz) > 1_000.0, "{hertz}");
        let off = &samples[rate.samples(400)..rate.samples(450)];
        assert!(level(rate, off, 800.0) < 50.0, "{hertz}");
    }
}

#[test]
fn every_country_that_can_be_chosen_has_tones() {
    for code in ipc::site::TONES {
        assert!(Plan::of_country(code).is_some(), "{code}");
    }
}

#[test]
fn music_goes_on_and_a_voice_takes_its_place_without_a_seam() {
    // pbx trap 9.
    let mut site = Site::new();
    let mut held = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut other = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&held, &other);
    site.say(&mut other, 8, &[0xd5; 160], 160);
    site.pass(20);
    site.hear(&held, clip(Clip::MusicOnHold));
    site.pass(5_000);
    site.hear(&held, Source::Endpoint(2));
    site.say(&mut other, 8, &[0xd5; 160], 160);
    let heard = site.heard(&mut held);
    assert_eq!(heard.len(), 252);
    let markers = heard.iter().filter(|got| got.header.marker).count();
    assert_eq!(markers, 3);
    let ssrc = heard[0].header.ssrc;
    assert!(heard.iter().all(|got| got.header.ssrc == ssrc));
    for pair in heard.windows(2) {
        let [before, after] = [pair[0].header, pair[1].header];
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        let ahead = after.timestamp.wrapping_sub(before.timestamp);
        assert!((160..=320).contains(&ahead), "{ahead}");
    }
}

#[test]
fn what_ends_is_told_and_what_does_not_is_not() {
    let ends = [Clip::Confirm, Clip::Digits("12".to_owned())];
    for ending in ends {
        let mut site = Site::new();
        let phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        site.hear(&phone, clip(ending));
        site.pass(5_000);
        assert_eq!(site.events, [Event::ClipEnded { id: 1 }]);
    }
    let mut site = Site::new();
    let phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    site.hear(&phone, clip(Clip::Congestion));
    site.pass(20_000);
    assert_eq!(site.events, []);
}

#[test]
fn a_tone_asked_for_again_goes_on() {
    let mut site = Site::new();
    let mut phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    for _ in 0..40 {
        site.hear(&phone, clip(Clip::Ringback));
        site.pass(100);
    }
    let (rate, samples) = site.sound(&mut phone);
    let pause = &samples[rate.samples(1_100)..];
    assert!(level(rate, pause, 425.0) < 50.0, "it began again");
}

#[test]
fn digits_are_as_many_beeps() {
    let mut site = Site::new();
    let mut phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    site.hear(&phone, clip(Clip::Digits("3".to_owned())));
    site.pass(5_000);
    let (rate, samples) = site.sound(&mut phone);
    let loud = |part: &[i16]| level(rate, part, 880.0) > 500.0;
    let sounds: Vec<bool> = samples.chunks(160).map(loud).collect();
    let beeps = sounds.windows(2).filter(|pair| !pair[0] && pair[1]).count();
    assert_eq!(beeps + usize::from(sounds[0]), 3);
}

#[test]
fn a_file_is_played_once_at_its_pitch() {
    for codecs in [[pcma()], [g722()]] {
        let mut site = Site::new();
        let mut phone = site.phone(1, &codecs, Dtmf::Elsewhere);
        let sound = Loaded {
            samples: tone(Rate::Wide, 1_000.0, 500).into(),
            rate: Rate::Wide,
        };
        site.engine.play(phone.slot, sound);
        site.pass(1_000);
        assert_eq!(site.events, [Event::ClipEnded { id: 1 }]);
        let (rate, samples) = site.sound(&mut phone);
        assert_eq!(samples.len(), rate.samples(500));
        let at = level(rate, &samples[rate.samples(100)..], 1_000.0);
        assert!(at > 6_500.0, "{at}");
    }
}

#[test]
fn the_packet_time_a_peer_wants_is_kept() {
    for (millis, count, octets) in [(0, 30, 160), (10, 60, 80), (30, 20, 240), (60, 10, 480)] {
        let mut site = Site::new();
        let mut phone = site.phone(1, &[pcma()], Dtmf::Elsewhere);
        phone.agreed.packet_time = millis;
        site.set(&phone);
        site.hear(&phone, clip(Clip::MusicOnHold));
        site.pass(600);
        let heard = site.heard(&mut phone);
        assert_eq!(heard.len(), count, "{millis} ms");
        assert!(heard.iter().all(|got| got.payload.len() == octets));
        let [first, last] = [heard[0].header, heard[count - 1].header];
        let ticks = last.timestamp.wrapping_sub(first.timestamp);
        assert_eq!(ticks as usize, octets * (count - 1));
    }
}

/// Phones in a mix, each with a pitch of its own; what each hears of each.
#[test]
fn each_of_three_hears_the_others_and_not_itself() {
    three_in_a_mix((pcma(), Known::Pcma), (6_000.0, 300.0));
}

/// Opus keeps a tone less exactly than the others.
#[test]
fn a_phone_with_opus_alone_is_one_of_three() {
    let opus = ipc::sound::Codec {
        channels: 2,
        ..codec(111, "OPUS", 48_000)
    };
    three_in_a_mix((opus, Known::Opus), (4_500.0, 700.0));
}

/// `third` is the codec of the third; `bounds` are how loud each must hear the others at least, and
/// itself at most.
fn three_in_a_mix(third: (ipc::sound::Codec, Known), bounds: (f64, f64)) {
    let mut site = Site::new();
    let codecs = [(pcma(), Known::Pcma), (g722(), Known::G722), third];
    let pitches = [500.0, 1_000.0, 1_900.0];
    let mut phones: Vec<Phone> = (1..)
        .zip(&codecs)
        .map(|(id, (codec, _))| site.phone(id, std::slice::from_ref(codec), Dtmf::Elsewhere))
        .collect();
    let mut encoders = [0, 1, 2].map(|it| Encoder::of(codecs[it].1));
    for phone in &phones {
        site.hear(phone, Source::Mix(9));
    }
    let mut position = [0, 0, 0];
    let said = [0, 1, 2].map(|it| tone(encoders[it].rate(), pitches[it], 2_000));
    for _ in 0..100 {
        for it in 0..3 {
            let frame = encoders[it].rate().frame();
            let samples = &said[it][position[it]..position[it] + frame];
            position[it] += frame;
            let mut payload = Vec::new();
            encoders[it].encode(samples, &mut payload);
            let payload_type = phones[it].agreed.receive[0].payload_type;
            let ticks = codecs[it].1.clock() / 50;
            site.say(&mut phones[it], payload_type, &payload, ticks);
        }
        site.pass(20);
    }
    for (own, phone) in phones.iter_mut().enumerate() {
        let (rate, samples) = site.sound(phone);
        assert_eq!(samples.len(), rate.samples(2_000));
        let steady = &samples[rate.samples(500)..rate.samples(1_900)];
        for (other, pitch) in pitches.into_iter().enumerate() {
            let at = level(rate, steady, pitch);
            if own == other {
                assert!(at < bounds.1, "{own} hears itself at {at}");
            } else {
                assert!(
                    (bounds.0..9_500.0).contains(&at),
                    "{own} hears {other} at {at}"
                );
            }
        }
    }
    for phone in &phones {
        site.hear(phone, Source::Silence);
    }
    site.pass(20);
    assert!(!site.engine.is_ticking());
}

#[test]
fn a_recording_has_the_peer_left_and_what_it_hears_right() {
    let mut site = Site::new();
    let mut left = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut right = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&left, &right);
    assert_eq!(site.engine.record(left.slot, 5), Some(Rate::Narrow));
    assert_eq!(
        site.engine.record(left.slot, 6),
        None,
        "it is recorded already"
    );
    let (low, high) = (
        tone(Rate::Narrow, 500.0, 1_000),
        tone(Rate::Narrow, 1_500.0, 1_000),
    );
    let mut encoder = Encoder::of(Known::Pcma);
    for (low, high) in low.chunks_exact(160).zip(high.chunks_exact(160)) {
        for (phone, samples) in [(&mut left, low), (&mut right, high)] {
            let mut payload = Vec::new();
            encoder.encode(samples, &mut payload);
            site.say(phone, 8, &payload, 160);
        }
        site.pass(20);
    }
    let stopped = site.engine.stop_recording(left.slot, &mut site.outside);
    assert_eq!(stopped, Some(5));
    let pieces = std::mem::take(&mut site.outside.recorded);
    assert!(pieces.iter().all(|(recording, _)| *recording == 5));
    let samples: Vec<i16> = pieces.into_iter().flat_map(|(_, piece)| piece).collect();
    assert_eq!(samples.len(), 16_000);
    for (side, pitch, other) in [(0, 500.0, 1_500.0), (1, 1_500.0, 500.0)] {
        let side: Vec<i16> = samples.iter().skip(side).step_by(2).copied().collect();
        let steady = &side[2_000..7_000];
        assert!(level(Rate::Narrow, steady, pitch) > 6_500.0);
        assert!(level(Rate::Narrow, steady, other) < 200.0);
    }
    site.pass(100);
    assert!(site.outside.recorded.is_empty());
    assert!(!site.engine.is_ticking());
}

#[test]
fn a_recording_that_failed_is_told_and_the_call_goes_on() {
    let mut site = Site::new();
    let mut left = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut right = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&left, &right);
    site.engine.record(left.slot, 5);
    site.engine
        .recording_failed(5, "the disk is full".to_owned());
    site.say(&mut left, 8, b"on", 160);
    assert_eq!(site.heard(&mut right).len(), 1);
    let told = Event::RecordingFailed {
        id: 1,
        reason: "the disk is full".to_owned(),
    };
    assert_eq!(site.events, [told]);
    assert_eq!(site.engine.record(left.slot, 6), Some(Rate::Narrow));
}
