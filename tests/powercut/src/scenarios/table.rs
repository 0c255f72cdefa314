//! The partition table: moved to the end of a larger disk, then the data partition is added.

use firmware::write_table;
use gpt::{Geometry, Table};
use slot::{Guid, layout, partition};

use super::site::{LENGTH, Site, Version, key_set};
use super::{Judge, Recorded};
use crate::fault::Fault;
use crate::start::{read_table, start};
use crate::trace::SECTOR_LENGTH;
use crate::view::View;

pub(super) fn make() -> Recorded {
    let version = Version {
        name: "1.0.0",
        security: 0,
        keys: 1,
    };
    let site = Site::on(&version, image::disk::IMAGE_LENGTH, LENGTH)?;
    let geometry = Geometry::new(SECTOR_LENGTH, LENGTH);
    geometry.map_err(|it| Fault::broken(it.to_string()))?;
    let (shipped, is_whole) = read_table(site.disk(), LENGTH)?;
    if is_whole {
        return Err(Fault::broken("the table is whole before it was moved"));
    }
    write_table(site.disk(), &shipped)?;
    site.disk().mark(MOVED);
    let mut with_data = shipped.clone();
    let mut number = 100;
    with_data.rename(|| {
        number += 1;
        Guid::random([number; 16])
    });
    let unique = Guid::random([200; 16]);
    let added = with_data.add(partition::DATA, unique, "data", None, layout::ALIGNMENT);
    added.map_err(|it| Fault::broken(it.to_string()))?;
    write_table(site.disk(), &with_data)?;
    site.disk().mark(ADDED);
    if site.table().partitions() != shipped.partitions() {
        return Err(Fault::broken("moving the table has changed it"));
    }
    let tables = Tables { shipped, with_data };
    Ok((site.into_trace(), Box::new(tables)))
}

struct Tables {
    shipped: Table,
    with_data: Table,
}

impl Judge for Tables {
    fn judge(&self, view: &View<'_>, told: &[&str], _number: usize) -> Result<(), Fault> {
        let found = start(view, view.length(), &key_set(1))?.table;
        let is_right = match told.last().copied() {
            Some(ADDED) => found == self.with_data,
            Some(_) => found == self.shipped || found == self.with_data,
            None => found == self.shipped,
        };
        match is_right {
            true => Ok(()),
            false => Err(Fault::broken(
                "the partition table is neither the old nor the new one",
            )),
        }
    }
}

const MOVED: &str = "table moved";
const ADDED: &str = "data partition added";
