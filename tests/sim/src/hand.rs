//! A client worked by hand: sends any text, and shows what comes back.

use std::net::SocketAddr;

use pbx::{Input, StreamId};
use sip::digest::{Challenge, Ha1};
use sip::{HeaderName, Message, Method, Response};

use crate::World;

/// A correspondent at an address where no simulated phone is.
#[derive(Debug)]
pub struct Hand {
    address: SocketAddr,
    counter: u32,
}

/// One request to be written by hand.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Method.
    pub method: &'a str,
    /// Request-URI.
    pub uri: &'a str,
    /// Extension in From and To.
    pub number: &'a str,
    /// More header lines, each with its line end.
    pub more: &'a str,
    /// Body.
    pub body: &'a str,
}

impl<'a> Ask<'a> {
    /// An INVITE from 100 to 101.
    #[must_use]
    pub const fn invite(more: &'a str, body: &'a str) -> Self {
        Self {
            method: "INVITE",
            uri: "sip:101@10.0.0.1",
            number: "100",
            more,
            body,
        }
    }

    /// A REGISTER of 100.
    #[must_use]
    pub const fn register(more: &'a str) -> Self {
        Self {
            method: "REGISTER",
            uri: "sip:10.0.0.1",
            number: "100",
            more,
            body: "",
        }
    }
}

impl Hand {
    /// A correspondent at this address.
    #[must_use]
    pub const fn new(address: SocketAddr) -> Self {
        Self {
            address,
            counter: 0,
        }
    }

    /// Sends bytes as they are; gives the responses.
    pub fn send(&mut self, world: &mut World, bytes: &[u8]) -> Vec<Response> {
        world.elsewhere.clear();
        world.send_to_box(self.address, bytes);
        let sent = std::mem::take(&mut world.elsewhere);
        let ours = sent
            .iter()
            .filter(|datagram| datagram.destination == self.address);
        ours.filter_map(|datagram| match sip::parse_datagram(&datagram.bytes) {
            Ok(Message::Response(response)) => Some(response),
            Ok(Message::Request(_)) | Err(_) => None,
        })
        .collect()
    }

    /// The text of a request of its own transaction and dialog.
    pub fn text(&mut self, ask: &Ask<'_>, authorization: &str) -> String {
        self.counter = self.counter.saturating_add(1);
        let Self { address, counter } = self;
        let Ask {
            method,
            uri,
            number,
            more,
            body,
        } = ask;
        format!(
            "{method} {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {address};branch=z9hG4bK-{counter};rport\r\n\
             From: <sip:{number}@10.0.0.1>;tag=hand\r\nTo: <sip:{number}@10.0.0.1>\r\n\
             Call-ID: by-hand\r\nCSeq: {counter} {method}\r\n{authorization}{more}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Sends a request over a connection that is open; gives the last response.
    pub fn send_by(&mut self, world: &mut World, stream: StreamId, text: &str) -> Option<Response> {
        world.streams.clear();
        let bytes = text.replace("SIP/2.0/UDP", "SIP/2.0/TCP").into_bytes();
        world.input(Input::StreamBytes { stream, bytes });
        let (_, sent) = std::mem::take(&mut world.streams).pop()?;
        match sip::parse_datagram(&sent?) {
            Ok(Message::Response(response)) => Some(response),
            Ok(Message::Request(_)) | Err(_) => None,
        }
    }

    /// An Authorization field that answers a challenge.
    #[must_use]
    pub fn answer(ask: &Ask<'_>, challenged: &Response, password: &str) -> Option<String> {
        let value = challenged.headers.first(&HeaderName::WwwAuthenticate)?;
        let challenge = Challenge::parse(value)?;
        let ha1 = Ha1::from_password(ask.number, &challenge.realm, password);
        let method = Method::parse(ask.method.as_bytes())?;
        let answer = challenge.answer(ask.number, &ha1, &method, ask.uri, 1, "hand");
        Some(format!("Authorization: {answer}\r\n"))
    }

    /// Asks without credentials; gives the final response.
    pub fn ask(&mut self, world: &mut World, ask: &Ask<'_>) -> Option<Response> {
        let text = self.text(ask, "");
        self.send(world, text.as_bytes()).pop()
    }

    /// Asks, and again with credentials for the challenge; gives the last response.
    pub fn ask_as(&mut self, world: &mut World, ask: &Ask<'_>, password: &str) -> Option<Response> {
        let challenged = self.ask(world, ask)?;
        let answer = Self::answer(ask, &challenged, password)?;
        let text = self.text(ask, &answer);
        self.send(world, text.as_bytes()).pop()
    }
}
