//! Strangers: scanners, guessers, replayers and forgers. Nothing they send may be admitted.

use std::net::SocketAddr;

use sip::{Message, Method};

use super::{Office, Packet};
use crate::world::PASSWORD;

/// Requests a stranger has overheard, at most.
const OVERHEARD_MAX: usize = 40;

/// What the strangers know and got.
#[derive(Debug, Default)]
pub(crate) struct Attackers {
    counter: u64,
    asked: u64,
    got: u64,
    overheard: Vec<String>,
}

impl Attackers {
    /// A stranger sees a phone's request on the wire.
    pub(crate) fn overhear(&mut self, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        if !text.starts_with("SIP/2.0") {
            if self.overheard.len() >= OVERHEARD_MAX {
                self.overheard.remove(0);
            }
            self.overheard.push(text.to_owned());
        }
    }
}

impl Office {
    /// One attack.
    pub(super) fn attack(&mut self) {
        // From outside, and from a device inside that belongs to nobody.
        let source = match self.draw(2) {
            0 => SocketAddr::from(([203, 0, 113, 66], 5066)),
            _ => SocketAddr::from(([10, 0, 2, 250], 5060)),
        };
        match self.draw(6) {
            0 => self.garbage(source),
            1 => {
                for _ in 0..10 {
                    let user = self.draw(100_000);
                    self.ask(source, "REGISTER", &user.to_string(), "");
                }
            }
            2 => self.guess(source),
            3 => {
                for _ in 0..40 {
                    self.ask(source, "INVITE", "100", "");
                }
            }
            4 => self.replay(source),
            _ => self.forge(source),
        }
    }

    fn garbage(&mut self, source: SocketAddr) {
        let mut bytes: Vec<u8> = (0..self.draw(400))
            .map(|_| u8::try_from(self.draw(256)).unwrap_or_default())
            .collect();
        if self.draw(2) == 0
            && let Some(text) = self.overheard_any()
        {
            bytes = text.into_bytes();
            let at = self.pick(bytes.len());
            bytes.truncate(at);
        }
        self.send_from(source, bytes);
    }

    fn ask(&mut self, source: SocketAddr, method: &str, user: &str, more: &str) {
        let counter = self.attackers.counter;
        self.attackers.counter = counter.saturating_add(1);
        let text = format!(
            "{method} sip:101@10.0.0.1 SIP/2.0\r\n\
             Via: SIP/2.0/UDP {source};branch=z9hG4bK-evil-{counter};rport\r\n\
             From: <sip:{user}@10.0.0.1>;tag=evil{counter}\r\nTo: <sip:{user}@10.0.0.1>\r\n\
             Call-ID: evil-{counter}\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\n\
             Contact: <sip:{user}@{source}>\r\n{more}Content-Length: 0\r\n\r\n"
        );
        self.send_from(source, text.into_bytes());
    }

    /// A wrong password, for a nonce that was never given.
    fn guess(&mut self, source: SocketAddr) {
        let user = (100 + self.draw(30)).to_string();
        let response = format!("{:032x}", self.draw(u64::MAX));
        let more = format!(
            "Authorization: Digest username=\"{user}\", realm=\"ramal\", nonce=\"{PASSWORD}\", \
             uri=\"sip:101@10.0.0.1\", response=\"{response}\", algorithm=MD5, qop=auth, \
             nc=00000001, cnonce=\"x\"\r\n"
        );
        self.ask(source, "REGISTER", &user, &more);
        self.ask(source, "INVITE", &user, &more);
    }

    fn overheard_any(&mut self) -> Option<String> {
        let at = self.pick(self.attackers.overheard.len());
        self.attackers.overheard.get(at).cloned()
    }

    /// A request of a phone once more, from elsewhere: credentials count once (RFC 7616 §5.12).
    fn replay(&mut self, source: SocketAddr) {
        let overheard = self.attackers.overheard.iter().rev();
        let signed = overheard.filter(|text| text.contains("\r\nAuthorization:"));
        let Some(text) = signed.take(1).next().cloned() else {
            return;
        };
        let counter = self.attackers.counter;
        self.attackers.counter = counter.saturating_add(1);
        let text = with_via(&text, source, counter);
        self.send_from(source, text.into_bytes());
    }

    /// BYE, CANCEL, REFER, INVITE and UPDATE for a call that exists, with tags that do not
    /// (RFC 3261 §12.2.2, §9.2).
    fn forge(&mut self, source: SocketAddr) {
        let Some(text) = self.overheard_any() else {
            return;
        };
        let call_id = text.lines().find(|line| line.starts_with("Call-ID:"));
        let Some(call_id) = call_id.map(str::to_owned) else {
            return;
        };
        for method in ["BYE", "CANCEL", "REFER", "INVITE", "UPDATE"] {
            let counter = self.attackers.counter;
            self.attackers.counter = counter.saturating_add(1);
            let text = format!(
                "{method} sip:101@10.0.0.1 SIP/2.0\r\n\
                 Via: SIP/2.0/UDP {source};branch=z9hG4bK-forged-{counter};rport\r\n\
                 From: <sip:100@10.0.0.1>;tag=forged\r\nTo: <sip:101@10.0.0.1>;tag=wrong\r\n\
                 {call_id}\r\nCSeq: 9999 {method}\r\nMax-Forwards: 70\r\n\
                 Contact: <sip:100@{source}>\r\nRefer-To: <sip:190@10.0.0.1>\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            self.send_from(source, text.into_bytes());
        }
    }

    fn send_from(&mut self, source: SocketAddr, bytes: Vec<u8>) {
        self.attackers.asked = self.attackers.asked.saturating_add(1);
        self.carry(&Packet::BoxDatagram(source, bytes));
    }

    /// The box sent something to where no device is: only refusals may go there.
    pub(super) fn attacker_got(&mut self, to: SocketAddr, bytes: &[u8]) {
        self.attackers.got = self.attackers.got.saturating_add(1);
        let refused = match sip::parse_datagram(bytes) {
            Ok(Message::Response(response)) => {
                let method = response.headers.cseq().map(|cseq| cseq.method);
                let status = response.status.code();
                status == 100 || status >= 400 || method == Ok(Method::Options)
            }
            Ok(Message::Request(_)) | Err(_) => false,
        };
        if !refused {
            let text = String::from_utf8_lossy(bytes);
            let seen = format!("{to} was sent {text}");
            self.breaks("nobody unknown is admitted (RFC 3261 §22)", &seen);
        }
    }

    /// What strangers got is in proportion to what they sent: the box is no amplifier. A refused
    /// INVITE is repeated at most ten times (RFC 3261 §17.2.1), and the network repeats requests.
    pub(super) fn check_amplification(&mut self) {
        let (asked, got) = (self.attackers.asked, self.attackers.got);
        if got > asked.saturating_mul(13) {
            let seen = format!("{got} datagrams for {asked}");
            self.breaks("strangers get little for little (STYLE 4.4)", &seen);
        }
    }
}

/// A request as another sender would send it again.
fn with_via(text: &str, source: SocketAddr, counter: u64) -> String {
    let mut out = String::new();
    for line in text.split_inclusive("\r\n") {
        if line.starts_with("Via:") {
            out.push_str(&format!(
                "Via: SIP/2.0/UDP {source};branch=z9hG4bK-replay-{counter};rport\r\n"
            ));
        } else {
            out.push_str(line);
        }
    }
    out
}
