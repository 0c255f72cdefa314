//! Calls recorded by the services as they are built: both voices are in the file, each on its side,
//! whatever dies meanwhile.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ipc::Redacted;
use ipc::site::Recording;
use ipc::sound::{RecordingFile, Reply, Request};
use native::{PASSWORD, RECORDINGS, number};
use netns::Office;
use qemu::phone::{Codec, Encryption, Phone, PhoneConfig, Transport};
use qemu::sound::{Expected, Tone, Wav};
use run_loop::ipc::BlockingClient;
use sip::{Method, StatusCode};

/// For each step of a call.
const LIMIT: Duration = Duration::from_secs(20);
/// How often one looks at the recordings.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Enough to measure frequency and level well.
const TALK: Duration = Duration::from_secs(4);

const LOW: Tone = Tone {
    hertz: 440.0,
    dbfs: -12.0,
};
const HIGH: Tone = Tone {
    hertz: 1000.0,
    dbfs: -18.0,
};

/// An office whose first extension is recorded so.
fn office(recording: Recording) -> Office {
    let office = Office::open(|site| {
        if let Some(first) = site.extensions.first_mut() {
            first.settings.recording = recording;
        }
    });
    office.expect("an office")
}

fn phone(office: &Office, index: usize, tone: Tone) -> Phone {
    let port = 5070 + 10 * u16::try_from(index).expect("a small office");
    let local = SocketAddr::from(([127, 0, 0, 1], port));
    let config = PhoneConfig {
        extension: number(index),
        password: Redacted::new(PASSWORD.to_owned()),
        registrar: office.server(),
        local,
        transport: Transport::Udp,
        encryption: Encryption::Off,
        codec: Codec::G711,
        expires: Duration::from_secs(600),
        tone,
        folder: office.folder().join(format!("phone-{index}")),
    };
    let phone = Phone::start(config).expect("a phone");
    phone.wait_registered(LIMIT).expect("it registers");
    phone
}

/// The recordings, once there are so many and as many of them are being written.
fn recordings(office: &Office, count: usize, open: usize) -> Vec<RecordingFile> {
    let socket = office.folder().join("media.sock");
    let media = BlockingClient::<Request, Reply>::new(socket);
    let until = Instant::now() + LIMIT;
    loop {
        let files = match media.call(&Request::Recordings) {
            Ok(Reply::Recordings(files)) => files,
            other => panic!("no list: {other:?}"),
        };
        let writing = files.iter().filter(|file| file.is_open).count();
        if (files.len(), writing) == (count, open) {
            return files;
        }
        assert!(Instant::now() < until, "{count} and {open}: {files:?}");
        std::thread::park_timeout(LOOK_INTERVAL);
    }
}

/// The first phone is left and the second right, for the first is who is recorded.
fn judge(office: &Office, file: &RecordingFile) {
    let path = office.folder().join(RECORDINGS).join(&file.name);
    let bytes = std::fs::read(path).expect("a recording");
    let left = Wav::parse(&bytes).expect("a WAV file");
    let right = Wav::parse_right(&bytes).expect("a WAV file");
    for (side, wav, theirs, own) in [("left", left, LOW, HIGH), ("right", right, HIGH, LOW)] {
        let own_hertz = own.hertz;
        let heard = Expected { theirs, own_hertz }.judge(&wav);
        let heard = heard.unwrap_or_else(|fault| panic!("{side}: {fault}"));
        native::say(&format!("    measured {side}: {heard}"));
    }
}

#[test]
fn both_voices_of_a_call_are_recorded_though_the_exchange_dies() {
    let mut office = office(Recording::Always);
    let (caller, callee) = (phone(&office, 0, LOW), phone(&office, 1, HIGH));
    caller.dial(&number(1)).expect("dialled");
    callee.wait_incoming(LIMIT).expect("a call");
    callee.accept().expect("accepted");
    caller.wait_established(LIMIT).expect("a call");
    caller.wait_sound(TALK, LIMIT).expect("sound");
    let before = recordings(&office, 1, 1);
    office.crash_pbx().expect("it starts again");
    caller.wait_sound(2 * TALK, LIMIT).expect("sound");
    let after = recordings(&office, 1, 1);
    let name = |files: &[RecordingFile]| files.first().map(|file| file.name.clone());
    assert_eq!(name(&before), name(&after), "it goes on in the same file");
    callee.hang_up().expect("hung up");
    caller.wait_closed(LIMIT).expect("the end");
    let done = recordings(&office, 1, 0);
    let file = done.first().expect("one");
    judge(&office, file);
    // G.711 is 8000 samples a second, of two sides with two bytes each.
    let seconds = file.bytes / 32_000;
    assert!(seconds >= 2 * TALK.as_secs() - 1, "only {seconds} s of it");
    let records = office.ended_records(1).expect("the store answers");
    let named: Vec<_> = records.iter().flat_map(|one| &one.recordings).collect();
    assert_eq!(named, [&file.name]);
    caller.quit().expect("a clean end");
    callee.quit().expect("a clean end");
}

#[test]
fn another_file_begins_when_media_dies() {
    let mut office = office(Recording::Always);
    let (caller, callee) = (phone(&office, 0, LOW), phone(&office, 1, HIGH));
    caller.dial(&number(1)).expect("dialled");
    callee.wait_incoming(LIMIT).expect("a call");
    callee.accept().expect("accepted");
    caller.wait_established(LIMIT).expect("a call");
    caller.wait_sound(TALK, LIMIT).expect("sound");
    recordings(&office, 1, 1);
    office.crash_media().expect("it starts again");
    recordings(&office, 2, 1);
    caller.wait_sound(3 * TALK, LIMIT).expect("sound");
    callee.hang_up().expect("hung up");
    caller.wait_closed(LIMIT).expect("the end");
    let files = recordings(&office, 2, 0);
    for file in &files {
        judge(&office, file);
    }
    let records = office.ended_records(1).expect("the store answers");
    let named: Vec<_> = records.iter().flat_map(|one| &one.recordings).collect();
    let names: Vec<_> = files.iter().map(|file| &file.name).collect();
    assert_eq!(named, names);
    caller.quit().expect("a clean end");
    callee.quit().expect("a clean end");
}

#[test]
fn the_record_key_of_a_phone_begins_and_ends_a_recording() {
    let office = office(Recording::OnDemand);
    let mut callee = office.telephone(1).expect("a telephone");
    callee.register().expect("an answer");
    let callee = std::thread::spawn(move || {
        let dialog = callee.answer().expect("a call");
        (callee, dialog)
    });
    let mut caller = office.telephone(0).expect("a telephone");
    let mut dialog = caller.call(&number(1), &[]).expect("an answer");
    let (mut callee, mut theirs) = callee.join().expect("the callee");
    recordings(&office, 0, 0);
    for (wish, status, count, open) in [
        ("on", StatusCode::OK, 1, 1),
        ("off", StatusCode::OK, 1, 0),
        ("on", StatusCode::OK, 2, 1),
    ] {
        let headers = [("Record", wish)];
        let answer = caller.request(&mut dialog, Method::Info, &headers, None);
        assert_eq!(answer.expect("an answer").status, status, "{wish}");
        recordings(&office, count, open);
    }
    let headers = [("Record", "on")];
    let refused = callee.request(&mut theirs, Method::Info, &headers, None);
    assert_eq!(refused.expect("an answer").status, StatusCode::FORBIDDEN);
    let ended = caller.request(&mut dialog, Method::Bye, &[], None);
    assert_eq!(ended.expect("an answer").status, StatusCode::OK);
    recordings(&office, 2, 0);
}
