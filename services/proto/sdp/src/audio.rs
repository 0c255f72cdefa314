//! One sound medium, typed: what a peer says of its side, and how we write ours.

use std::net::{IpAddr, SocketAddr};

use ipc::sound::Codec;

use crate::codec::{self, EVENT_NAME};
use crate::crypto::CryptoLine;
use crate::media::{Direction, Media, TelephoneEvent};
use crate::session::{Line, Session};

/// Most formats of one medium that are read; a phone has about ten.
pub const FORMATS_MAX: usize = 64;

/// What a description says of one sound medium that RTP could carry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audio {
    /// Its position among the media.
    pub index: usize,
    /// Where RTP goes to; `None` while held by a null address.
    pub remote: Option<SocketAddr>,
    /// Where RTCP goes to, when said (RFC 3605).
    pub rtcp: Option<SocketAddr>,
    /// RTP and RTCP may share a port (RFC 5761).
    pub rtcp_mux: bool,
    /// Codecs in its order, comfort noise among them.
    pub codecs: Vec<Codec>,
    /// DTMF as events.
    pub events: Vec<TelephoneEvent>,
    /// The way media flows, seen from its writer. A null address counts as hold.
    pub direction: Direction,
    /// Packet time wanted, milliseconds.
    pub packet_time: Option<u8>,
    /// `RTP/SAVP` or `RTP/SAVPF`: it must be encrypted.
    pub secure: bool,
    /// Keys we could use, in its order.
    pub crypto: Vec<CryptoLine>,
}

/// Why a description has no sound for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AudioFault {
    /// Nothing in it is sound over RTP that is not refused.
    #[error("the description has no audio over RTP")]
    NoAudio,
    /// Its address is a name, a group, missing, or of the other IP version.
    #[error("the audio has no unicast address of the IP version that its signalling has")]
    NoAddress,
    /// No codec in common.
    #[error("the audio has no codec that can be used")]
    NoCodec,
    /// Encryption is required of the peer and it offers none we know.
    #[error("the audio is not encrypted (SRTP by a=crypto), and must be")]
    NotEncrypted,
}

/// Every sound medium over RTP that is not refused and has an address of `family`'s version.
///
/// # Errors
/// [`AudioFault`] when there is none: answer 488.
pub fn read_audio(session: &Session, family: IpAddr) -> Result<Vec<Audio>, AudioFault> {
    let mut fault = AudioFault::NoAudio;
    let mut found = Vec::new();
    for (index, media) in session.media.iter().enumerate() {
        let Some(secure) = sound_over_rtp(media) else {
            continue;
        };
        match session.address_of(media) {
            Some(address) if address.is_ipv4() == family.is_ipv4() => {
                found.push(read_one(session, media, (index, address, secure)));
            }
            Some(_) | None => fault = AudioFault::NoAddress,
        }
    }
    if found.is_empty() {
        Err(fault)
    } else {
        Ok(found)
    }
}

/// Whether it is encrypted; `None` when it is not sound over RTP. Keys by DTLS are not for us.
fn sound_over_rtp(media: &Media) -> Option<bool> {
    const PROTOCOLS: [(&str, bool); 4] = [
        ("RTP/AVP", false),
        ("RTP/SAVP", true),
        ("RTP/AVPF", false),
        ("RTP/SAVPF", true),
    ];
    if media.port == 0 || !media.kind.eq_ignore_ascii_case("audio") {
        return None;
    }
    let known = |(name, _): &&(&str, bool)| media.protocol.eq_ignore_ascii_case(name);
    PROTOCOLS.iter().find(known).map(|(_, secure)| *secure)
}

fn read_one(session: &Session, media: &Media, place: (usize, IpAddr, bool)) -> Audio {
    let (index, address, secure) = place;
    let held = address.is_unspecified();
    let direction = media.direction();
    let direction = direction.or_else(|| Direction::among(&session.lines));
    let direction = direction.unwrap_or(Direction::SendReceive);
    let mut audio = Audio {
        index,
        remote: (!held).then(|| SocketAddr::new(address, media.port)),
        rtcp: None,
        rtcp_mux: false,
        codecs: Vec::new(),
        events: Vec::new(),
        direction: if held { direction.held() } else { direction },
        packet_time: None,
        secure,
        crypto: Vec::new(),
    };
    for (name, value) in media.lines.iter().filter_map(Line::attribute) {
        match (name, value) {
            ("rtcp-mux", _) => audio.rtcp_mux = true,
            ("rtcp", Some(value)) => audio.rtcp = rtcp(value, address).filter(|_| !held),
            ("ptime", Some(value)) => audio.packet_time = packet_time(value),
            ("crypto", Some(value)) => audio.crypto.extend(CryptoLine::parse(value)),
            _ => {}
        }
    }
    for format in media.formats.iter().take(FORMATS_MAX) {
        let Some(codec) = codec::read(media, format) else {
            continue;
        };
        if codec.name == EVENT_NAME {
            audio.events.push(TelephoneEvent {
                payload_type: codec.payload_type,
                clock: codec.clock,
            });
        } else {
            audio.codecs.push(codec);
        }
    }
    audio
}

/// `4001` or `4001 IN IP4 192.0.2.1` (RFC 3605 §2.1).
fn rtcp(value: &str, address: IpAddr) -> Option<SocketAddr> {
    let mut words = value.split_ascii_whitespace();
    let port = words.next()?.parse().ok()?;
    match words.nth(2) {
        Some(own) => {
            let own: IpAddr = own.parse().ok()?;
            let usable =
                own.is_ipv4() == address.is_ipv4() && !own.is_multicast() && !own.is_unspecified();
            usable.then_some(SocketAddr::new(own, port))
        }
        None => Some(SocketAddr::new(address, port)),
    }
}

/// Phones write `20`, `20.0` and nonsense.
fn packet_time(value: &str) -> Option<u8> {
    let whole = value.split('.').next()?;
    whole.parse().ok().filter(|millis| *millis > 0)
}

/// Our side of one sound medium.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ours {
    /// Our RTP port.
    pub port: u16,
    /// `RTP/AVP`... as it goes on the wire.
    pub protocol: String,
    /// Codecs, best first.
    pub codecs: Vec<Codec>,
    /// DTMF as events.
    pub events: Vec<TelephoneEvent>,
    /// The way media flows, seen from us.
    pub direction: Direction,
    /// RTP and RTCP share the port.
    pub rtcp_mux: bool,
    /// Keys for what we send.
    pub crypto: Vec<CryptoLine>,
}

/// Packet time we ask for, milliseconds: what every phone does by itself.
const PACKET_TIME: &str = "ptime:20";
/// Events we take: digits, flash (RFC 4733 §2.4.1).
const EVENTS: &str = "0-16";

impl Ours {
    fn media(&self) -> Media {
        let mut formats = Vec::with_capacity(self.codecs.len() + self.events.len());
        let mut lines = Vec::with_capacity(2 * self.codecs.len() + 2 * self.events.len() + 4);
        for codec in &self.codecs {
            formats.push(codec.payload_type.to_string());
            lines.push(Line::new('a', codec::rtpmap(codec)));
            if !codec.parameters.is_empty() {
                let (number, parameters) = (codec.payload_type, &codec.parameters);
                lines.push(Line::new('a', format!("fmtp:{number} {parameters}")));
            }
        }
        for TelephoneEvent {
            payload_type,
            clock,
        } in &self.events
        {
            formats.push(payload_type.to_string());
            let map = format!("rtpmap:{payload_type} {}/{clock}", "telephone-event");
            lines.push(Line::new('a', map));
            lines.push(Line::new('a', format!("fmtp:{payload_type} {EVENTS}")));
        }
        lines.push(Line::new('a', PACKET_TIME));
        if self.rtcp_mux {
            lines.push(Line::new('a', "rtcp-mux"));
        }
        for crypto in &self.crypto {
            lines.push(Line::new('a', format!("crypto:{crypto}")));
        }
        lines.push(Line::new('a', self.direction.as_str()));
        Media {
            kind: "audio".to_owned(),
            port: self.port,
            protocol: self.protocol.clone(),
            formats,
            lines,
        }
    }

    /// The description with our audio at its place. Every medium of `beside`, the description that
    /// it answers or the one of ours that it follows, keeps its line and is refused
    /// (RFC 3264 §6 and §8.2).
    #[must_use]
    pub fn describe(&self, address: IpAddr, beside: Option<(&Session, usize)>) -> Session {
        let kind = if address.is_ipv4() { "IP4" } else { "IP6" };
        let media = match beside {
            None => vec![self.media()],
            Some((session, chosen)) => {
                let media = session.media.iter().enumerate();
                media
                    .map(|(index, other)| match index == chosen {
                        true => self.media(),
                        false => other.refused(),
                    })
                    .collect()
            }
        };
        Session {
            lines: vec![
                Line::new('c', format!("IN {kind} {address}")),
                Line::new('t', "0 0"),
            ],
            media,
        }
    }
}

#[cfg(test)]
mod tests;
