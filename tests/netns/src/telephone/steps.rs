//! A call one step at a time, for what happens between its beginning and its answer.

use std::net::SocketAddr;
use std::time::Duration;

use native::NativeError;
use sip::{HeaderName, Message, Method, NameAddr, Request, Response, StatusCode};

use super::{Dialog, Telephone, fresh, unexpected};

/// A call that was made and is not answered yet.
#[derive(Debug)]
pub struct Outgoing(Request);

/// A call that rings.
#[derive(Debug)]
pub struct Incoming {
    /// As it came.
    pub invite: Request,
    tag: String,
}

/// How many packets are sent until one should have been heard.
const PACKETS: u8 = 100;
/// Time between two of them.
const PACKET_TIME: Duration = Duration::from_millis(20);
/// A-law without a signal.
const SILENCE: u8 = 0xd5;
/// Four samples up, four down: 1 kHz as loud as it can be, in A-law.
const LOUD: [u8; 8] = [0xaa, 0xaa, 0xaa, 0xaa, 0x2a, 0x2a, 0x2a, 0x2a];

impl Incoming {
    pub(super) fn new(invite: Request) -> Self {
        Self {
            invite,
            tag: fresh(),
        }
    }
}

impl Telephone {
    /// Calls a number; back when the box has begun to do something about it.
    ///
    /// # Errors
    /// It does nothing.
    pub fn dial(&mut self, called: &str) -> Result<Outgoing, NativeError> {
        self.dial_with(called, &[])
    }

    /// The same, with further headers.
    ///
    /// # Errors
    /// The box does not answer.
    pub fn dial_with(
        &mut self,
        called: &str,
        headers: &[(&str, &str)],
    ) -> Result<Outgoing, NativeError> {
        let mut request = self.invite(called, headers);
        self.authorise(&mut request);
        self.send(&request)?;
        let mut first = self.response_to(&request, |_| true)?;
        if first.status == StatusCode::UNAUTHORIZED {
            self.acknowledge_refusal(&request, &first)?;
            self.meet(&first, &mut request)?;
            self.send(&request)?;
            first = self.response_to(&request, |_| true)?;
        }
        self.kept.push(Message::Response(first));
        Ok(Outgoing(request))
    }

    /// Waits until a call is answered.
    ///
    /// # Errors
    /// It is refused, or nobody answers.
    pub fn answered(&mut self, call: &Outgoing) -> Result<Dialog, NativeError> {
        let response = self.outcome(&call.0)?;
        let dialog = Dialog::of_caller(&call.0, &response)?;
        self.acknowledge(&dialog)?;
        Ok(dialog)
    }

    /// Waits until a call is refused, and says how.
    ///
    /// # Errors
    /// It is answered, or nothing happens.
    pub fn refused(&mut self, call: &Outgoing) -> Result<StatusCode, NativeError> {
        let response = self.outcome(&call.0)?;
        match response.status.is_success() {
            true => Err(unexpected("an answer in place of a refusal")),
            false => Ok(response.status),
        }
    }

    /// Dials a code that does something and is hung up by the box when it is done.
    ///
    /// # Errors
    /// The box refuses, or does not hang up.
    pub fn dial_code(&mut self, code: &str) -> Result<(), NativeError> {
        let call = self.dial(code)?;
        self.answered(&call)?;
        self.expect(&Method::Bye).map(drop)
    }

    /// Waits for a call and rings.
    ///
    /// # Errors
    /// None comes.
    pub fn ring(&mut self) -> Result<Incoming, NativeError> {
        let call = Incoming::new(self.expect(&Method::Invite)?);
        self.reply(&call, StatusCode::RINGING)?;
        Ok(call)
    }

    /// Answers a call that rings; back when that was acknowledged.
    ///
    /// # Errors
    /// It was not.
    pub fn pick_up(&mut self, call: &Incoming) -> Result<Dialog, NativeError> {
        let response = Response::to_request(&call.invite, StatusCode::OK, Some(&call.tag))
            .with(HeaderName::Contact, self.contact())
            .with_body("application/sdp", self.description());
        self.send_bytes(&response.to_bytes())?;
        self.expect(&Method::Ack)?;
        Dialog::of_callee(&call.invite, &call.tag)
    }

    /// Refuses a call that rings.
    ///
    /// # Errors
    /// That was not acknowledged.
    pub fn decline(&mut self, call: &Incoming, status: StatusCode) -> Result<(), NativeError> {
        self.reply(call, status)?;
        self.expect(&Method::Ack).map(drop)
    }

    /// Waits until a call that rings is taken back.
    ///
    /// # Errors
    /// It is not.
    pub fn stop_ringing(&mut self, call: &Incoming) -> Result<(), NativeError> {
        self.expect(&Method::Cancel)?;
        self.decline(call, StatusCode::REQUEST_TERMINATED)
    }

    /// Ends a call.
    ///
    /// # Errors
    /// The box does not take it.
    pub fn hang_up(&mut self, dialog: &mut Dialog) -> Result<(), NativeError> {
        let ended = self.request(dialog, Method::Bye, &[], None)?;
        match ended.status.is_success() {
            true => Ok(()),
            false => Err(unexpected(&format!("{} to a BYE", ended.status))),
        }
    }

    /// Subscribes to the lamp of an extension (RFC 4235).
    ///
    /// # Errors
    /// The box refuses.
    pub fn watch(&mut self, number: &str) -> Result<(), NativeError> {
        let uri = self.uri(Some(number));
        let own = NameAddr::new(self.uri(Some(&self.number))).with_tag(&fresh());
        let watched = NameAddr::new(uri.clone());
        let mut request = Request::new(Method::Subscribe, uri, &own, &watched, &fresh(), 1);
        for (name, value) in [
            (HeaderName::Contact, &*self.contact()),
            (HeaderName::Event, "dialog"),
            (HeaderName::Accept, "application/dialog-info+xml"),
            (HeaderName::Expires, "600"),
        ] {
            request.headers.push(name, value);
        }
        let response = self.ask(request)?;
        match response.status.is_success() {
            true => Ok(()),
            false => Err(unexpected(&format!("{} to a SUBSCRIBE", response.status))),
        }
    }

    /// Speaks loudly into a call until somebody else has heard it; whether he has.
    ///
    /// # Errors
    /// A socket fails.
    pub fn is_heard_by(&self, dialog: &Dialog, other: &Self) -> Result<bool, NativeError> {
        self.speak(dialog.media, &LOUD.repeat(20), other, is_loud)
    }

    /// Whether something else than silence comes to who says nothing.
    ///
    /// # Errors
    /// A socket fails.
    pub fn hears_something(&self, dialog: &Dialog) -> Result<bool, NativeError> {
        let is_signal = |sound: &[u8]| sound.iter().any(|sample| *sample & 0x70 != SILENCE & 0x70);
        self.speak(dialog.media, &[SILENCE; 160], self, is_signal)
    }

    /// Sends packets of this sound until another hears what is looked for.
    fn speak(
        &self,
        to: SocketAddr,
        sound: &[u8],
        other: &Self,
        is_it: impl Fn(&[u8]) -> bool,
    ) -> Result<bool, NativeError> {
        let broken = || NativeError::io("use", "a telephone's media");
        let set = other.media.set_read_timeout(Some(PACKET_TIME));
        set.map_err(broken())?;
        let mut packet = vec![0x80, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.extend_from_slice(sound);
        let mut heard = [0; 512];
        for count in 0..PACKETS {
            let time = u32::from(count) * 160;
            packet.splice(3..8, [&[count][..], &time.to_be_bytes()].concat());
            self.media.send_to(&packet, to).map_err(broken())?;
            while let Ok(length) = other.media.recv(&mut heard) {
                let sound = heard.get(12..length).unwrap_or_default();
                if sound.len() == 160 && is_it(sound) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn reply(&self, call: &Incoming, status: StatusCode) -> Result<(), NativeError> {
        let response = Response::to_request(&call.invite, status, Some(&call.tag))
            .with(HeaderName::Contact, self.contact());
        self.send_bytes(&response.to_bytes())
    }
}

/// Whether most of it is as loud as it can be.
fn is_loud(sound: &[u8]) -> bool {
    // ITU-T G.711: every second bit is turned over; three bits are the exponent.
    let loud = sound
        .iter()
        .filter(|sample| (*sample ^ 0x55) & 0x60 == 0x60);
    loud.count() > sound.len() / 2
}
