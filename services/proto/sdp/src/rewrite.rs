//! A description of one leg, turned into ours for the other leg.
//!
//! Media keep their order and count in both directions, so that an answer always fits its offer
//! (RFC 3264 §6); what we do not relay is refused with port 0. Only attributes on a short list
//! pass, because everything else that phones write (ICE candidates, `a=rtcp`, keys, stream
//! labels) speaks about addresses or transports that end with us. A list of what to drop was
//! rejected: the next extension would leak.

use std::net::{IpAddr, SocketAddr};

use crate::media::{Direction, Media};
use crate::session::{Line, Session};

/// Where our relay listens for one leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Our address on the route to that peer.
    pub address: IpAddr,
    /// The relay's RTP port for that peer.
    pub port: u16,
}

/// Why a description cannot be used between two legs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RewriteError {
    /// Nothing in it that we relay.
    #[error("the description offers no audio over plain RTP (RTP/AVP)")]
    NoAudio,
    /// Its address is a name, a group or missing.
    #[error("the audio has no unicast IP address")]
    NoAddress,
}

/// What a description says of its writer's side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Side {
    /// Where RTP goes to; `None` while held by a null address, or refused.
    pub remote: Option<SocketAddr>,
    /// Payload type of telephone-event.
    pub telephone_event: Option<u8>,
    /// The way media flows.
    pub direction: Direction,
}

/// Rewrites an offer so that it offers our relay at `place`.
///
/// # Errors
/// [`RewriteError`] when no audio in it can be relayed: answer 488.
pub fn rewrite_offer(offer: &Session, place: Place) -> Result<(Session, Side), RewriteError> {
    let (chosen, audio) = offer.audio().ok_or(RewriteError::NoAudio)?;
    let side = side_of(offer, audio)?;
    let media = offer.media.iter().enumerate();
    let media = media
        .map(|(index, media)| match index == chosen {
            true => relayed(media, side.direction, place.port),
            false => media.refused(),
        })
        .collect();
    Ok((
        Session {
            lines: session_lines(offer, place.address),
            media,
        },
        side,
    ))
}

/// Rewrites the answer to `offer` so that it answers with our relay at `place`. Media the answer
/// lacks are refused, media it adds are dropped. `Side::remote` is `None` when the audio was
/// refused.
///
/// # Errors
/// [`RewriteError`] when the accepted audio cannot be relayed.
pub fn rewrite_answer(
    offer: &Session,
    answer: &Session,
    place: Place,
) -> Result<(Session, Side), RewriteError> {
    let (chosen, _) = offer.audio().ok_or(RewriteError::NoAudio)?;
    let answered = answer.media.get(chosen).ok_or(RewriteError::NoAudio)?;
    let side = if answered.port == 0 {
        Side {
            remote: None,
            telephone_event: None,
            direction: Direction::Inactive,
        }
    } else if answered.is_relayable() {
        side_of(answer, answered)?
    } else {
        return Err(RewriteError::NoAudio);
    };
    let media = offer.media.iter().enumerate();
    let media = media
        .map(
            |(index, offered)| match index == chosen && answered.port != 0 {
                true => relayed(answered, side.direction, place.port),
                false => offered.refused(),
            },
        )
        .collect();
    Ok((
        Session {
            lines: session_lines(answer, place.address),
            media,
        },
        side,
    ))
}

/// What `session` says of its writer's audio.
///
/// # Errors
/// [`RewriteError::NoAddress`] when media could not be sent there.
fn side_of(session: &Session, audio: &Media) -> Result<Side, RewriteError> {
    let address = session.address_of(audio).ok_or(RewriteError::NoAddress)?;
    let session_direction = || Direction::among(&session.lines);
    let direction = audio.direction().or_else(session_direction);
    let direction = direction.unwrap_or(Direction::SendReceive);
    let held = address.is_unspecified();
    Ok(Side {
        remote: (!held).then(|| SocketAddr::new(address, audio.port)),
        telephone_event: audio.telephone_event().map(|event| event.payload_type),
        direction: if held { direction.held() } else { direction },
    })
}

fn session_lines(from: &Session, address: IpAddr) -> Vec<Line> {
    let kind = if address.is_ipv4() { "IP4" } else { "IP6" };
    let bandwidth = from.lines.iter().filter(|line| line.kind == 'b').cloned();
    let mut lines = vec![Line::new('c', format!("IN {kind} {address}"))];
    lines.extend(bandwidth);
    lines.push(Line::new('t', "0 0"));
    lines
}

fn relayed(media: &Media, direction: Direction, port: u16) -> Media {
    let passes = |line: &&Line| match line.attribute() {
        Some((name, _)) => ATTRIBUTES_PASSED.contains(&name),
        None => line.kind == 'b',
    };
    let mut lines: Vec<Line> = media.lines.iter().filter(passes).cloned().collect();
    lines.push(Line::new('a', direction.as_str()));
    Media {
        port,
        lines,
        ..media.clone()
    }
}

/// Attributes that speak of codecs only.
const ATTRIBUTES_PASSED: [&str; 5] = ["rtpmap", "fmtp", "ptime", "maxptime", "silenceSupp"];

#[cfg(test)]
mod tests;
