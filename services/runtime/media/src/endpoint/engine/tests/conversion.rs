//! Phones without a codec in common.

use ipc::sound::Dtmf;
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
