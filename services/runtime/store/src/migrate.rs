//! From an older schema to the present one, when the database is opened.
//!
//! A step changes what an older firmware could not read any more; what only adds fields or tables
//! needs none (docs/decisions/0062). All steps are one transaction: after a power cut the database
//! is of the one schema or of the other. An older firmware refuses what a step has changed, so a
//! step is for a version of the firmware that the one before it can already read.

use redb::{Database, WriteTransaction};

use crate::opening::begin;
use crate::tables::{Fault, META, SCHEMA_VERSION, SCHEMA_VERSION_KEY, open, put, redb_fault};

/// From one schema to the next.
pub(crate) type Step = fn(&WriteTransaction) -> Result<(), Fault>;

/// The first leads from schema 1 to 2. Who raises [`SCHEMA_VERSION`] adds one, or this does not
/// compile.
pub(crate) const STEPS: [Step; SCHEMA_VERSION as usize - 1] = [];

/// Moves a database of this schema, of which there is one, to that behind the last step.
pub(crate) fn forward(database: &Database, from: u32, steps: &[Step]) -> Result<(), Fault> {
    let txn = begin(database)?;
    let mut schema = from;
    for step in steps.iter().skip(from.saturating_sub(1) as usize) {
        step(&txn)?;
        schema += 1;
    }
    put(&mut open(&txn, META)?, "meta", SCHEMA_VERSION_KEY, &schema)?;
    txn.commit().map_err(redb_fault)?;
    tracing::info!("the data is of schema {schema} now, and was of {from}");
    Ok(())
}
