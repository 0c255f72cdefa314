//! Decides which service to start, restart, kill or give up on, and in which order to stop.
//!
//! What this crate must never do: fork, send a signal, read a clock. PID 1 feeds it what happened
//! and carries out what it answers; the tests do the same in virtual time.
//! Read first: [`SupervisorNode`], then [`Input`] and [`Output`], then [`Service`].
//!
//! Services do not wait for one another at the start: every one retries what it needs, so a
//! dependency graph would only repeat in data what the services must be able to do anyway.
//! A service that was given up is started again only when asked for, or by the next boot: a
//! cool-down that restarts it unasked would hide the fault and restart it for ever.

mod backoff;
mod events;
mod memory;
mod node;
mod runs;
mod service;
#[cfg(test)]
mod tests;
mod trial;

pub use events::{Exit, Input, Output, Report, ServiceStatus, Shutdown, Signal};
pub use memory::{TunnelMemory, TunnelNote};
pub use node::SupervisorNode;
pub use runs::{Run, RunEnd, Runs};
pub use service::{ByService, Service};
pub use trial::{Failure, Standing};
