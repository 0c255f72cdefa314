//! Packets as a capture file that Wireshark and tcpdump open, with times in nanoseconds.

use ipc::capture::Packet;

use crate::depth::SNAP_MAX;

/// The file: a head of 24 bytes, then records of a head of 16 bytes and a frame of Ethernet.
#[derive(Clone, Debug)]
pub struct File {
    bytes: Vec<u8>,
    count: u64,
}

impl Default for File {
    fn default() -> Self {
        let mut bytes = Vec::new();
        bytes.extend(MAGIC.to_le_bytes());
        bytes.extend(VERSION.map(u16::to_le_bytes).concat());
        // No time zone, no figure of accuracy.
        bytes.extend([0; 8]);
        bytes.extend(u32::try_from(SNAP_MAX).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(ETHERNET.to_le_bytes());
        Self { bytes, count: 0 }
    }
}

impl File {
    /// Adds packets behind those that are there.
    pub fn add(&mut self, packets: &[Packet]) {
        for packet in packets {
            let bytes = packet.bytes.reveal();
            let seconds = packet.at_nanos.div_euclid(NANOS);
            let nanos = packet.at_nanos.rem_euclid(NANOS);
            for time in [seconds, nanos] {
                let time = u32::try_from(time).unwrap_or(0);
                self.bytes.extend(time.to_le_bytes());
            }
            let kept = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            self.bytes.extend(kept.to_le_bytes());
            self.bytes.extend(packet.length.max(kept).to_le_bytes());
            self.bytes.extend(bytes);
            self.count = self.count.saturating_add(1);
        }
    }

    /// Packets in it.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// All of it.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Times in nanoseconds, and the order of bytes.
const MAGIC: u32 = 0xa1b2_3c4d;
const VERSION: [u16; 2] = [2, 4];
/// LINKTYPE_ETHERNET.
const ETHERNET: u32 = 1;
const NANOS: i64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use ipc::Redacted;

    use super::*;

    #[test]
    fn each_packet_says_when_it_was_how_much_is_kept_and_how_long_it_was() {
        let packet = Packet {
            number: 0,
            at_nanos: 1_793_491_200_123_456_789,
            length: 214,
            bytes: Redacted::new(vec![7; 54]),
        };
        let mut file = File::default();
        file.add(std::slice::from_ref(&packet));
        file.add(&[packet]);
        assert_eq!(file.count(), 2);
        let file = file.into_bytes();
        assert_eq!(file[..4], [0x4d, 0x3c, 0xb2, 0xa1]);
        assert_eq!(file[16..24], [0, 8, 0, 0, 1, 0, 0, 0]);
        assert_eq!(file.len(), 24 + 2 * (16 + 54));
        let record = &file[24 + 16 + 54..];
        assert_eq!(record[..4], 1_793_491_200_u32.to_le_bytes());
        assert_eq!(record[4..8], 123_456_789_u32.to_le_bytes());
        assert_eq!(record[8..16], [54, 0, 0, 0, 214, 0, 0, 0]);
        assert_eq!(record[16..], [7; 54]);
    }
}
