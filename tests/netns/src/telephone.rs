//! A telephone in a few hundred lines, for what SIPp cannot play: two calls at a time, a nonce used
//! many times over, fifty calls at once.
//!
//! It blocks and speaks UDP only. What is not an INVITE it repeats until it is answered (RFC 3261
//! §17.1.2.2): between somebody outside and the box there is more than loopback.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ipc::Redacted;
use native::NativeError;
use sip::digest::{Algorithm, Challenge, Ha1};
use sip::{HeaderName, Message, Method, NameAddr, Request, Response, StatusCode, Uri};

use crate::phone::Line;

mod dialog;
mod steps;

pub use dialog::Dialog;
pub use steps::{Incoming, Outgoing};

/// How long the box may take to say what is expected.
const PATIENCE: Duration = Duration::from_secs(20);

/// RFC 3261 §17.1.1.1 and §17.1.2.2.
const T1: Duration = Duration::from_millis(500);
const T2: Duration = Duration::from_secs(4);

/// A telephone of an extension.
#[derive(Debug)]
pub struct Telephone {
    socket: UdpSocket,
    server: SocketAddr,
    /// Its extension.
    pub number: String,
    password: Redacted<String>,
    /// Where it hears.
    pub media: UdpSocket,
    challenge: Option<(Challenge, u32)>,
    /// What came while something else was waited for.
    kept: Vec<Message>,
}

impl Telephone {
    /// A telephone at this address, on the network of the calling thread.
    pub(crate) fn new(
        server: SocketAddr,
        address: IpAddr,
        line: Line,
    ) -> Result<Self, NativeError> {
        let bind = |port: u16| {
            UdpSocket::bind((address, port)).map_err(NativeError::io("bind", "a telephone"))
        };
        let telephone = Self {
            socket: bind(5060)?,
            server,
            number: line.number,
            password: line.password,
            media: bind(4000)?,
            challenge: None,
            kept: Vec::new(),
        };
        telephone.wait_at_most(PATIENCE)?;
        Ok(telephone)
    }

    fn wait_at_most(&self, time: Duration) -> Result<(), NativeError> {
        let set = self.socket.set_read_timeout(Some(time));
        set.map_err(NativeError::io("set up", "a telephone"))
    }

    /// Registers, asked for its password once if need be; the final answer.
    ///
    /// # Errors
    /// There is none.
    pub fn register(&mut self) -> Result<Response, NativeError> {
        self.register_as(&self.contact(), 600)
    }

    /// Takes every registration of its extension back.
    ///
    /// # Errors
    /// The box does not answer, or not with 200.
    pub fn leave(&mut self) -> Result<(), NativeError> {
        let response = self.register_as("*", 0)?;
        match response.status.is_success() {
            true => Ok(()),
            false => Err(unexpected(&format!("{} to leave", response.status))),
        }
    }

    fn register_as(&mut self, contact: &str, expires: u32) -> Result<Response, NativeError> {
        let uri = self.uri(None);
        let own = NameAddr::new(self.uri(Some(&self.number)));
        let local = own.clone().with_tag(&fresh());
        let mut request = Request::new(Method::Register, uri, &local, &own, &fresh(), 1);
        request.headers.push(HeaderName::Contact, contact);
        request
            .headers
            .push(HeaderName::Expires, expires.to_string());
        self.ask(request)
    }

    /// Calls a number and waits for the answer.
    ///
    /// # Errors
    /// It is refused, or nobody answers.
    pub fn call(&mut self, called: &str, headers: &[(&str, &str)]) -> Result<Dialog, NativeError> {
        let (dialog, _) = self.call_without_ack(called, headers)?;
        self.acknowledge(&dialog)?;
        Ok(dialog)
    }

    /// Acknowledges the answer to the latest INVITE.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn acknowledge(&self, dialog: &Dialog) -> Result<(), NativeError> {
        self.send(&self.in_dialog(dialog, Method::Ack, dialog.cseq))
    }

    /// The same, but nobody tells the box that the answer has come; it comes along.
    ///
    /// # Errors
    /// It is refused, or nobody answers.
    pub fn call_without_ack(
        &mut self,
        called: &str,
        headers: &[(&str, &str)],
    ) -> Result<(Dialog, Response), NativeError> {
        let request = self.invite(called, headers);
        let response = self.ask(request.clone())?;
        let dialog = Dialog::of_caller(&request, &response)?;
        Ok((dialog, response))
    }

    /// Waits for a call and answers it; back when that was acknowledged.
    ///
    /// # Errors
    /// None comes.
    pub fn answer(&mut self) -> Result<Dialog, NativeError> {
        let call = Incoming::new(self.expect(&Method::Invite)?);
        self.pick_up(&call)
    }

    /// Sends a request in a dialog; the final answer.
    ///
    /// # Errors
    /// There is none.
    pub fn request(
        &mut self,
        dialog: &mut Dialog,
        method: Method,
        headers: &[(&str, &str)],
        direction: Option<&str>,
    ) -> Result<Response, NativeError> {
        loop {
            let response = self.request_once(dialog, method.clone(), headers, direction)?;
            if response.status != StatusCode::REQUEST_PENDING {
                return Ok(response);
            }
            // It crossed an INVITE of the box (RFC 3261 §14.1), which goes first.
            self.expect(&Method::Ack)?;
        }
    }

    /// The same, whatever the answer: 491 is one as well.
    ///
    /// # Errors
    /// There is none.
    pub fn request_once(
        &mut self,
        dialog: &mut Dialog,
        method: Method,
        headers: &[(&str, &str)],
        direction: Option<&str>,
    ) -> Result<Response, NativeError> {
        dialog.cseq += 1;
        let is_invite = method == Method::Invite;
        let mut request = self.in_dialog(dialog, method, dialog.cseq);
        request.headers.push(HeaderName::Contact, self.contact());
        for (name, value) in headers {
            request
                .headers
                .push(HeaderName::Other((*name).into()), *value);
        }
        if let Some(direction) = direction {
            let mut description = self.description();
            description.extend_from_slice(format!("a={direction}\r\n").as_bytes());
            request = request.with_body("application/sdp", description);
        }
        let response = self.ask(request)?;
        if is_invite && response.status.is_success() {
            self.acknowledge(dialog)?;
        }
        Ok(response)
    }

    /// Waits for a request of this method and answers it, unless it is INVITE or ACK.
    ///
    /// # Errors
    /// None comes.
    pub fn expect(&mut self, method: &Method) -> Result<Request, NativeError> {
        let wanted = |message: &Message| match message {
            Message::Request(request) => request.method == *method,
            Message::Response(_) => false,
        };
        let Message::Request(request) = self.take(wanted, method.as_str())? else {
            return Err(unexpected("a response"));
        };
        if !matches!(method, Method::Invite | Method::Ack) {
            let response = Response::to_request(&request, StatusCode::OK, None);
            self.send_bytes(&response.to_bytes())?;
        }
        Ok(request)
    }

    /// Sends a request outside a dialog as it is, with a Via; the final answer, 401 included.
    ///
    /// # Errors
    /// There is none.
    pub fn once(&mut self, request: &Request) -> Result<Response, NativeError> {
        if request.method == Method::Invite {
            self.send(request)?;
        } else {
            self.send_until_answered(request)?;
        }
        self.outcome(request)
    }

    /// Sends a request, and again until something comes: first after T1, then after twice as long
    /// each time, and after T2 at most (RFC 3261 §17.1.2.2, timer E).
    fn send_until_answered(&self, request: &Request) -> Result<(), NativeError> {
        let bytes = self.with_via(request).to_bytes();
        let end = Instant::now() + PATIENCE;
        let mut pause = T1;
        while Instant::now() < end {
            self.send_bytes(&bytes)?;
            self.wait_at_most(pause)?;
            if self.socket.peek_from(&mut [0]).is_ok() {
                break;
            }
            pause = (pause * 2).min(T2);
        }
        self.wait_at_most(PATIENCE)
    }

    /// The final answer to a request that was sent.
    fn outcome(&mut self, request: &Request) -> Result<Response, NativeError> {
        let response = self.response_to(request, |status| !status.is_provisional())?;
        if request.method == Method::Invite && !response.status.is_success() {
            self.acknowledge_refusal(request, &response)?;
        }
        Ok(response)
    }

    /// A response to this request, of a status that is wanted.
    fn response_to(
        &mut self,
        request: &Request,
        is_wanted: impl Fn(StatusCode) -> bool,
    ) -> Result<Response, NativeError> {
        let cseq = request.headers.cseq().map_err(|_| unexpected("no CSeq"))?;
        let call_id = request.headers.call_id().unwrap_or_default().to_owned();
        let wanted = |message: &Message| match message {
            Message::Request(_) => false,
            Message::Response(response) => {
                is_wanted(response.status)
                    && response.headers.cseq().is_ok_and(|got| got == cseq)
                    && response.headers.call_id().is_ok_and(|id| id == call_id)
            }
        };
        match self.take(wanted, "an answer")? {
            Message::Response(response) => Ok(response),
            Message::Request(_) => Err(unexpected("a request")),
        }
    }

    /// Acknowledges a refusal of an INVITE (RFC 3261 §17.1.1.3).
    fn acknowledge_refusal(
        &self,
        invite: &Request,
        response: &Response,
    ) -> Result<(), NativeError> {
        let mut ack = invite.clone();
        ack.method = Method::Ack;
        let to = response.headers.first(&HeaderName::To).unwrap_or_default();
        ack.headers.set(HeaderName::To, to);
        let cseq = invite.headers.cseq().map_err(|_| unexpected("no CSeq"))?;
        ack.headers
            .set(HeaderName::CSeq, format!("{} ACK", cseq.number));
        ack.body.clear();
        self.send(&ack)
    }

    /// Everything that comes until a message is the one waited for, or this time is over; each with
    /// when it came.
    ///
    /// # Errors
    /// Its socket fails.
    pub fn listen(
        &mut self,
        time: Duration,
        last: impl Fn(&Message) -> bool,
    ) -> Result<Vec<(Instant, Message)>, NativeError> {
        let end = Instant::now() + time;
        let mut heard = Vec::new();
        let mut buffer = [0; 65_536];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            self.wait_at_most(left)?;
            let Ok((length, _)) = self.socket.recv_from(&mut buffer) else {
                break;
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            if let Ok(message) = sip::parse_datagram(bytes) {
                let is_last = last(&message);
                heard.push((Instant::now(), message));
                if is_last {
                    break;
                }
            }
        }
        self.wait_at_most(PATIENCE)?;
        Ok(heard)
    }

    /// Answers a request that was [heard](Self::listen).
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn respond(&self, request: &Request, status: StatusCode) -> Result<(), NativeError> {
        let response =
            Response::to_request(request, status, None).with(HeaderName::Contact, self.contact());
        self.send_bytes(&response.to_bytes())
    }

    /// Takes an offer in a dialog.
    ///
    /// # Errors
    /// It cannot be sent.
    pub fn agree(&self, request: &Request) -> Result<(), NativeError> {
        let response = Response::to_request(request, StatusCode::OK, None)
            .with(HeaderName::Contact, self.contact())
            .with_body("application/sdp", self.description());
        self.send_bytes(&response.to_bytes())
    }

    /// Its Contact.
    #[must_use]
    pub fn contact(&self) -> String {
        format!("<sip:{}@{}>", self.number, self.own())
    }

    /// The credentials for a request under the challenge at hand, the `nc`th with its nonce.
    #[must_use]
    pub fn credentials(&self, challenge: &Challenge, request: &Request, nc: u32) -> String {
        let ha1 = Ha1::from_password(&self.number, &challenge.realm, self.password.reveal());
        let uri = request.uri.to_string();
        challenge.answer(&self.number, &ha1, &request.method, &uri, nc, &fresh())
    }

    /// The strongest challenge in a 401.
    #[must_use]
    pub fn challenge(response: &Response) -> Option<Challenge> {
        let read = response.headers.all(&HeaderName::WwwAuthenticate);
        read.filter_map(Challenge::parse)
            .max_by_key(|challenge| challenge.algorithm == Algorithm::Sha256)
    }

    /// A request, again with credentials when it is challenged.
    fn ask(&mut self, mut request: Request) -> Result<Response, NativeError> {
        self.authorise(&mut request);
        let response = self.once(&request)?;
        if response.status != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.meet(&response, &mut request)?;
        self.once(&request)
    }

    /// Gives a request credentials under the challenge at hand, if there is one.
    fn authorise(&mut self, request: &mut Request) {
        if let Some((challenge, used)) = self.challenge.take() {
            let nc = used + 1;
            let value = self.credentials(&challenge, request, nc);
            request.headers.set(HeaderName::Authorization, value);
            self.challenge = Some((challenge, nc));
        }
    }

    /// Makes a refused request one that meets its challenge.
    fn meet(&mut self, refusal: &Response, request: &mut Request) -> Result<(), NativeError> {
        let challenge = Self::challenge(refusal).ok_or_else(|| unexpected("no challenge"))?;
        let value = self.credentials(&challenge, request, 1);
        request.headers.set(HeaderName::Authorization, value);
        let cseq = request.headers.cseq().map_err(|_| unexpected("no CSeq"))?;
        let next = format!("{} {}", cseq.number + 1, cseq.method);
        request.headers.set(HeaderName::CSeq, next);
        self.challenge = Some((challenge, 1));
        Ok(())
    }

    fn invite(&self, called: &str, headers: &[(&str, &str)]) -> Request {
        let remote = NameAddr::new(self.uri(Some(called)));
        let local = NameAddr::new(self.uri(Some(&self.number))).with_tag(&fresh());
        let uri = self.uri(Some(called));
        let mut request = Request::new(Method::Invite, uri, &local, &remote, &fresh(), 1);
        request.headers.push(HeaderName::Contact, self.contact());
        for (name, value) in headers {
            request
                .headers
                .push(HeaderName::Other((*name).into()), *value);
        }
        request.with_body("application/sdp", self.description())
    }

    fn in_dialog(&self, dialog: &Dialog, method: Method, cseq: u32) -> Request {
        let (local, remote) = (&dialog.local, &dialog.remote);
        let uri = dialog.target.clone();
        Request::new(method, uri, local, remote, &dialog.call_id, cseq)
    }

    fn take(
        &mut self,
        wanted: impl Fn(&Message) -> bool,
        what: &str,
    ) -> Result<Message, NativeError> {
        if let Some(at) = self.kept.iter().position(&wanted) {
            return Ok(self.kept.remove(at));
        }
        let mut buffer = [0; 65_536];
        loop {
            let (length, _) = self.socket.recv_from(&mut buffer).map_err(|error| {
                let number = &self.number;
                unexpected(&format!("nothing: {number} waits for {what}: {error}"))
            })?;
            let bytes = buffer.get(..length).unwrap_or_default();
            let Ok(message) = sip::parse_datagram(bytes) else {
                continue;
            };
            if wanted(&message) {
                return Ok(message);
            }
            match message {
                Message::Request(request) if is_refresh(&request) => self.agree(&request)?,
                other => self.kept.push(other),
            }
        }
    }

    fn send(&self, request: &Request) -> Result<(), NativeError> {
        self.send_bytes(&self.with_via(request).to_bytes())
    }

    fn with_via(&self, request: &Request) -> Request {
        let mut request = request.clone();
        let via = format!("SIP/2.0/UDP {};branch=z9hG4bK{};rport", self.own(), fresh());
        request.headers.push_first(HeaderName::Via, via);
        request
    }

    fn send_bytes(&self, bytes: &[u8]) -> Result<(), NativeError> {
        let sent = self.socket.send_to(bytes, self.server);
        sent.map(drop).map_err(NativeError::io("send", "SIP"))
    }

    fn own(&self) -> String {
        let own = self.socket.local_addr();
        own.map_or_else(|_| String::new(), |address| address.to_string())
    }

    fn uri(&self, user: Option<&str>) -> Uri {
        Uri::sip(user, sip::Host::from_ip(self.server.ip()), None)
    }

    fn description(&self) -> Vec<u8> {
        let media = self.media.local_addr();
        let (version, address, port) = media.map_or_else(
            |_| (4, String::new(), 0),
            |media| {
                let version = if media.is_ipv4() { 4 } else { 6 };
                (version, media.ip().to_string(), media.port())
            },
        );
        let at = format!("IN IP{version} {address}");
        format!(
            "v=0\r\no=- 1 1 {at}\r\ns=-\r\nc={at}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n\
             a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
        )
        .into_bytes()
    }
}

/// Whether the box asks in a dialog whether it still stands (RFC 4028 §9).
fn is_refresh(request: &Request) -> bool {
    request.method == Method::Invite && request.headers.to().is_ok_and(|to| to.tag().is_some())
}

fn unexpected(what: &str) -> NativeError {
    NativeError::Load(format!("a telephone got {what}"))
}

/// A token nobody else has.
fn fresh() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let count = LAST.fetch_add(1, Ordering::Relaxed);
    format!("{:x}-{count:x}", std::process::id())
}
