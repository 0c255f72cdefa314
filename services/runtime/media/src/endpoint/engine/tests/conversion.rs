//! Phones without a codec in common.

use ipc::sound::{Clip, Dtmf, Source};
use rtp::Rate;
use rtp::codec::{Codec as Known, Encoder};

use super::site::*;

/// A tone said in one codec must be heard in another, at its pitch and level.
fn check(said: Known, said_as: ipc::sound::Codec, heard_as: ipc::sound::Codec) {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[said_as], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[heard_as], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    let mut encoder = Encoder::of(said);
    let samples = tone(encoder.rate(), 1_000.0, 1_000);
    site.talk(&mut caller, &mut encoder, &samples);
    let (rate, samples) = site.sound(&mut callee);
    assert_eq!(
        samples.len(),
        rate.samples(1_000),
        "no packet is lost or added"
    );
    let steady = &samples[rate.samples(200)..];
    let at = level(rate, steady, 1_000.0);
    assert!((6_500.0..9_500.0).contains(&at), "{said:?}: {at}");
    for other in [500.0, 1_500.0, 3_000.0] {
        let at = level(rate, steady, other);
        assert!(at < 250.0, "{said:?}: {other} Hz at {at}");
    }
}

#[test]
fn a_tone_survives_every_conversion() {
    let pcmu = || codec(0, "PCMU", 8_000);
    check(Known::Pcma, pcma(), pcmu());
    check(Known::Pcmu, pcmu(), pcma());
    check(Known::Pcma, pcma(), g722());
    check(Known::G722, g722(), pcma());
    check(Known::G722, g722(), pcmu());
    check(Known::Pcmu, pcmu(), g722());
}

#[test]
fn a_converted_stream_is_one_stream() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[g722()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    let mut encoder = Encoder::of(Known::Pcma);
    site.talk(&mut caller, &mut encoder, &tone(Rate::Narrow, 440.0, 200));
    let heard = site.heard(&mut callee);
    assert_eq!(heard.len(), 10);
    for pair in heard.windows(2) {
        let [before, after] = [pair[0].header, pair[1].header];
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(160));
        assert_eq!((after.payload_type, after.marker), (9, false));
        assert_eq!(pair[1].payload.len(), 160);
    }
}

#[test]
fn a_codec_change_of_the_speaker_in_the_middle_is_followed() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma(), g722()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[codec(0, "PCMU", 8_000)], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    let mut encoder = Encoder::of(Known::Pcma);
    site.talk(&mut caller, &mut encoder, &tone(Rate::Narrow, 440.0, 100));
    let mut encoder = Encoder::of(Known::G722);
    for samples in tone(Rate::Wide, 1_000.0, 300).chunks_exact(320) {
        let mut payload = Vec::new();
        encoder.encode(samples, &mut payload);
        site.say(&mut caller, 9, &payload, 160);
        site.pass(20);
    }
    let (rate, samples) = site.sound(&mut callee);
    assert_eq!(samples.len(), rate.samples(400));
    assert!(level(rate, &samples[rate.samples(200)..], 1_000.0) > 6_500.0);
    assert_eq!(site.engine.stats(site.now, 1).expect("open").codec, "G722");
}

fn opus() -> ipc::sound::Codec {
    ipc::sound::Codec {
        channels: 2,
        ..codec(111, "OPUS", 48_000)
    }
}

/// A phone that has nothing but Opus talks to those that have none.
#[test]
fn a_tone_survives_the_way_into_opus_and_out_of_it() {
    let ways = [
        (Known::Pcma, pcma(), opus()),
        (Known::G722, g722(), opus()),
        (Known::Opus, opus(), pcma()),
        (Known::Opus, opus(), g722()),
    ];
    for (said, said_as, heard_as) in ways {
        let mut site = Site::new();
        let mut caller = site.phone(1, &[said_as], Dtmf::Elsewhere);
        let mut callee = site.phone(2, &[heard_as], Dtmf::Elsewhere);
        site.connect(&caller, &callee);
        let mut encoder = Encoder::of(said);
        let samples = tone(encoder.rate(), 1_000.0, 1_000);
        site.talk(&mut caller, &mut encoder, &samples);
        let (rate, samples) = site.sound(&mut callee);
        assert_eq!(samples.len(), rate.samples(1_000), "{said:?}");
        let steady = &samples[rate.samples(300)..];
        let at = level(rate, steady, 1_000.0);
        assert!((5_500.0..10_000.0).contains(&at), "{said:?}: {at}");
        for other in [500.0, 1_500.0, 3_000.0] {
            let at = level(rate, steady, other);
            assert!(at < 600.0, "{said:?}: {other} Hz at {at}");
        }
    }
}

/// Opus has frames of 20 and 40 ms but not of 30: what comes in one packet leaves in others, and
/// the clock of 48 kHz goes on without a gap.
#[test]
fn packets_of_30_ms_become_opus_packets_of_20() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[pcma()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[opus()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    for samples in tone(Rate::Narrow, 440.0, 300).chunks_exact(240) {
        let mut payload = Vec::new();
        Encoder::of(Known::Pcma).encode(samples, &mut payload);
        site.say(&mut caller, 8, &payload, 240);
        site.pass(30);
    }
    let heard = site.heard(&mut callee);
    assert_eq!(heard.len(), 15);
    for pair in heard.windows(2) {
        let [before, after] = [pair[0].header, pair[1].header];
        assert_eq!(after.sequence, before.sequence.wrapping_add(1));
        assert_eq!(after.timestamp, before.timestamp.wrapping_add(960));
        assert_eq!((after.payload_type, after.marker), (111, false));
    }
}

/// A codec that costs next to nothing is taken for what the box plays, when there is one.
#[test]
fn music_is_heard_in_opus_by_a_phone_that_has_nothing_else() {
    let check = |codecs: &[ipc::sound::Codec], payload_type: u8, ticks: u32| {
        let mut site = Site::new();
        let mut phone = site.phone(1, codecs, Dtmf::Elsewhere);
        site.hear(&phone, Source::Clip(Clip::MusicOnHold));
        site.pass(1_000);
        let heard = site.heard(&mut phone);
        assert_eq!(heard.len(), 50);
        let steps = heard
            .windows(2)
            .map(|pair| [pair[0].header, pair[1].header]);
        for [before, after] in steps {
            assert_eq!(after.payload_type, payload_type);
            assert_eq!(after.timestamp, before.timestamp.wrapping_add(ticks));
        }
    };
    check(&[opus()], 111, 960);
    check(&[opus(), pcma()], 8, 160);
}

#[test]
fn what_is_no_opus_does_no_harm() {
    let mut site = Site::new();
    let mut caller = site.phone(1, &[opus()], Dtmf::Elsewhere);
    let mut callee = site.phone(2, &[pcma()], Dtmf::Elsewhere);
    site.connect(&caller, &callee);
    for payload in [&b""[..], &[0xff], &[0xfb, 0x3f], &[0x0b; 900]] {
        site.say(&mut caller, 111, payload, 960);
        site.pass(20);
    }
    site.heard(&mut callee);
    let mut encoder = Encoder::of(Known::Opus);
    let samples = tone(Rate::Wide, 1_000.0, 600);
    site.talk(&mut caller, &mut encoder, &samples);
    let (rate, samples) = site.sound(&mut callee);
    assert!(level(rate, &samples[rate.samples(300)..], 1_000.0) > 5_500.0);
}

/// pbx trap 24: a phone that sends noise instead of silence to one that has no such format, in the
/// same codec or another, is heard as silent, and goes on in the same stream afterwards.
#[test]
fn comfort_noise_for_a_phone_without_it_is_silence_between_two_sentences() {
    let noise = || codec(13, "CN", 8_000);
    for (heard_as, octets) in [(pcma(), 160), (g722(), 160), (codec(0, "PCMU", 8_000), 160)] {
        let mut site = Site::new();
        let mut caller = site.phone(1, &[pcma(), noise()], Dtmf::Elsewhere);
        let mut callee = site.phone(2, &[heard_as], Dtmf::Elsewhere);
        site.connect(&caller, &callee);
        let mut encoder = Encoder::of(Known::Pcma);
        let sentence = tone(Rate::Narrow, 440.0, 100);
        site.talk(&mut caller, &mut encoder, &sentence);
        for _ in 0..10 {
            site.say(&mut caller, 13, &[60], 160);
            site.pass(20);
        }
        site.talk(&mut caller, &mut encoder, &sentence);
        let heard = site.heard(&mut callee);
        assert_eq!(heard.len(), 10);
        assert!(heard.iter().all(|one| one.payload.len() == octets));
        let [before, after] = [heard[4].header, heard[5].header];
        assert_eq!(before.ssrc, after.ssrc);
        // 220 ms later: the silence has its time.
        let ticks = after.timestamp.wrapping_sub(before.timestamp);
        assert_eq!(ticks, 160 * 11, "{octets}");
    }
}
