//! What a phone tells of its registration, with a registrar of a few lines on loopback.
#![expect(clippy::expect_used, reason = "a test may panic to fail")]
#![expect(clippy::print_stderr, reason = "a skipped test says why")]

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;

use ipc::Redacted;
use qemu::phone::{Codec, Encryption, Phone, PhoneConfig, PhoneError, Transport};
use qemu::sound::Tone;

/// An event on an idle machine comes in milliseconds; this is for a machine that is not idle.
const LIMIT: Duration = Duration::from_secs(20);
const MD5: &str =
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n";
const SHA_256: &str =
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256\r\n";

/// Challenges every REGISTER, then answers it with this status, for as long as the test runs.
fn registrar(challenges: String, status: &'static str) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("its address");
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((count, peer)) = socket.recv_from(&mut buffer) {
            let request = String::from_utf8_lossy(buffer.get(..count).unwrap_or_default());
            let answer = match request.contains("\r\nAuthorization: Digest ") {
                true => reply(&request, status, ""),
                false => reply(&request, "401 Unauthorized", &challenges),
            };
            socket.send_to(answer.as_bytes(), peer).expect("sent");
        }
    });
    address
}

fn reply(request: &str, status: &str, more: &str) -> String {
    let is_copied = |line: &&str| {
        ["Via:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:"]
            .iter()
            .any(|name| line.starts_with(name))
    };
    let copied: String = request
        .lines()
        .filter(is_copied)
        .map(|line| format!("{line}\r\n"))
        .collect();
    format!("SIP/2.0 {status}\r\n{copied}{more}Content-Length: 0\r\n\r\n")
}

fn phone(test: &str, registrar: SocketAddr, password: &str) -> Result<Phone, PhoneError> {
    let free = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    Phone::start(PhoneConfig {
        extension: "100".to_owned(),
        password: Redacted::new(password.to_owned()),
        registrar,
        local: free.expect("a port"),
        transport: Transport::Udp,
        encryption: Encryption::Off,
        codec: Codec::G711,
        expires: Duration::from_secs(60),
        tone: Tone {
            hertz: 440.0,
            dbfs: -12.0,
        },
        folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(test),
    })
}

fn is_installed() -> bool {
    let installed = image::program("baresip").is_some();
    if !installed {
        eprintln!("skipped: baresip is not installed (Debian: baresip-core)");
    }
    installed
}

#[test]
fn it_registers_again_when_told_to_and_unregisters_when_it_quits() {
    if !is_installed() {
        return;
    }
    let phone = phone(
        "registers",
        registrar(MD5.to_owned(), "200 OK"),
        "pass-word",
    )
    .expect("a phone");
    phone.wait_registered(LIMIT).expect("registered");
    phone.register_again().expect("told");
    phone.wait_registered(LIMIT).expect("registered again");
    phone.quit().expect("quit");
}

#[test]
fn it_tells_in_the_words_of_the_registrar_why_it_is_not_registered() {
    if !is_installed() {
        return;
    }
    let phone = phone(
        "forbidden",
        registrar(MD5.to_owned(), "403 Forbidden"),
        "pass-word",
    )
    .expect("a phone");
    match phone.wait_registered(LIMIT) {
        Err(PhoneError::NotRegistered { reason, .. }) => assert_eq!(reason, "403 Forbidden"),
        other => panic!("{other:?}"),
    }
}

/// libre 1.1.0, which baresip 1.0.0 stands on, gives up at the first challenge that is not MD5, in
/// whatever order they come (`auth_handler` in its `src/sip/auth.c`). A server that wants to be of
/// use to this phone offers it nothing else.
#[test]
fn it_cannot_register_where_anything_but_md5_is_offered() {
    if !is_installed() {
        return;
    }
    for (folder, challenges) in [("sha-first", [SHA_256, MD5]), ("md5-first", [MD5, SHA_256])] {
        let registrar = registrar(challenges.concat(), "200 OK");
        let phone = phone(folder, registrar, "pass-word").expect("a phone");
        match phone.wait_registered(LIMIT) {
            Err(PhoneError::NotRegistered { reason, .. }) => {
                assert_eq!(reason, "Function not implemented");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_password_that_would_change_the_account_is_refused() {
    for password in ["a;regint=0", "a b", "a\"b", "a>b", "a,b", "\u{e9}"] {
        let refused = phone("unspeakable", ([127, 0, 0, 1], 5060).into(), password);
        assert!(
            matches!(refused, Err(PhoneError::Unspeakable(_))),
            "{password}"
        );
    }
}
