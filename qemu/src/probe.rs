//! Questions to a SIP server from the host, without a phone.
//!
//! Written apart from the `sip` crate on purpose: what asks must not share the mistakes of what
//! answers.
//! What this module must never do: put a password or a digest into a message or an error; sleep (it
//! waits for datagrams).
//! Read first: [`Probe`].
//!
//! ```text
//! REGISTER, OPTIONS:  request -> [1xx] -> 401 -> request with credentials -> final
//! INVITE:             the same, and ACK to each final; CANCEL after a 1xx or BYE after the 2xx
//! ```

mod digest;
mod line;
mod message;

#[cfg(test)]
mod tests;

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ipc::Redacted;

use self::digest::Challenge;
use self::line::Line;
pub use self::message::Response;
use self::message::{Request, RequestParts};

/// A number and its password.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The extension, which is also its user name.
    pub extension: String,
    /// Its password, right or wrong.
    pub password: Redacted<String>,
}

/// What to do with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Wait for the answer, and hang up at once when there is one.
    HangUp,
    /// Give up as soon as anything better than 100 comes.
    CancelWhenRinging,
}

/// How a question was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Every status that came, in order, without repetitions: `[401, 100, 180, 200]`.
    pub statuses: Vec<u16>,
    /// The final answer.
    pub last: Response,
}

impl Outcome {
    /// The final status.
    pub fn status(&self) -> u16 {
        self.last.status
    }
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The socket could not be made or used; `ConnectionRefused` means that nobody listens.
    #[error("{target}: {doing}: {source}")]
    Socket {
        /// Who was asked.
        target: SocketAddr,
        /// What was tried.
        doing: &'static str,
        /// Why.
        source: io::Error,
    },
    /// No final answer came in time.
    #[error("{target}: no final answer to {method} within {limit:?}; so far {statuses:?}")]
    NoAnswer {
        /// Who was asked.
        target: SocketAddr,
        /// The method.
        method: &'static str,
        /// How long was waited.
        limit: Duration,
        /// What came.
        statuses: Vec<u16>,
    },
    /// The other side closed the connection.
    #[error("{target}: closed the connection")]
    Closed {
        /// Who was asked.
        target: SocketAddr,
    },
    /// What came is no SIP message.
    #[error("{target}: not a SIP response: {what}")]
    NotSip {
        /// Who was asked.
        target: SocketAddr,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The 401 or 407 cannot be answered.
    #[error("{target}: a challenge we cannot answer: {what}")]
    Challenge {
        /// Who was asked.
        target: SocketAddr,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// One socket and the server it asks. It is made in the network namespace of the calling thread and
/// may be used from any.
pub struct Probe {
    line: Line,
    /// What it offers for sound; held so that nobody else gets what is sent there.
    _media_socket: UdpSocket,
    media: SocketAddr,
    limit: Duration,
    number: u32,
}

impl Probe {
    /// Asks over UDP.
    ///
    /// # Errors
    /// No socket, or no way to the server.
    pub fn udp(target: SocketAddr) -> Result<Self, ProbeError> {
        Self::on(Line::udp(target)?)
    }

    /// Asks over TCP.
    ///
    /// # Errors
    /// The server does not take the connection.
    pub fn tcp(target: SocketAddr) -> Result<Self, ProbeError> {
        Self::on(Line::tcp(target)?)
    }

    fn on(line: Line) -> Result<Self, ProbeError> {
        let open = UdpSocket::bind((line.local.ip(), 0)).and_then(|socket| {
            let address = socket.local_addr()?;
            Ok((socket, address))
        });
        let (media_socket, media) = open.map_err(|source| line.socket("a port for RTP", source))?;
        Ok(Self {
            line,
            _media_socket: media_socket,
            media,
            limit: TIMER_B,
            number: 0,
        })
    }

    /// Waits for this long for each final answer instead of 32 s (Timers B and F, RFC 3261
    /// §17.1.1.2).
    #[must_use]
    pub fn patient_for(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Registers this address for the extension, or with `expires` 0 removes it again.
    ///
    /// # Errors
    /// There is no final answer.
    pub fn register(&mut self, who: &Credentials, expires: u32) -> Result<Outcome, ProbeError> {
        let contact = format!("Expires: {expires}\r\n");
        let domain = format!("sip:{}", self.line.target);
        let own = format!("sip:{}@{}", who.extension, self.line.target);
        let parts = self.parts("REGISTER", &domain, &own, &own, contact, String::new());
        self.ask(parts, Some(who), Ending::HangUp)
    }

    /// Calls a number. An answered call is hung up at once.
    ///
    /// # Errors
    /// There is no final answer.
    pub fn invite(
        &mut self,
        who: &Credentials,
        number: &str,
        ending: Ending,
    ) -> Result<Outcome, ProbeError> {
        self.invite_with(Some(who), &who.extension, number, ending)
    }

    /// Calls a number without credentials: the answer is a challenge or a refusal.
    ///
    /// # Errors
    /// There is no final answer.
    pub fn invite_as_stranger(&mut self, from: &str, number: &str) -> Result<Outcome, ProbeError> {
        self.invite_with(None, from, number, Ending::HangUp)
    }

    /// Calls a number with this text instead of a session description.
    ///
    /// # Errors
    /// There is no final answer.
    pub fn invite_offering(
        &mut self,
        who: &Credentials,
        number: &str,
        description: &str,
    ) -> Result<Outcome, ProbeError> {
        let body = description.to_owned();
        self.invite_described(Some(who), &who.extension, number, Ending::HangUp, body)
    }

    /// Asks what the server can do.
    ///
    /// # Errors
    /// There is no final answer.
    pub fn options(&mut self) -> Result<Outcome, ProbeError> {
        let target = format!("sip:{}", self.line.target);
        let from = format!("sip:probe@{}", self.line.local);
        let accept = "Accept: application/sdp\r\n".to_owned();
        let parts = self.parts("OPTIONS", &target, &from, &target, accept, String::new());
        self.ask(parts, None, Ending::HangUp)
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// They could not be sent.
    pub fn send_raw(&mut self, bytes: &[u8]) -> Result<(), ProbeError> {
        self.line.send(bytes)
    }

    /// The next response to anything sent before; None when there is none in time.
    ///
    /// # Errors
    /// The connection was closed, or what came is no SIP response.
    pub fn next_response(&mut self, limit: Duration) -> Result<Option<Response>, ProbeError> {
        self.line.response(Instant::now() + limit)
    }

    /// The address this probe asks from.
    pub fn local(&self) -> SocketAddr {
        self.line.local
    }

    fn invite_with(
        &mut self,
        who: Option<&Credentials>,
        from: &str,
        number: &str,
        ending: Ending,
    ) -> Result<Outcome, ProbeError> {
        let body = message::offer(self.media);
        self.invite_described(who, from, number, ending, body)
    }

    fn invite_described(
        &mut self,
        who: Option<&Credentials>,
        from: &str,
        number: &str,
        ending: Ending,
        body: String,
    ) -> Result<Outcome, ProbeError> {
        let called = format!("sip:{number}@{}", self.line.target);
        let from = format!("sip:{from}@{}", self.line.target);
        let kind = "Content-Type: application/sdp\r\n".to_owned();
        let parts = self.parts("INVITE", &called, &from, &called, kind, body);
        self.ask(parts, who, ending)
    }

    fn parts(
        &self,
        method: &'static str,
        uri: &str,
        from: &str,
        to: &str,
        headers: String,
        body: String,
    ) -> RequestParts {
        RequestParts {
            method,
            uri: uri.to_owned(),
            from: format!("<{from}>;tag={}", unique()),
            to: format!("<{to}>"),
            call_id: unique(),
            contact: self.line.contact(),
            transport: self.line.transport(),
            local: self.line.local,
            headers,
            body,
        }
    }

    /// Asks, answers challenges, and sees a call to its end.
    fn ask(
        &mut self,
        parts: RequestParts,
        who: Option<&Credentials>,
        ending: Ending,
    ) -> Result<Outcome, ProbeError> {
        let mut statuses = Vec::new();
        let mut authorization = None;
        for attempt in 0..ATTEMPTS_MAX {
            self.number += 1;
            let branch = format!("z9hG4bK{}", unique());
            let request = Request::new(&parts, self.number, branch, authorization.as_deref());
            let last = self.transact(&request, ending, &mut statuses)?;
            if parts.method == "INVITE" {
                self.finish_call(&request, &last, &mut statuses)?;
            }
            let challenged = matches!(last.status, 401 | 407);
            let again = challenged && (attempt == 0 || Challenge::is_stale(&last));
            let (true, Some(who)) = (again, who) else {
                return Ok(Outcome { statuses, last });
            };
            let challenge = Challenge::strongest(&last);
            let challenge = challenge.map_err(|what| self.line.challenge(what))?;
            authorization = Some(challenge.answer(who, parts.method, &parts.uri, &unique()));
        }
        Err(self.line.challenge("always a new one"))
    }

    /// One client transaction: sends, repeats over UDP, and waits for the final response.
    /// RFC 3261 §17.1.
    fn transact(
        &mut self,
        request: &Request<'_>,
        ending: Ending,
        statuses: &mut Vec<u16>,
    ) -> Result<Response, ProbeError> {
        let bytes = request.bytes();
        let until = Instant::now() + self.limit;
        let mut interval = T1;
        let mut repeat = Some(Instant::now() + interval);
        let mut cancelled = false;
        self.line.send(&bytes)?;
        loop {
            let wake = repeat
                .filter(|_| self.line.is_lossy())
                .map_or(until, |at| at.min(until));
            let Some(response) = self.line.response(wake)? else {
                if Instant::now() >= until {
                    return Err(self.line.no_answer(request.method(), self.limit, statuses));
                }
                self.line.send(&bytes)?;
                // Timer A doubles for ever, Timer E up to T2.
                interval = match request.is_invite() {
                    true => interval * 2,
                    false => (interval * 2).min(T2),
                };
                repeat = Some(Instant::now() + interval);
                continue;
            };
            if !request.is_answered_by(&response) {
                continue;
            }
            if statuses.last() != Some(&response.status) {
                statuses.push(response.status);
            }
            if response.status >= 200 {
                return Ok(response);
            }
            // An INVITE is not repeated once there is any answer; others go on, slowly.
            repeat = (!request.is_invite()).then(|| Instant::now() + T2);
            let ringing = request.is_invite() && response.status > 100;
            if ringing && ending == Ending::CancelWhenRinging && !cancelled {
                cancelled = true;
                self.line.send(&request.cancel())?;
            }
        }
    }

    /// Acknowledges the final response, and hangs up if it was an answer.
    fn finish_call(
        &mut self,
        invite: &Request<'_>,
        last: &Response,
        statuses: &mut Vec<u16>,
    ) -> Result<(), ProbeError> {
        let answered = last.status < 300;
        let branch = format!("z9hG4bK{}", unique());
        self.line
            .send(&invite.ack(last, answered.then_some(&branch)))?;
        if !answered {
            return Ok(());
        }
        self.number += 1;
        let parts = invite.bye_parts(last);
        let branch = format!("z9hG4bK{}", unique());
        let bye = Request::new(&parts, self.number, branch, None);
        let mut bye_statuses = Vec::new();
        let ended = self.transact(&bye, Ending::HangUp, &mut bye_statuses)?;
        if ended.status >= 300 {
            statuses.push(ended.status);
        }
        Ok(())
    }
}

/// A word nobody used before, from the random keys of the standard library's hash maps.
fn unique() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}

/// Round-trip time estimate: the first repetition. RFC 3261 §17.1.1.1.
const T1: Duration = Duration::from_millis(500);
/// The longest interval between repetitions of anything but INVITE. RFC 3261 §17.1.2.2.
const T2: Duration = Duration::from_secs(4);
/// 64 times T1: how long an unanswered question is worth waiting for. RFC 3261 §17.1.1.2.
const TIMER_B: Duration = Duration::from_secs(32);
/// Without credentials, with credentials, and once more if the nonce was stale.
const ATTEMPTS_MAX: usize = 3;
