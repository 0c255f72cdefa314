//! Writing a compound packet.

use super::{DESCRIPTION, GOODBYE, RECEIVER_REPORT, REPORT_LENGTH, Report, SENDER_REPORT, Sent};
use crate::packet::VERSION;

/// A compound to send: a report first, always, then the CNAME (RFC 3550 §6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Compound<'a> {
    /// The stream we send, or would.
    pub ssrc: u32,
    /// What we sent; `None` makes it a receiver report.
    pub sent: Option<Sent>,
    /// What we heard; all above 31 are left out.
    pub reports: &'a [Report],
    /// The canonical name; random, for it outlives addresses (RFC 7022). At most 255 octets of it
    /// are written.
    pub cname: &'a str,
    /// Whether the stream ends with this.
    pub goodbye: bool,
}

impl Compound<'_> {
    /// Appends the compound.
    pub fn write(&self, datagram: &mut Vec<u8>) {
        self.write_report(datagram);
        self.write_cname(datagram);
        if self.goodbye {
            header(datagram, 1, GOODBYE, 1);
            datagram.extend(self.ssrc.to_be_bytes());
        }
    }

    fn write_report(&self, datagram: &mut Vec<u8>) {
        let count = self.reports.len().min(REPORTS_MAX);
        let (packet_type, sent_words) = match self.sent {
            Some(_) => (SENDER_REPORT, 5),
            None => (RECEIVER_REPORT, 0),
        };
        header(
            datagram,
            count,
            packet_type,
            1 + sent_words + count * REPORT_LENGTH / 4,
        );
        datagram.extend(self.ssrc.to_be_bytes());
        if let Some(sent) = self.sent {
            datagram.extend(sent.ntp.to_be_bytes());
            datagram.extend(sent.timestamp.to_be_bytes());
            datagram.extend(sent.packets.to_be_bytes());
            datagram.extend(sent.octets.to_be_bytes());
        }
        for report in self.reports.iter().take(REPORTS_MAX) {
            write_block(report, datagram);
        }
    }

    fn write_cname(&self, datagram: &mut Vec<u8>) {
        let name = self.cname.as_bytes();
        let name = name.get(..usize::from(u8::MAX)).unwrap_or(name);
        // Type, length and name, then one to four zeros up to a word (RFC 3550 §6.5).
        let words = (2 + name.len()) / 4 + 1;
        header(datagram, 1, DESCRIPTION, 1 + words);
        datagram.extend(self.ssrc.to_be_bytes());
        let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
        datagram.extend([CNAME, length]);
        datagram.extend_from_slice(name);
        let padding = words * 4 - 2 - name.len();
        datagram.extend(std::iter::repeat_n(0, padding));
    }
}

fn write_block(report: &Report, datagram: &mut Vec<u8>) {
    datagram.extend(report.ssrc.to_be_bytes());
    let lost = report.lost.clamp(-LOST_MAX - 1, LOST_MAX);
    let [_, high, middle, low] = lost.to_be_bytes();
    datagram.extend([report.fraction_lost, high, middle, low]);
    for word in [
        report.highest,
        report.jitter,
        report.last_report,
        report.delay,
    ] {
        datagram.extend(word.to_be_bytes());
    }
}

/// The header of one packet whose body has so many words.
fn header(datagram: &mut Vec<u8>, count: usize, packet_type: u8, words: usize) {
    let count = u8::try_from(count).unwrap_or(0) & 0x1f;
    let [high, low] = u16::try_from(words).unwrap_or(0).to_be_bytes();
    datagram.extend([(VERSION << 6) | count, packet_type, high, low]);
}

/// The count of reports has five bits.
const REPORTS_MAX: usize = 31;
/// The count of lost packets has 24 bits with its sign.
const LOST_MAX: i32 = 0x7f_ffff;
/// The item type of a canonical name (RFC 3550 §6.5.1).
const CNAME: u8 = 1;
