//! Protecting what we send.

use std::fmt;

use super::cipher::Cipher;
use super::derivation::Purpose;
use super::index::Index;
use super::{ENCRYPTED, Master, Position, Refused, STREAMS_MAX, Suite, rtcp_associated, rtcp_ssrc};
use crate::packet::{Header, check_rtcp};

/// Protects the packets of one direction. `Debug` shows no key.
pub struct Sender {
    suite: Suite,
    rtp: Cipher,
    rtcp: Cipher,
    streams: Vec<Stream>,
}

struct Stream {
    ssrc: u32,
    /// The highest RTP index; `None` before the first packet.
    rtp: Option<Index>,
    /// The latest RTCP index; the first is 1, so that 0 means none.
    rtcp: u32,
}

impl Sender {
    /// A sender that has sent nothing.
    #[must_use]
    pub fn new(master: &Master) -> Self {
        Self {
            suite: master.suite(),
            rtp: Cipher::new(master, Purpose::Rtp),
            rtcp: Cipher::new(master, Purpose::Rtcp),
            streams: Vec::new(),
        }
    }

    /// Goes on after what an earlier process sent; see [`Position::ahead`].
    pub fn resume(&mut self, position: Position) {
        if let Ok(stream) = self.stream(position.ssrc) {
            stream.rtp = Some(position.rtp_index());
            stream.rtcp = position.rtcp;
        }
    }

    /// How far each stream has come.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.streams.iter().map(|stream| {
            let index = stream.rtp.unwrap_or(Index(0));
            Position {
                ssrc: stream.ssrc,
                rollovers: index.rollovers(),
                sequence: index.sequence(),
                rtcp: stream.rtcp,
            }
        })
    }

    /// Encrypts an RTP packet in place and appends its tag (RFC 3711 §3.3).
    ///
    /// No sequence number may carry two different packets under one key; a repeated packet must
    /// be the same in every octet. Grows `packet` by [`Suite::overhead`] at most.
    ///
    /// # Errors
    /// [`Refused`]; the packet is then as it was, and must not be sent.
    pub fn protect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let header = Header::parse(packet).map_err(|_| Refused::Malformed)?;
        let (ssrc, sequence, payload_at) = (header.ssrc, header.sequence, header.length);
        let tag_length = self.suite.rtp_tag();
        let stream = self.stream(ssrc)?;
        let first = Index(u64::from(sequence));
        let index = stream.rtp.map_or(first, |last| last.nearest(sequence));
        if index.0 >= RTP_INDICES {
            return Err(Refused::KeyUsedUp);
        }
        stream.rtp = stream.rtp.max(Some(index));
        let (header, payload) = packet
            .split_at_mut_checked(payload_at)
            .ok_or(Refused::Malformed)?;
        match &self.rtp {
            Cipher::Counter(counter) => {
                counter.apply(ssrc, index, payload);
                let tag = counter.tag(packet, &index.rollovers().to_be_bytes());
                packet.extend(tag.iter().take(tag_length));
            }
            Cipher::Gcm(gcm) => {
                let tag = gcm.seal(ssrc, index, header, payload)?;
                packet.extend_from_slice(tag.as_ref());
            }
        }
        Ok(())
    }

    /// Encrypts an RTCP packet in place and appends its index and tag (RFC 3711 §3.4).
    ///
    /// # Errors
    /// [`Refused`]; the packet is then as it was, and must not be sent.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        check_rtcp(packet).map_err(|_| Refused::Malformed)?;
        let ssrc = rtcp_ssrc(packet)?;
        let tag_length = self.suite.rtcp_tag();
        let stream = self.stream(ssrc)?;
        let next = stream.rtcp.saturating_add(1);
        if next >= RTCP_INDICES {
            return Err(Refused::KeyUsedUp);
        }
        stream.rtcp = next;
        let index = Index(u64::from(next));
        let trailer = (next | ENCRYPTED).to_be_bytes();
        let (header, payload) = packet.split_at_mut_checked(8).ok_or(Refused::Malformed)?;
        match &self.rtcp {
            Cipher::Counter(counter) => {
                counter.apply(ssrc, index, payload);
                packet.extend_from_slice(&trailer);
                let tag = counter.tag(packet, &[]);
                packet.extend(tag.iter().take(tag_length));
            }
            Cipher::Gcm(gcm) => {
                let tag = gcm.seal(ssrc, index, &rtcp_associated(header, trailer), payload)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&trailer);
            }
        }
        Ok(())
    }

    /// The state of a stream. It is never given up for another's: that would use the key stream of
    /// its packets a second time.
    fn stream(&mut self, ssrc: u32) -> Result<&mut Stream, Refused> {
        let known = self.streams.iter().position(|stream| stream.ssrc == ssrc);
        let at = known.unwrap_or(self.streams.len());
        if known.is_none() && at < STREAMS_MAX {
            let (rtp, rtcp) = (None, 0);
            self.streams.push(Stream { ssrc, rtp, rtcp });
        }
        self.streams.get_mut(at).ok_or(Refused::KeyUsedUp)
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({}, ..)", self.suite)
    }
}

/// RTP packets one key protects (RFC 3711 §9.2).
const RTP_INDICES: u64 = 1 << 48;
/// RTCP packets one key protects (RFC 3711 §9.2).
const RTCP_INDICES: u32 = 1 << 31;
