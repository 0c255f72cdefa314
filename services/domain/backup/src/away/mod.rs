//! Copies of backups at a place away from the box: which go there, and which go from there.
//!
//! ```text
//!          Place, Here                nothing left to do
//!   Off ---------------> asking ---------------------------> Done
//!                        ^  ^  |                              |
//!                        |  |  | refused, away, no answer     | a day, or another archive
//!                        |  |  v                              |
//!                        |  Failed: 1 min to 1 h              |
//!                        +------------------------------------+
//! ```
//! A round asks whether the credential is good (R25), then what is there, and then for one thing at
//! a time: what was begun and is not wanted away, parts of what is missing, first of what has
//! begun, then of the newest, the end of it, and what is too old away. Where it was cut short, the
//! list of the next round says how far it came: a part that is there is not sent again.
//!
//! What this must never do: send what did not prove good; have anything deleted while the clock is
//! not believed, or one of the last three copies; have anything deleted before what is missing is
//! there, but for want of room; send again what was deleted as too much; count as a copy what the
//! place says it has and is neither as the box sent it nor as the box has it.

mod answers;
mod differed;
mod events;
mod memory;
mod node;
mod steps;
#[cfg(test)]
mod tests;
mod wanted;

pub use events::{Answer, Archive, Begun, Command, Digest, Input, Output, Whole};
pub use memory::{Memory, Trouble};
pub use node::AwayNode;
