//! Checking and decrypting what the peer sends.

use std::fmt;

use super::cipher::Cipher;
use super::derivation::Purpose;
use super::index::{Index, Window};
use super::{ENCRYPTED, Master, Position, Refused, STREAMS_MAX, Suite, rtcp_associated, rtcp_ssrc};
use crate::packet::{Header, check_rtcp};

/// Checks and decrypts the packets of one direction. `Debug` shows no key.
pub struct Receiver {
    suite: Suite,
    first: Key,
    /// More keys, told apart by the MKI.
    others: Vec<Key>,
    /// Octets of MKI in every packet.
    mki_length: usize,
    /// The highest rollover counter a stream seen for the first time may have.
    rollovers_max: u32,
    /// Latest used first.
    streams: Vec<Stream>,
}

struct Key {
    mki: u64,
    rtp: Cipher,
    rtcp: Cipher,
}

struct Stream {
    ssrc: u32,
    rtp: Option<Window>,
    rtcp: Option<Window>,
}

impl Receiver {
    /// A receiver that has received nothing. `mki_length` is the octets of MKI the peer said it
    /// puts into its packets (RFC 4568 §6.1), usually 0; what they say is not looked at while there
    /// is one key.
    #[must_use]
    pub fn new(master: &Master, mki_length: usize) -> Self {
        Self {
            suite: master.suite(),
            first: Key::new(0, master),
            others: Vec::new(),
            mki_length,
            rollovers_max: ROLLOVERS_FRESH,
            streams: Vec::new(),
        }
    }

    /// A receiver of packets whose MKI, of `mki_length` octets, says which of several keys they are
    /// protected with; all for one suite. `None` without a key. The streams and their indices are
    /// the same under each of them (RFC 3711 §3.2.1).
    #[must_use]
    pub fn with_keys(masters: &[(u64, Master)], mki_length: usize) -> Option<Self> {
        let ((mki, first), others) = masters.split_first()?;
        Some(Self {
            first: Key::new(*mki, first),
            others: others.iter().map(|(mki, it)| Key::new(*mki, it)).collect(),
            ..Self::new(first, mki_length)
        })
    }

    /// The receiver for a peer that has been sending for an unknown while: a process before us died
    /// without telling how far it came. The first packet of each stream is tried at each rollover
    /// counter of the last day.
    #[must_use]
    pub fn joining(self) -> Self {
        Self {
            rollovers_max: ROLLOVERS_JOINING,
            ..self
        }
    }

    /// The receiver that takes the place of `former`, which shares a key with it: what was received
    /// stays received, and no rollover counter is lost.
    #[must_use]
    pub fn after(mut self, former: &Self) -> Self {
        self.rollovers_max = former.rollovers_max;
        for stream in former.streams.iter().rev() {
            self.remember(Stream { ..*stream });
        }
        self
    }

    /// Goes on after what an earlier process received.
    pub fn resume(&mut self, position: Position) {
        self.remember(Stream {
            ssrc: position.ssrc,
            rtp: Some(Window::resumed(position.rtp_index())),
            rtcp: Some(Window::resumed(Index(u64::from(position.rtcp)))),
        });
    }

    /// How far each stream has come.
    pub fn positions(&self) -> impl Iterator<Item = Position> {
        self.streams.iter().map(|stream| {
            let highest = |window: Option<Window>| window.map_or(Index(0), |it| it.highest());
            let index = highest(stream.rtp);
            Position {
                ssrc: stream.ssrc,
                rollovers: index.rollovers(),
                sequence: index.sequence(),
                rtcp: u32::try_from(highest(stream.rtcp).0).unwrap_or(0),
            }
        })
    }

    /// Checks and decrypts an RTP packet in place (RFC 3711 §3.3).
    ///
    /// # Errors
    /// [`Refused`]; the packet is then worth nothing.
    pub fn unprotect_rtp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let header = Header::parse(packet).map_err(|_| Refused::Malformed)?;
        let known = self.find(header.ssrc);
        let window = known.and_then(|stream| stream.rtp);
        let index = if let Some(window) = window {
            let index = window.highest().nearest(header.sequence);
            window.check(index)?;
            self.open_rtp(header, index, packet)?;
            index
        } else {
            self.open_first_rtp(header, packet)?
        };
        let mut window = window.unwrap_or_else(|| Window::first(index));
        window.take(index);
        let ssrc = header.ssrc;
        let rtcp = self.find(ssrc).and_then(|stream| stream.rtcp);
        let rtp = Some(window);
        self.remember(Stream { ssrc, rtp, rtcp });
        Ok(())
    }

    /// Checks and decrypts an RTCP packet in place (RFC 3711 §3.4).
    ///
    /// # Errors
    /// [`Refused`]; the packet is then worth nothing.
    pub fn unprotect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Refused> {
        check_rtcp(packet).map_err(|_| Refused::Malformed)?;
        let ssrc = rtcp_ssrc(packet)?;
        let trailer = self.rtcp_trailer(packet)?;
        let word = u32::from_be_bytes(trailer);
        let index = Index(u64::from(word & !ENCRYPTED));
        let window = self.find(ssrc).and_then(|stream| stream.rtcp);
        if let Some(window) = window {
            window.check(index)?;
        }
        self.open_rtcp(ssrc, index, trailer, packet)?;
        let mut window = window.unwrap_or_else(|| Window::first(index));
        window.take(index);
        let rtp = self.find(ssrc).and_then(|stream| stream.rtp);
        let rtcp = Some(window);
        self.remember(Stream { ssrc, rtp, rtcp });
        Ok(())
    }

    /// The first packet of a stream. Its rollover counter is 0, unless the packets before its wrap
    /// were lost or an earlier process had them.
    fn open_first_rtp(&mut self, header: Header, packet: &mut Vec<u8>) -> Result<Index, Refused> {
        // A refusal may leave the packet changed.
        let original = packet.clone();
        for rollovers in 0..=self.rollovers_max {
            let index = Index((u64::from(rollovers) << 16) | u64::from(header.sequence));
            match self.open_rtp(header, index, packet) {
                Ok(()) => {
                    // A stranger's guesses shall not cost that much for ever.
                    self.rollovers_max = ROLLOVERS_FRESH;
                    return Ok(index);
                }
                Err(Refused::Forged) => packet.clone_from(&original),
                Err(refused) => return Err(refused),
            }
        }
        Err(Refused::Forged)
    }

    fn open_rtp(&self, header: Header, index: Index, packet: &mut Vec<u8>) -> Result<(), Refused> {
        let mki = self.mki_length;
        let tag_length = self.suite.rtp_tag();
        match &self.key_of(packet, tag_length)?.rtp {
            Cipher::Counter(counter) => {
                let (signed, tag) = split_end(packet, tag_length)?;
                let (signed, _) = split_end(signed, mki)?;
                counter.verify(signed, &index.rollovers().to_be_bytes(), tag)?;
                let end = signed.len();
                let payload = packet.get_mut(header.length..end);
                counter.apply(header.ssrc, index, payload.ok_or(Refused::Malformed)?);
                packet.truncate(end);
            }
            Cipher::Gcm(gcm) => {
                let (sealed, _) = split_end(packet, mki)?;
                let end = sealed.len();
                packet.truncate(end);
                let parts = packet.split_at_mut_checked(header.length);
                let (associated, payload) = parts.ok_or(Refused::Malformed)?;
                gcm.open(header.ssrc, index, associated, payload)?;
                packet.truncate(end.saturating_sub(tag_length));
            }
        }
        Ok(())
    }

    /// The E bit and the index behind an RTCP packet.
    fn rtcp_trailer(&self, packet: &[u8]) -> Result<[u8; 4], Refused> {
        let behind = match self.first.rtcp {
            Cipher::Counter(_) => self.mki_length.saturating_add(self.suite.rtcp_tag()),
            Cipher::Gcm(_) => self.mki_length,
        };
        let (rest, _) = split_end(packet, behind)?;
        let (_, trailer) = rest.split_last_chunk::<4>().ok_or(Refused::Malformed)?;
        Ok(*trailer)
    }

    fn open_rtcp(
        &self,
        ssrc: u32,
        index: Index,
        trailer: [u8; 4],
        packet: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let encrypted = u32::from_be_bytes(trailer) & ENCRYPTED != 0;
        let tag_length = self.suite.rtcp_tag();
        match &self.key_of(packet, tag_length)?.rtcp {
            Cipher::Counter(counter) => {
                let (signed, tag) = split_end(packet, tag_length)?;
                let (signed, _) = split_end(signed, self.mki_length)?;
                counter.verify(signed, &[], tag)?;
                let end = signed.len().saturating_sub(trailer.len());
                if encrypted {
                    let payload = packet.get_mut(8..end).ok_or(Refused::Malformed)?;
                    counter.apply(ssrc, index, payload);
                }
                packet.truncate(end);
            }
            Cipher::Gcm(gcm) => {
                // Without encryption all would be associated data; nobody negotiates that here.
                if !encrypted {
                    return Err(Refused::Malformed);
                }
                let (sealed, _) = split_end(packet, self.mki_length + trailer.len())?;
                let end = sealed.len();
                packet.truncate(end);
                let parts = packet.split_at_mut_checked(8);
                let (header, payload) = parts.ok_or(Refused::Malformed)?;
                gcm.open(ssrc, index, &rtcp_associated(header, trailer), payload)?;
                packet.truncate(end.saturating_sub(tag_length));
            }
        }
        Ok(())
    }

    /// The key a packet is protected with. The MKI is before the tag, or last where the tag is part
    /// of the payload (RFC 3711 §3.1, RFC 7714 §8.2).
    fn key_of(&self, packet: &[u8], tag_length: usize) -> Result<&Key, Refused> {
        if self.others.is_empty() {
            return Ok(&self.first);
        }
        let behind = match self.first.rtp {
            Cipher::Counter(_) => tag_length,
            Cipher::Gcm(_) => 0,
        };
        let (rest, _) = split_end(packet, behind)?;
        let (_, mki) = split_end(rest, self.mki_length)?;
        let mut keys = std::iter::once(&self.first).chain(&self.others);
        keys.find(|key| key.is_named(mki)).ok_or(Refused::Forged)
    }

    fn find(&self, ssrc: u32) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.ssrc == ssrc)
    }

    /// Puts a stream first; when there are too many, the one unused longest is forgotten.
    fn remember(&mut self, stream: Stream) {
        let known = self.streams.iter().position(|it| it.ssrc == stream.ssrc);
        let at = known.unwrap_or_else(|| {
            self.streams.truncate(STREAMS_MAX - 1);
            self.streams.push(Stream { ..stream });
            self.streams.len() - 1
        });
        if let Some(places) = self.streams.get_mut(..=at) {
            places.rotate_right(1);
            if let [first, ..] = places {
                *first = stream;
            }
        }
    }
}

impl Key {
    fn new(mki: u64, master: &Master) -> Self {
        Self {
            mki,
            rtp: Cipher::new(master, Purpose::Rtp),
            rtcp: Cipher::new(master, Purpose::Rtcp),
        }
    }

    /// Whether an MKI in a packet, big-endian, is this key's.
    fn is_named(&self, mki: &[u8]) -> bool {
        let number = self.mki.to_be_bytes();
        let numbers = number.iter().rev().copied().chain(std::iter::repeat(0));
        mki.iter()
            .rev()
            .zip(numbers)
            .all(|(octet, own)| *octet == own)
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({}, ..)", self.suite)
    }
}

/// What is before the last `length` octets, and those.
fn split_end(bytes: &[u8], length: usize) -> Result<(&[u8], &[u8]), Refused> {
    let at = bytes.len().checked_sub(length).ok_or(Refused::Malformed)?;
    bytes.split_at_checked(at).ok_or(Refused::Malformed)
}

/// A stream's first packets may be lost around a wrap of its sequence number.
const ROLLOVERS_FRESH: u32 = 1;
/// A day of 50 packets a second.
const ROLLOVERS_JOINING: u32 = 66;
