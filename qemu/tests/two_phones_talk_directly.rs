//! Two phones on one cable, with no box between them: whatever `cargo qemu up --check` finds wrong
//! with a call is then no fault of the phones, their driver or the measurement.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]
#![expect(clippy::print_stderr, reason = "a skipped test says why")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipc::Redacted;
use qemu::netns::Namespace;
use qemu::phone::{Codec, Encryption, Phone, PhoneConfig, PhoneError, Transport};
use qemu::probe::{Credentials, Ending, Probe};
use qemu::sound::{Expected, Heard, Tone};

/// An event on an idle machine comes in milliseconds; this is for a machine that is not idle.
const LIMIT: Duration = Duration::from_secs(20);
const LOW: Tone = Tone {
    hertz: 440.0,
    dbfs: -12.0,
};
const HIGH: Tone = Tone {
    hertz: 1_000.0,
    dbfs: -12.0,
};

struct Cable {
    // Dropped first: phones end before their namespaces.
    caller: Phone,
    callee: Phone,
    namespaces: (Namespace, Namespace),
    folder: PathBuf,
}

fn why_not() -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        return Some("not root: no network namespaces");
    }
    let missing = |program: &str| image::program(program).is_none();
    if missing("baresip") {
        return Some("baresip is not installed (Debian: baresip-core)");
    }
    missing("ip").then_some("ip is not installed (Debian: iproute2)")
}

/// A phone at each end of a cable, or None with the reason printed.
fn cable(test: &str, transport: Transport) -> Option<Cable> {
    if let Some(reason) = why_not() {
        eprintln!("skipped: {reason}");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let here = Namespace::new("caller").expect("a namespace");
    let there = Namespace::new("callee").expect("a namespace");
    let end = there.path();
    here.ip(&[
        "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", &end,
    ])
    .expect("a cable");
    for (namespace, address) in [(&here, "192.0.2.1/24"), (&there, "192.0.2.2/24")] {
        namespace
            .ip(&["address", "add", address, "dev", "eth0"])
            .expect("an address");
        namespace
            .ip(&["link", "set", "eth0", "up"])
            .expect("the cable plugged in");
    }
    let caller = phone(&here, "100", "192.0.2.1:5060", LOW, transport, &folder);
    let callee = phone(&there, "101", "192.0.2.2:5060", HIGH, transport, &folder);
    Some(Cable {
        caller,
        callee,
        namespaces: (here, there),
        folder,
    })
}

fn phone(
    namespace: &Namespace,
    extension: &str,
    local: &str,
    tone: Tone,
    transport: Transport,
    folder: &Path,
) -> Phone {
    let local: SocketAddr = local.parse().expect("an address");
    let config = PhoneConfig {
        extension: extension.to_owned(),
        password: Redacted::new("unused-and-secret".to_owned()),
        registrar: local,
        local,
        transport,
        encryption: Encryption::Off,
        codec: Codec::G711,
        expires: Duration::ZERO,
        tone,
        folder: folder.join(extension),
    };
    namespace
        .run(|| Phone::start(config))
        .expect("the namespace")
        .expect("a phone")
}

fn judge(phone: &Phone, theirs: Tone, own: Tone) -> Heard {
    let expected = Expected {
        theirs,
        own_hertz: own.hertz,
    };
    expected
        .judge(&phone.heard().expect("a recording"))
        .expect("the other side")
}

fn talk(caller: &Phone, callee: &Phone) {
    caller.dial("sip:101@192.0.2.2").expect("dialled");
    let from = callee.wait_incoming(LIMIT).expect("a call");
    assert!(from.starts_with("sip:100@192.0.2.1"), "{from}");
    caller.wait_ringing(LIMIT).expect("ringing");
    callee.accept().expect("accepted");
    let peer = caller.wait_established(LIMIT).expect("answered");
    assert!(peer.starts_with("sip:101@192.0.2.2"), "{peer}");
    callee.wait_established(LIMIT).expect("answered");
    assert!(matches!(
        caller.send_digits("x"),
        Err(PhoneError::Refused { .. })
    ));
    caller.send_digits("1590*#D").expect("sent");
    callee.wait_digits("1590*#D", LIMIT).expect("digits there");
    callee.send_digits("77").expect("sent");
    caller.wait_digits("77", LIMIT).expect("digits back");
    caller
        .wait_sound(Duration::from_secs(2), LIMIT)
        .expect("sound");
    callee
        .wait_sound(Duration::from_secs(2), LIMIT)
        .expect("sound");
    caller.hang_up().expect("hung up");
    let reason = callee.wait_closed(LIMIT).expect("the end");
    assert_eq!(reason, "Connection reset by peer");
    caller.wait_closed(LIMIT).expect("the end");
    for (phone, heard) in [
        (caller, judge(caller, HIGH, LOW)),
        (callee, judge(callee, LOW, HIGH)),
    ] {
        eprintln!("{} {heard}", phone.config().extension);
    }
    assert!(matches!(caller.heard(), Err(PhoneError::NoRecording(_))));
}

/// No file and no argument of a running phone has its password.
fn password_is_nowhere(folder: &Path) {
    for phone in ["100", "101"] {
        for entry in std::fs::read_dir(folder.join(phone)).expect("the folder") {
            let path = entry.expect("a file").path();
            let bytes = std::fs::read(&path).expect("its bytes");
            let found = bytes.windows(17).any(|part| part == b"unused-and-secret");
            assert!(!found, "{}", path.display());
        }
    }
}

#[test]
fn each_hears_the_other_and_the_digits_arrive() {
    let Some(cable) = cable("udp", Transport::Udp) else {
        return;
    };
    talk(&cable.caller, &cable.callee);
    // A second call on the same phones: nothing of the first one is left.
    talk(&cable.caller, &cable.callee);
    password_is_nowhere(&cable.folder);
    cable.caller.quit().expect("quit");
    cable.callee.quit().expect("quit");
}

#[test]
fn each_hears_the_other_when_sip_goes_over_tcp() {
    let Some(cable) = cable("tcp", Transport::Tcp) else {
        return;
    };
    talk(&cable.caller, &cable.callee);
}

#[test]
fn a_refused_call_and_a_dead_phone_are_told() {
    let Some(cable) = cable("refused", Transport::Udp) else {
        return;
    };
    let Cable { caller, callee, .. } = &cable;
    caller.dial("sip:101@192.0.2.2").expect("dialled");
    callee.wait_incoming(LIMIT).expect("a call");
    callee.hang_up().expect("refused");
    match caller.wait_established(LIMIT) {
        Err(PhoneError::Closed { reason, .. }) => assert!(reason.starts_with("486"), "{reason}"),
        other => panic!("{other:?}"),
    }
    caller.dial("sip:nobody@192.0.2.2").expect("dialled");
    let reason = caller.wait_closed(LIMIT).expect("the answer");
    assert!(reason.starts_with("404"), "{reason}");
    assert!(matches!(
        caller.wait_incoming(Duration::from_millis(1)),
        Err(PhoneError::TimedOut { .. })
    ));
}

#[test]
fn a_probe_calls_a_phone_gives_up_or_hangs_up() {
    let Some(cable) = cable("probe", Transport::Udp) else {
        return;
    };
    let Cable {
        callee, namespaces, ..
    } = &cable;
    let who = Credentials {
        extension: "100".to_owned(),
        password: Redacted::new(String::new()),
    };
    let target = callee.config().local;
    let opened = namespaces.0.run(move || Probe::udp(target));
    let mut probe = opened.expect("the namespace").expect("a socket");
    // Asked of the phone and not of its user, whom it expects to be named.
    assert_eq!(probe.options().expect("an answer").status(), 404);

    let cancelled = probe.invite(&who, "101", Ending::CancelWhenRinging);
    assert_eq!(cancelled.expect("an answer").statuses, [180, 487]);
    callee.wait_incoming(LIMIT).expect("a call");
    callee.wait_closed(LIMIT).expect("the end");

    let called = std::thread::spawn(move || probe.invite(&who, "101", Ending::HangUp));
    callee.wait_incoming(LIMIT).expect("a call");
    callee.accept().expect("accepted");
    let answered = called.join().expect("the caller").expect("an answer");
    assert_eq!(answered.statuses, [180, 200]);
    let reason = callee.wait_closed(LIMIT).expect("the end");
    assert_eq!(reason, "Connection reset by peer");
}
