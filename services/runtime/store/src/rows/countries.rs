//! Countries that a later firmware may have written and this one does not know.

use countries::Country;
use ipc::site::Countries;
use serde::{Deserialize, Deserializer};

/// The list without countries that this firmware does not know: it could not tell who is from
/// there. Where it knows none of them, nobody is refused for his country: a box that everybody is
/// kept out of cannot be mended from outside.
pub(super) fn known<'de, D: Deserializer<'de>>(row: D) -> Result<Countries, D::Error> {
    let mut read = Countries::deserialize(row)?;
    let count = read.allowed.len();
    read.allowed.retain(|it| Country::parse(it).is_some());
    if read.allowed.len() < count {
        tracing::warn!("countries that this version does not know are left out");
    }
    read.on &= !read.allowed.is_empty();
    Ok(read)
}
