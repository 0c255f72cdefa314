//! What of the guard a later firmware may have written and this one does not know.

use ipc::guard::Offence;
use ipc::site::Guard;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The guard without rules for offences that this firmware does not know, which it does not count
/// either: for them alone a box that went back must not be without its configuration.
///
/// # Errors
/// What else of it cannot be read.
pub(super) fn known<'de, D: Deserializer<'de>>(row: D) -> Result<Guard, D::Error> {
    let mut row = Value::deserialize(row)?;
    if let Some(Value::Array(rules)) = row.get_mut("rules") {
        rules.retain(|rule| {
            let offence = rule.get("offence");
            // One without any is no rule, and is refused below.
            offence.is_none_or(|it| Offence::deserialize(it).is_ok())
        });
    }
    Guard::deserialize(row).map_err(D::Error::custom)
}
