//! Where the partitions of a box lie on its disk.

use gpt::{Geometry, Table, TableFault};
use slot::{Guid, layout, partition};

/// The table of a disk before its first start: everything but the data partition, which the box
/// makes of the room that is left. `unique` gives the GUID of the disk (0) and of each partition
/// (from 1 on).
///
/// # Errors
/// The disk is too small.
pub fn table_of_a_box(
    geometry: Geometry,
    mut unique: impl FnMut(u8) -> Guid,
) -> Result<Table, TableFault> {
    let mut table = Table::new(geometry, unique(0));
    for (place, (kind, name, length)) in (1..).zip(PARTITIONS) {
        let unique = unique(place);
        table.add(kind, unique, name, Some(length), layout::ALIGNMENT)?;
    }
    Ok(table)
}

const PARTITIONS: [(Guid, &str, u64); 4] = [
    (partition::ESP, "ESP", layout::ESP_LENGTH),
    (
        partition::BOOTSTATE,
        "ramal bootstate",
        layout::BOOTSTATE_LENGTH,
    ),
    (partition::SLOT_A, "ramal slot A", layout::SLOT_LENGTH),
    (partition::SLOT_B, "ramal slot B", layout::SLOT_LENGTH),
];
