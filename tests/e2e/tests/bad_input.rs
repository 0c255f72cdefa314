//! Bad input on the built image, each a test: it gets an answer, a log line or an end, it harms
//! nobody, and the phone service works afterwards.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::Duration;

use e2e::{Failure, Proof, Site, Stand, connect};
use qemu::desk::SIP_PORT;

static STAND: Stand<Site> = Stand::new(6);

/// Runs a test and proves that nothing was harmed.
fn run(bad: impl FnOnce(&mut Site) -> Proof) -> Proof {
    let unharmed = |site: &mut Site| site.prove_unharmed(bad);
    STAND.run(|| Site::set_up("bad-input"), unharmed)
}

#[test]
fn garbage_on_the_sip_port_gets_a_log_line() -> Proof {
    run(|site| {
        let serial = site.office.lab.machine()?.serial().clone();
        let mark = serial.mark();
        let mut noise = vec![0; NOISE_BYTES];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut noise)?;
        site.ask(move |probe| {
            for (index, part) in noise.chunks(NOISE_BYTES / DATAGRAMS).enumerate() {
                // Of every length from a byte on.
                probe.send_raw(part.get(..=index).unwrap_or(part))?;
            }
            NEARLY_SIP.iter().try_for_each(|text| probe.send_raw(text))
        })?;
        serial.wait(
            mark,
            "a peer broke the protocol: not readable as SIP",
            SAID_MAX,
        )?;
        Ok(())
    })
}

#[test]
fn an_oversized_datagram_is_refused() -> Proof {
    run(|site| {
        // The largest there is, and a whole request in every other respect.
        let answer = site.ask(move |probe| {
            let head = request_head("UDP", &probe.local().to_string());
            let padding = "x".repeat(DATAGRAM_BYTES_MAX - head.len() - "X: \r\n\r\n".len());
            probe.send_raw(format!("{head}X: {padding}\r\n\r\n").as_bytes())?;
            probe.next_response(SAID_MAX)
        })?;
        assert_eq!(answer.map(|answer| answer.status), Some(513));
        Ok(())
    })
}

#[test]
fn an_oversized_message_on_a_connection_is_refused_and_the_connection_closed() -> Proof {
    run(|site| {
        let mut stream = connect(&site.office.lab, SIP_PORT)?;
        stream.set_read_timeout(Some(SAID_MAX))?;
        let head = request_head("TCP", &stream.local_addr()?.to_string());
        write!(stream, "{head}Content-Length: {MESSAGE_BYTES}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        assert!(answer.starts_with("SIP/2.0 513 "), "{answer:?}");
        Ok(())
    })
}

#[test]
fn a_header_without_end_on_a_connection_is_cut_off() -> Proof {
    run(|site| {
        let serial = site.office.lab.machine()?.serial().clone();
        let mark = serial.mark();
        send_a_header_without_end(site)?;
        if serial.wait(mark, TOO_LARGE, LINES_WINDOW).is_err() {
            // What other strangers cause is written so often only: a moment later it is.
            send_a_header_without_end(site)?;
            serial.wait(mark, TOO_LARGE, SAID_MAX)?;
        }
        Ok(())
    })
}

/// Sends one until the box hangs up.
fn send_a_header_without_end(site: &Site) -> Proof {
    let mut stream = connect(&site.office.lab, SIP_PORT)?;
    stream.set_write_timeout(Some(SAID_MAX))?;
    stream.set_read_timeout(Some(SAID_MAX))?;
    let line = format!("X: {}\r\n", "x".repeat(1000));
    let mut sent = stream.write_all(request_head("TCP", "10.77.0.1:5060").as_bytes());
    for _ in 0..MESSAGE_BYTES / line.len() {
        // The box hangs up in the middle of it.
        sent = sent.and_then(|()| stream.write_all(line.as_bytes()));
    }
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Err(Failure::new(format!("still open after {sent:?}")))
        }
        // An orderly end or a reset.
        Ok(_) | Err(_) => Ok(()),
    }
}

#[test]
fn a_half_open_connection_keeps_nobody_waiting_and_is_closed() -> Proof {
    run(|site| {
        let mut half_open = connect(&site.office.lab, SIP_PORT)?;
        half_open.write_all(b"REGISTER sip:10.77.0.10 SIP/2.0\r\nVia: SIP/2.0/TCP 10.77.")?;
        // Others are served while it is open.
        site.prove_alive()?;
        site.office.prove_call()?;
        half_open.set_read_timeout(Some(HALF_OPEN_MAX))?;
        let mut answer = Vec::new();
        half_open.read_to_end(&mut answer)?;
        Ok(())
    })
}

#[test]
fn a_malformed_session_description_is_answered_by_488_or_400() -> Proof {
    run(|site| {
        for text in MALFORMED {
            let spare = site.spare.clone();
            let outcome = site.ask(move |probe| probe.invite_offering(&spare, "101", text))?;
            let statuses: Vec<u16> = outcome.statuses;
            let refused = matches!(
                statuses.as_slice(),
                [401, 400 | 488] | [401, 100, 400 | 488]
            );
            assert!(refused, "{text:?} was answered by {statuses:?}");
        }
        Ok(())
    })
}

/// Everything a request needs, without the empty line at its end.
fn request_head(transport: &str, from: &str) -> String {
    format!(
        "REGISTER sip:10.77.0.10 SIP/2.0\r\n\
         Via: SIP/2.0/{transport} {from};branch=z9hG4bKlarge;rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:110@10.77.0.10>;tag=large\r\n\
         To: <sip:110@10.77.0.10>\r\n\
         Call-ID: large-{transport}\r\n\
         CSeq: 1 REGISTER\r\n\
         Contact: <sip:110@{from}>\r\n"
    )
}

/// What scanners send, and what is left of a message that was cut.
const NEARLY_SIP: [&[u8]; 8] = [
    b"",
    b"\0",
    b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 10.77.0.10\r\n\r\n",
    b"INVITE",
    b"INVITE sip:101@10.77.0.10 SIP/2.0\r\n\r\n",
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.77.0.1:5060;branch=z9hG4bKx\r\n\r\n",
    b"REGISTER sip:10.77.0.10 SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.1;branch=z9hG4bKx\r\nFrom",
];

/// None of them says where to send sound.
const MALFORMED: [&str; 4] = [
    "hello",
    "v=0\r\no=probe 1 1 IN IP4 10.77.0.1\r\ns=-\r\nt=0 0\r\n",
    "v=0\r\no=probe 1 1 IN IP4 10.77.0.1\r\ns=-\r\nc=IN IP4 999.1.1.1\r\nt=0 0\r\n\
     m=audio 4000 RTP/AVP 0\r\n",
    "v=0\r\no=probe 1 1 IN IP4 10.77.0.1\r\ns=-\r\nc=IN IP4 10.77.0.1\r\nt=0 0\r\n\
     m=audio 99999 RTP/AVP 0\r\n",
];

/// What UDP over IPv4 can carry.
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// More than any message may have (64 KiB).
const MESSAGE_BYTES: usize = 200_000;

/// Random datagrams, the longest as long as an Ethernet frame takes.
const DATAGRAMS: usize = 400;
const NOISE_BYTES: usize = DATAGRAMS * 1400;

/// The box answers or says something well within this.
const SAID_MAX: Duration = Duration::from_secs(20);
/// What the box says of it.
const TOO_LARGE: &str = "larger than we read";
/// The box writes so many lines of strangers only in ten seconds, and the other tests are some.
const LINES_WINDOW: Duration = Duration::from_secs(11);

/// The box waits 30 s for the rest of a message, by its own clock.
const HALF_OPEN_MAX: Duration = Duration::from_secs(60);
