//! Power cuts: what a disk may hold after one, and whether the box still starts with everything
//! that was acknowledged.
//!
//! What this crate must never do: judge by its own idea of the rules where the box's code can be
//! asked; the loader that chooses a slot here is the one in the image.
//! Read first: [`Trace`] (what was written and flushed), [`states`] (what of it a cut may leave),
//! [`start`] (what the box makes of it) and [`scenarios`].
//!
//! A disk may keep any sectors of 512 bytes that were written since the last flush, and lose any;
//! what was flushed it keeps. Of two writes to one sector the later one wins, or neither; so every
//! order in which a disk may write is one of these subsets.

mod crypt;
mod fault;
mod file_system;
mod log;
mod part;
mod record;
mod recorded_box;
pub mod scenarios;
mod start;
pub mod states;
mod trace;
mod view;

pub use fault::Fault;
pub use log::read_log;
pub use part::Part;
pub use record::{MemoryDisk, Recorder};
pub use recorded_box::{BoxTrace, boot_state, record_box};
pub use scenarios::{Judge, Promise, Promises, Scenario, Site, Version};
pub use start::{Started, start};
pub use states::{Cut, Plan, Report, run};
pub use trace::{Base, Event, Trace};
pub use view::View;
