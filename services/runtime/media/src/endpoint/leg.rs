//! One endpoint: what was agreed with its peer, and what comes from it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipc::sound::{Agreed, Codec, Dtmf, EndpointId, Stats};
use rtp::codec::Format;
use rtp::{Expected, Header, Latch, Outgoing, Packet};
use sansio::Instant;

use super::hearing::Ear;
use super::reports::Reports;
use super::secrecy::Secrecy;
use super::tape::Tape;
use super::voice::Voice;

/// One endpoint. Its sending half is in `hearing.rs`.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) id: EndpointId,
    pub(crate) slot: usize,
    /// Everything as last set; the default lets nothing in or out.
    pub(crate) agreed: Agreed,
    /// What the peer's payload types mean.
    incoming: Box<[Incoming; 128]>,
    pub(crate) latch: Latch,
    /// Our address the peer sends to, once it has sent.
    pub(crate) local: Option<IpAddr>,
    pub(crate) secrecy: Secrecy,
    /// An earlier process had this endpoint: the peer's SRTP is of unknown age.
    is_reopened: bool,
    pub(crate) ear: Ear,
    pub(crate) voice: Voice,
    pub(crate) tape: Option<Box<Tape>>,
    pub(crate) reports: Reports,
    counts: Counts,
    last_valid: Instant,
    is_idle_told: bool,
    /// Datagrams since the last [sweep](super::engine::Engine::sweep).
    burst: u32,
}

/// What a payload type of the peer means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Incoming {
    /// Not agreed.
    Unknown,
    /// The codec at this place in [`Agreed::receive`].
    Audio(u8),
    /// Comfort noise (RFC 3389), at this place.
    Noise(u8),
    /// Telephone events (RFC 4733).
    Events,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    received: u64,
    dropped: u64,
    digits: u32,
    /// Place of the last format in [`Agreed::receive`].
    format: Option<u8>,
}

impl Leg {
    pub(crate) fn new(
        now: Instant,
        id: EndpointId,
        slot: usize,
        is_reopened: bool,
        out: Outgoing,
        name: u64,
    ) -> Self {
        Self {
            id,
            slot,
            agreed: Agreed::default(),
            incoming: Box::new([Incoming::Unknown; 128]),
            latch: Latch::default(),
            local: None,
            secrecy: Secrecy::default(),
            is_reopened,
            reports: Reports::new(now, out.ssrc(), name),
            ear: Ear::new(out),
            voice: Voice::default(),
            tape: None,
            counts: Counts::default(),
            last_valid: now,
            is_idle_told: false,
            burst: 0,
        }
    }

    /// Takes what was agreed. The locked source stays unless told otherwise; so do SRTP contexts
    /// of keys that stay.
    ///
    /// # Errors
    /// Keys that do not fit their suite.
    pub(crate) fn set(&mut self, now: Instant, agreed: Agreed) -> Result<(), String> {
        let is_joining = self.is_reopened || agreed.rollover.1 > 0;
        self.secrecy.set(agreed.crypto.as_ref(), is_joining)?;
        if agreed.relatch {
            self.latch.reopen();
        }
        if agreed.relatch || self.agreed.remote != agreed.remote {
            // The description of the new negotiation may have named another address of ours.
            self.local = None;
        }
        self.latch.expect(Expected {
            remote: agreed.remote,
            remote_rtcp: agreed.remote_rtcp,
            rtcp_mux: agreed.rtcp_mux,
            signalling: agreed.signalling,
        });
        *self.incoming = meanings(&agreed);
        // What was silent before, on hold or while it rang, has its time anew.
        self.note_alive(now);
        if self.agreed.receive != agreed.receive {
            self.voice.forget_codec();
            self.counts.format = None;
        }
        if self.agreed.send != agreed.send || self.agreed.packet_time != agreed.packet_time {
            self.ear.forget_encoder();
        }
        if self.agreed.dtmf != agreed.dtmf {
            self.voice.set_dtmf(agreed.dtmf);
            self.ear.pressing = None;
        }
        self.agreed = agreed;
        Ok(())
    }

    /// Whether our address is still to be learnt from a datagram's control message.
    pub(crate) const fn needs_local(&self) -> bool {
        self.local.is_none()
    }

    /// Counts a datagram of the peer; false when there are more than any audio makes.
    const fn is_within_rate(&mut self) -> bool {
        self.burst += 1;
        if self.burst > BURST_MAX {
            self.count_dropped();
            return false;
        }
        true
    }

    /// Decides whether RTP from `source` is the peer's, decrypting it into `plain`; gives the
    /// datagram to go on with.
    pub(crate) fn admit_rtp<'a>(
        &mut self,
        source: SocketAddr,
        bytes: &'a [u8],
        plain: &'a mut Vec<u8>,
    ) -> Option<Packet<'a>> {
        if !self.latch.admits_rtp(source) {
            self.latch.turned_away(source);
            self.count_dropped();
            return None;
        }
        let bytes = if self.secrecy.is_on() {
            plain.clear();
            plain.extend_from_slice(bytes);
            if self.secrecy.unprotect_rtp(plain).is_err() {
                self.count_dropped();
                return None;
            }
            plain.as_slice()
        } else {
            bytes
        };
        let Ok(packet) = Packet::parse(bytes) else {
            self.count_dropped();
            return None;
        };
        self.latch.lock_rtp(source);
        // After the latch, so that a stranger's flood takes nothing from the peer.
        self.is_within_rate().then_some(packet)
    }

    /// Decides whether RTCP from `source` is the peer's, decrypting it into `plain`.
    pub(crate) fn admit_rtcp<'a>(
        &mut self,
        is_muxed: bool,
        source: SocketAddr,
        bytes: &'a [u8],
        plain: &'a mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let would = if is_muxed {
            self.latch.admits_muxed(source)
        } else {
            self.latch.admits_rtcp(source)
        };
        if !would {
            self.latch.turned_away(source);
            self.count_dropped();
            return None;
        }
        let bytes = if self.secrecy.is_on() {
            plain.clear();
            plain.extend_from_slice(bytes);
            if self.secrecy.unprotect_rtcp(plain).is_err() {
                self.count_dropped();
                return None;
            }
            plain.as_slice()
        } else {
            bytes
        };
        if rtp::check_rtcp(bytes).is_err() {
            self.count_dropped();
            return None;
        }
        if !is_muxed {
            self.latch.lock_rtcp(source);
        }
        self.is_within_rate().then_some(bytes)
    }

    /// Notes an admitted RTP packet; what its payload means, or nothing when it may not speak.
    pub(crate) fn note_packet(&mut self, now: Instant, header: &Header) -> Option<Incoming> {
        let meaning = self.meaning(header.payload_type);
        if !self.agreed.speaks || meaning == Incoming::Unknown {
            self.count_dropped();
            return None;
        }
        self.note_alive(now);
        self.counts.received += 1;
        let clock = match meaning {
            Incoming::Audio(place) => {
                self.counts.format = Some(place);
                self.format(place).map(|codec| codec.clock)
            }
            // Their timestamps do not say when they were sent.
            Incoming::Noise(_) | Incoming::Events | Incoming::Unknown => None,
        };
        self.reports.note_packet(now, clock, header);
        Some(meaning)
    }

    /// Something valid came.
    pub(crate) const fn note_alive(&mut self, now: Instant) {
        self.last_valid = now;
        self.is_idle_told = false;
    }

    /// How long the peer has been silent, when that is to be told: once, and only when it may
    /// speak (pbx trap 24).
    pub(crate) fn idle_to_tell(&mut self, now: Instant, limit: Duration) -> Option<Duration> {
        if !self.agreed.speaks || self.latch.rtp_destination().is_none() {
            self.last_valid = now;
            return None;
        }
        let silence = now - self.last_valid;
        if silence < limit || self.is_idle_told {
            return None;
        }
        self.is_idle_told = true;
        Some(silence)
    }

    /// Begins the next stretch of [`is_within_rate`](Self::is_within_rate).
    pub(crate) const fn end_burst(&mut self) {
        self.burst = 0;
    }

    /// What a payload type of the peer means.
    pub(crate) fn meaning(&self, payload_type: u8) -> Incoming {
        let meaning = self.incoming.get(usize::from(payload_type));
        meaning.copied().unwrap_or(Incoming::Unknown)
    }

    /// The clock of what a payload type means; 0 when it has none of its own.
    pub(crate) fn clock_of(&self, meaning: Incoming) -> u32 {
        match meaning {
            Incoming::Audio(place) | Incoming::Noise(place) => {
                self.format(place).map_or(0, |codec| codec.clock)
            }
            Incoming::Events | Incoming::Unknown => 0,
        }
    }

    /// A codec the peer sends, by its place.
    pub(crate) fn format(&self, place: u8) -> Option<&Codec> {
        self.agreed.receive.get(usize::from(place))
    }

    /// One more datagram that led nowhere.
    pub(crate) const fn count_dropped(&mut self) {
        self.counts.dropped += 1;
    }

    /// One more digit of the peer.
    pub(crate) const fn count_digit(&mut self) {
        self.counts.digits += 1;
    }

    /// Everything about it.
    pub(crate) fn stats(&self, now: Instant) -> Stats {
        let format = self.counts.format.and_then(|place| self.format(place));
        Stats {
            received: self.counts.received,
            sent: self.ear.sent(),
            dropped: self.counts.dropped + self.ear.undelivered(),
            dtmf_digits: self.counts.digits,
            source: self.latch.rtp(),
            described: self.agreed.remote,
            strangers: self.latch.strangers().collect(),
            idle_millis: u64::try_from((now - self.last_valid).as_millis()).unwrap_or(u64::MAX),
            codec: format.map_or_else(String::new, |codec| codec.name.clone()),
            rollover: self.secrecy.rollovers(),
            ..self.reports.stats(format.map_or("", |codec| &codec.name))
        }
    }
}

/// The codec of an agreed format.
pub(crate) fn format(codec: &Codec) -> Format {
    Format {
        name: codec.name.clone(),
        clock: codec.clock,
        channels: codec.channels,
        fmtp: String::new(),
    }
}

/// What each payload type of a peer means.
fn meanings(agreed: &Agreed) -> [Incoming; 128] {
    let mut meanings = [Incoming::Unknown; 128];
    for (place, codec) in (0..=u8::MAX).zip(&agreed.receive) {
        let format = format(codec);
        let meaning = if format.is_comfort_noise() {
            Incoming::Noise(place)
        } else if format.is_telephone_event() {
            // Only the one agreed for DTMF counts.
            continue;
        } else {
            Incoming::Audio(place)
        };
        if let Some(slot) = meanings.get_mut(usize::from(codec.payload_type)) {
            *slot = meaning;
        }
    }
    if let Dtmf::Events { receive, .. } = agreed.dtmf
        && let Some(slot) = meanings.get_mut(usize::from(receive))
    {
        *slot = Incoming::Events;
    }
    meanings
}

/// Datagrams of one peer between two sweeps: 1,000 a second, more than twice what packets of
/// 2.5 ms make. Two endpoints that are each other's peer would circle for ever otherwise.
const BURST_MAX: u32 = 250;
