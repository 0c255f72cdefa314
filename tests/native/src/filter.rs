//! Lets SIPp 3.6 talk to a server that offers SHA-256.
//!
//! The box challenges with SHA-256 first and MD5 second (RFC 8760 §2.1). SIPp 3.6, as Debian 12
//! has it, reads only the first challenge and gives up when that is not MD5. This filter sits
//! between them on loopback and takes the SHA-256 challenge out; everything else passes unchanged.
//! Its processor time is its own and never measured. As everything passes here, it also knows how
//! long calls wait for their answer, finer than SIPp's clock of four milliseconds.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::NativeError;

/// Receive buffer each way, so that a burst is not lost here.
const RECEIVE_BYTES: usize = 4 * 1024 * 1024;

/// How often a filter looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(200);

/// A filter between one SIPp and one server.
#[derive(Debug)]
pub struct Filter {
    /// Where SIPp sends to.
    pub front: SocketAddr,
    ended: Arc<AtomicBool>,
    calls: Arc<Mutex<Calls>>,
}

/// When calls were asked for, and how long those waited that were answered.
#[derive(Debug, Default)]
struct Calls {
    asked: HashMap<String, Instant>,
    answered: Vec<Duration>,
}

impl Filter {
    /// Starts filtering between the SIPp that uses `client` and `server`.
    ///
    /// # Errors
    /// There is no port for it.
    pub fn start(client: SocketAddr, server: SocketAddr) -> Result<Self, NativeError> {
        let bind = || -> std::io::Result<UdpSocket> {
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            let socket = kernel::network::udp_socket(any, RECEIVE_BYTES);
            let socket = socket.map_err(std::io::Error::other)?;
            socket.set_read_timeout(Some(LOOK))?;
            Ok(socket)
        };
        let start = || -> std::io::Result<Self> {
            let (front, back) = (Arc::new(bind()?), Arc::new(bind()?));
            let ended = Arc::new(AtomicBool::new(false));
            let filter = Self {
                front: front.local_addr()?,
                ended: Arc::clone(&ended),
                calls: Arc::default(),
            };
            let (asked, answered) = (Arc::clone(&filter.calls), Arc::clone(&filter.calls));
            let (from, by) = (Arc::clone(&front), Arc::clone(&back));
            pass(from, by, server, Arc::clone(&ended), move |message| {
                lock(&asked).see(message, Instant::now());
            });
            pass(back, front, client, ended, move |message| {
                lock(&answered).see(message, Instant::now());
                without_sha256(message);
            });
            Ok(filter)
        };
        start().map_err(NativeError::io("start", "the challenge filter"))
    }

    /// How long each call waited for its 200 since its last INVITE, in the order of the answers.
    #[must_use]
    pub fn answered(&self) -> Vec<Duration> {
        lock(&self.calls).answered.clone()
    }
}

impl Calls {
    /// A call is known by its Call-ID, which SIPp makes anew for each (RFC 3261 §8.1.1.4).
    fn see(&mut self, message: &[u8], now: Instant) {
        let text = String::from_utf8_lossy(message);
        let header = |name| text.lines().find_map(|line| line.strip_prefix(name));
        let Some(id) = header("Call-ID:") else {
            return;
        };
        let is_invite = header("CSeq:").is_some_and(|it| it.trim().ends_with(" INVITE"));
        if text.starts_with("INVITE ") {
            self.asked.insert(id.trim().to_owned(), now);
        } else if text.starts_with("SIP/2.0 200 ") && is_invite {
            let asked = self.asked.remove(id.trim());
            self.answered.extend(asked.map(|asked| now - asked));
        }
    }
}

fn lock(calls: &Mutex<Calls>) -> std::sync::MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Filter {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn pass(
    from: Arc<UdpSocket>,
    by: Arc<UdpSocket>,
    to: SocketAddr,
    ended: Arc<AtomicBool>,
    change: impl Fn(&mut Vec<u8>) + Send + 'static,
) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        while !ended.load(Ordering::Relaxed) {
            let Ok(length) = from.recv(&mut buffer) else {
                continue;
            };
            let mut message = buffer.get(..length).unwrap_or_default().to_vec();
            change(&mut message);
            // Lost is lost: SIP repeats it, and SIPp counts the repetition.
            let _ = by.send_to(&message, to);
        }
    });
}

fn without_sha256(message: &mut Vec<u8>) {
    if !message.starts_with(b"SIP/2.0 401") {
        return;
    }
    let Ok(text) = std::str::from_utf8(message) else {
        return;
    };
    let kept = text
        .split_inclusive("\r\n")
        .filter(|line| !(line.starts_with("WWW-Authenticate:") && line.contains("SHA-256")));
    *message = kept.collect::<String>().into_bytes();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sha256_challenge_of_a_401_is_taken_out() {
        let check = |message: &str, expected: &str| {
            let mut bytes = message.as_bytes().to_vec();
            without_sha256(&mut bytes);
            assert_eq!(String::from_utf8_lossy(&bytes), expected);
        };
        let sha = "WWW-Authenticate: Digest realm=\"r\", algorithm=SHA-256\r\n";
        let md5 = "WWW-Authenticate: Digest realm=\"r\", algorithm=MD5\r\n";
        let challenge = |headers: &str| format!("SIP/2.0 401 Unauthorized\r\n{headers}\r\n");
        check(&challenge(&format!("{sha}{md5}")), &challenge(md5));
        let ok = format!("SIP/2.0 200 OK\r\n{sha}\r\n");
        check(&ok, &ok);
    }

    #[test]
    fn a_call_waits_from_its_last_invite_to_its_200() {
        let begin = Instant::now();
        let mut calls = Calls::default();
        let mut see = |millis, first: &str, id: &str, method: &str| {
            let message = format!("{first}\r\nCall-ID: {id}\r\nCSeq: 2 {method}\r\n\r\n");
            calls.see(message.as_bytes(), begin + Duration::from_millis(millis));
        };
        see(0, "INVITE sip:1 SIP/2.0", "a", "INVITE");
        see(2, "INVITE sip:1 SIP/2.0", "b", "INVITE");
        see(3, "SIP/2.0 401 Unauthorized", "a", "INVITE");
        see(5, "INVITE sip:1 SIP/2.0", "a", "INVITE");
        see(8, "SIP/2.0 180 Ringing", "a", "INVITE");
        see(9, "SIP/2.0 200 OK", "a", "INVITE");
        see(9, "SIP/2.0 200 OK", "b", "BYE");
        see(10, "SIP/2.0 200 OK", "a", "INVITE");
        assert_eq!(calls.answered, [Duration::from_millis(4)]);
    }
}
