//! What lies where in the bootstate partition, and how large partitions are.
//!
//! Every copy has sectors, and on flash usually erase blocks, of its own: a torn write to one
//! leaves the other whole.

/// Bytes of the EFI system partition: at least 260 MiB, which FAT32 needs on disks with 4096-byte
/// sectors.
pub const ESP_LENGTH: u64 = 264 * MIB;

/// Bytes of the bootstate partition.
pub const BOOTSTATE_LENGTH: u64 = MIB;

/// Bytes of a slot.
pub const SLOT_LENGTH: u64 = 512 * MIB;

/// Bytes of a disk before its first start: the partitions, and a mebibyte before and one after for
/// the two copies of the partition table.
pub const IMAGE_LENGTH: u64 = ESP_LENGTH + BOOTSTATE_LENGTH + 2 * SLOT_LENGTH + 2 * ALIGNMENT;

/// Partitions begin and end on multiples of this.
pub const ALIGNMENT: u64 = MIB;

/// Where the two copies of [`crate::BootState`] begin.
pub const STATE_COPIES: [u64; 2] = [0, 64 * KIB];

/// Where the loader sees whether the disk takes anything at all, before it overwrites the only
/// whole copy of the state. Nobody reads it.
pub const TRIAL_WRITE: u64 = 32 * KIB;

/// Where the chain of key sets begins: [`crate::CHAIN_LENGTH_MAX`] places, each written once. A
/// place is [`WRITE_UNIT`] bytes, so that writing one never touches the sector of another; a set
/// fills the first [`crate::KEY_SET_LENGTH`] of them.
pub const KEY_CHAIN: u64 = 128 * KIB;

/// Bytes of the chain.
pub const KEY_CHAIN_LENGTH: usize = crate::CHAIN_LENGTH_MAX * WRITE_UNIT;

/// Where the two copies of the data key begin, when no TPM keeps it or when one sealed it. Their
/// form is the system's business; the loader never looks at them.
pub const DATA_KEY_COPIES: [u64; 2] = [256 * KIB, 320 * KIB];

/// Bytes kept for each copy of the data key.
pub const DATA_KEY_LENGTH: u64 = 64 * KIB;

/// What is written to the bootstate partition is a multiple of this, and lies on such a multiple:
/// the largest sector of a disk.
pub const WRITE_UNIT: usize = 4096;

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_bootstate_partition_overlaps() {
        let unit = WRITE_UNIT as u64;
        let chain = KEY_CHAIN_LENGTH as u64;
        let places = [
            (STATE_COPIES[0], unit),
            (TRIAL_WRITE, unit),
            (STATE_COPIES[1], unit),
            (KEY_CHAIN, chain),
            (DATA_KEY_COPIES[0], DATA_KEY_LENGTH),
            (DATA_KEY_COPIES[1], DATA_KEY_LENGTH),
            (BOOTSTATE_LENGTH, 0),
        ];
        for pair in places.windows(2) {
            assert!(pair[0].0 + pair[0].1 <= pair[1].0, "{pair:?}");
            assert_eq!(pair[0].0 % unit, 0, "{pair:?}");
        }
    }
}
