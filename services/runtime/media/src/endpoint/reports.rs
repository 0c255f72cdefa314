//! RTCP of one endpoint: what it measures of the peer's stream, and tells each other.
//!
//! Reports are not relayed: each leg is a session of its own (RFC 7667 §3.2.2), with our SSRC.

use std::time::Duration;

use ipc::sound::Stats;
use rtp::quality::{Impairment, Measured, mos};
use rtp::rtcp::{Compound, Part, Sent, ntp, parts};
use rtp::{Header, Reception};
use sansio::{Instant, Rng};

use super::Channel;
use super::hearing::World;
use super::leg::Leg;

/// The mean time between two reports: the minimum of RFC 3550 §6.2.
const INTERVAL: Duration = Duration::from_secs(5);

/// Measured and reported.
#[derive(Debug)]
pub(crate) struct Reports {
    reception: Option<Reception>,
    next: Instant,
    /// RTP packets sent when the last report was.
    sent_before: u64,
    round_trip: Duration,
    peer_loss: u8,
    ssrc: u32,
    /// Random: it must not tell who or where we are (RFC 7022 §4.2).
    cname: String,
}

impl Reports {
    pub(crate) fn new(now: Instant, ssrc: u32, name: u64) -> Self {
        Self {
            reception: None,
            next: now + INTERVAL / 2,
            sent_before: 0,
            round_trip: Duration::ZERO,
            peer_loss: 0,
            ssrc,
            cname: format!("{name:016x}"),
        }
    }

    /// Counts a packet of the peer; `clock` when its timestamp says when it was made.
    pub(crate) fn note_packet(&mut self, now: Instant, clock: Option<u32>, header: &Header) {
        match (&mut self.reception, clock) {
            (Some(reception), Some(clock)) => {
                reception.set_clock(clock);
                reception.packet(now, header);
            }
            (Some(reception), None) => reception.untimed(now, header),
            (None, Some(clock)) => {
                let reception = self.reception.insert(Reception::new(clock));
                reception.packet(now, header);
            }
            // An event before any audio: the clock is not known yet.
            (None, None) => {}
        }
    }

    /// Reads what the peer reports.
    pub(crate) fn note_theirs(&mut self, now: Instant, bytes: &[u8]) {
        for part in parts(bytes).map_while(Result::ok) {
            let reports = match part {
                Part::SenderReport { sent, reports, .. } => {
                    if let Some(reception) = &mut self.reception {
                        reception.sender_report(now, &sent);
                    }
                    reports
                }
                Part::ReceiverReport { reports, .. } => reports,
                Part::Bye(_) | Part::Other(_) => continue,
            };
            if let Some(report) = reports.of(self.ssrc) {
                self.peer_loss = report.fraction_lost;
                if let Some(round_trip) = report.round_trip(now) {
                    self.round_trip = round_trip;
                }
            }
        }
    }

    /// What was measured; `codec` is what the peer last sent.
    pub(crate) fn stats(&self, codec: &str) -> Stats {
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let measured = |reception: &Reception| Measured {
            loss: reception.loss(),
            jitter: reception.jitter(),
            round_trip: self.round_trip,
        };
        let reception = self.reception.as_ref();
        let quality = |it| mos(measured(it), Impairment::of(codec));
        Stats {
            lost: reception.map_or(0, Reception::lost),
            jitter_micros: micros(reception.map_or(Duration::ZERO, Reception::jitter)),
            round_trip_micros: micros(self.round_trip),
            peer_loss: self.peer_loss,
            mos_hundredths: reception.map_or(0, quality),
            ..Stats::default()
        }
    }
}

impl Leg {
    /// Sends a report when one is due.
    pub(crate) fn report(
        &mut self,
        now: Instant,
        rng: &mut Rng,
        packet: &mut Vec<u8>,
        world: &mut impl World,
    ) {
        if now < self.reports.next {
            return;
        }
        let Some(to) = self.latch.rtcp_destination() else {
            self.reports.next = now + INTERVAL;
            return;
        };
        // Between half and one and a half of it, so that reports do not fall into step.
        let millis = u64::try_from(INTERVAL.as_millis()).unwrap_or(0);
        let wait = millis / 2 + rng.below(millis);
        self.reports.next = now + Duration::from_millis(wait);
        self.write_report(now, packet);
        if self.secrecy.protect_rtcp(packet).is_err() {
            return;
        }
        let channel = if self.agreed.rtcp_mux {
            Channel::Rtp
        } else {
            Channel::Rtcp
        };
        // A lost report is followed by the next.
        let _ = world.send(self.slot, channel, self.local, to, packet);
    }

    fn write_report(&mut self, now: Instant, packet: &mut Vec<u8>) {
        let ssrc = self.ear.out.ssrc();
        let (packets, octets) = self.ear.sent_counts();
        let report = self
            .reports
            .reception
            .as_mut()
            .and_then(|it| it.report(now));
        let sent = (packets > self.reports.sent_before).then(|| Sent {
            ntp: ntp(now),
            timestamp: self.ear.out.timestamp_at(now, self.ear.clock()),
            packets: low(packets),
            octets: low(octets),
        });
        self.reports.sent_before = packets;
        packet.clear();
        Compound {
            ssrc,
            sent,
            reports: report.as_slice(),
            cname: &self.reports.cname,
            goodbye: false,
        }
        .write(packet);
    }
}

/// A count as reports carry it, modulo 2^32.
fn low(count: u64) -> u32 {
    u32::try_from(count & u64::from(u32::MAX)).unwrap_or(0)
}
