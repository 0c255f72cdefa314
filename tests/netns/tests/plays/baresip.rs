//! Real phones over every transport, with and without SRTP, with one codec or two.
//!
//! Each hears the other's tone and not its own, so the media went the whole way and, between two
//! codecs, was converted.

use std::net::SocketAddr;
use std::time::Duration;

use native::number;
use netns::Office;
use qemu::phone::{Codec, Encryption, Phone, PhoneConfig, Transport};
use qemu::sound::{Expected, Tone};

use crate::office;

/// For each step of a call.
const LIMIT: Duration = Duration::from_secs(20);
/// Enough to measure frequency and level well.
const TALK: Duration = Duration::from_secs(3);
const DIGITS: &str = "159*0#";
/// Where the first phone listens; the next one ten ports higher.
const FIRST_PORT: u16 = 5070;

const LOW: Tone = Tone {
    hertz: 440.0,
    dbfs: -12.0,
};
const HIGH: Tone = Tone {
    hertz: 1000.0,
    dbfs: -18.0,
};

/// What is different between the phones of a test.
#[derive(Clone, Copy)]
struct Kind {
    is_ipv6: bool,
    transport: Transport,
    encryption: Encryption,
    codec: Codec,
}

const PLAIN: Kind = Kind {
    is_ipv6: false,
    transport: Transport::Udp,
    encryption: Encryption::Off,
    codec: Codec::G711,
};

fn phone(office: &Office, index: usize, kind: Kind, tone: Tone) -> Phone {
    let own_port = FIRST_PORT + 10 * u16::try_from(index).expect("a small office");
    let port = match kind.transport {
        Transport::Udp | Transport::Tcp => 5060,
        Transport::Tls => 5061,
    };
    // Media leaves by the address of the route, and the box takes it from where the description or
    // the signalling says, and from nowhere else.
    let (box_, own) = match kind.is_ipv6 {
        false => (office.server().ip(), office.usual()),
        true => (office.server6().ip(), office.usual6()),
    };
    let line = office.line(index);
    let config = PhoneConfig {
        extension: line.number,
        password: line.password,
        registrar: SocketAddr::new(box_, port),
        local: SocketAddr::new(own, own_port),
        transport: kind.transport,
        encryption: kind.encryption,
        codec: kind.codec,
        expires: Duration::from_secs(600),
        tone,
        folder: office.folder().join(format!("phone-{index}")),
    };
    let phone = Phone::start(config).expect("a phone");
    phone.wait_registered(LIMIT).expect("it registers");
    phone
}

fn check(one: Kind, other: Kind) {
    let office = office(|site| {
        for (extension, kind) in site.extensions.iter_mut().zip([one, other]) {
            extension.settings.encryption = match kind.encryption {
                Encryption::Off => ipc::site::Encryption::Off,
                Encryption::Required => ipc::site::Encryption::Required,
            };
        }
    });
    let caller = phone(&office, 0, one, LOW);
    let callee = phone(&office, 1, other, HIGH);
    caller.dial(&number(1)).expect("dialled");
    callee.wait_incoming(LIMIT).expect("a call");
    caller.wait_ringing(LIMIT).expect("ringing");
    callee.accept().expect("accepted");
    caller.wait_established(LIMIT).expect("a call");
    caller.wait_sound(TALK, LIMIT).expect("sound");
    callee.wait_sound(TALK, LIMIT).expect("sound");
    caller.send_digits(DIGITS).expect("digits");
    callee.wait_digits(DIGITS, LIMIT).expect("digits");
    caller.hang_up().expect("hung up");
    callee.wait_closed(LIMIT).expect("the end");
    judge(&caller, HIGH, LOW);
    judge(&callee, LOW, HIGH);
    caller.quit().expect("a clean end");
    callee.quit().expect("a clean end");
}

fn judge(phone: &Phone, theirs: Tone, own: Tone) {
    let expected = Expected {
        theirs,
        own_hertz: own.hertz,
    };
    let recording = phone.heard().expect("a recording");
    let heard = expected.judge(&recording).expect("the other side");
    native::say(&format!("    measured: {heard}"));
}

#[test]
fn phones_over_udp_talk() {
    check(PLAIN, PLAIN);
}

#[test]
fn a_phone_over_tcp_talks_to_one_over_tls() {
    let over = |transport| Kind { transport, ..PLAIN };
    check(over(Transport::Tcp), over(Transport::Tls));
}

#[test]
fn encrypted_phones_over_tls_talk() {
    let kind = Kind {
        transport: Transport::Tls,
        encryption: Encryption::Required,
        ..PLAIN
    };
    check(kind, kind);
}

#[test]
fn an_encrypted_phone_talks_to_a_plain_one() {
    let encrypted = Kind {
        encryption: Encryption::Required,
        ..PLAIN
    };
    check(encrypted, PLAIN);
}

#[test]
fn an_encrypted_phone_over_tcp_talks_to_a_plain_one_over_tls() {
    let encrypted = Kind {
        transport: Transport::Tcp,
        encryption: Encryption::Required,
        ..PLAIN
    };
    let plain = Kind {
        transport: Transport::Tls,
        ..PLAIN
    };
    check(encrypted, plain);
}

#[test]
fn a_phone_on_ipv6_talks_to_one_on_ipv4() {
    let six = Kind {
        is_ipv6: true,
        ..PLAIN
    };
    check(six, PLAIN);
}

#[test]
fn a_phone_over_tcp_on_ipv6_talks_to_one_on_ipv4() {
    let six = Kind {
        is_ipv6: true,
        transport: Transport::Tcp,
        ..PLAIN
    };
    check(six, PLAIN);
}

#[test]
fn encrypted_phones_over_tls_on_ipv6_talk() {
    let kind = Kind {
        is_ipv6: true,
        transport: Transport::Tls,
        encryption: Encryption::Required,
        ..PLAIN
    };
    check(kind, kind);
}

#[test]
fn a_wide_band_phone_talks_to_a_narrow_one() {
    let wide = Kind {
        codec: Codec::G722,
        ..PLAIN
    };
    check(wide, PLAIN);
}

/// The one has no other codec, so the box converts.
#[test]
fn an_opus_phone_talks_to_one_without_opus() {
    let opus = Kind {
        codec: Codec::Opus,
        ..PLAIN
    };
    check(opus, PLAIN);
}
