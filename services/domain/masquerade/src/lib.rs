//! Whether a router writes its own address as the sender of what it lets in, so that everybody on
//! the Internet looks like the router (R67, R68, T7).
//!
//! What this crate must never do: conclude anything of an address that is not on the box's own
//! cable, let what one packet claims put a phone out, or keep more than a bounded amount of what
//! strangers send.
//!
//! Signals are kept by place and address in a [`Book`], each once with how often it was seen, and
//! added as log-odds, so neither their order nor their number counts for more than they say. A
//! service has a book of its own and concludes within one packet; the [`MasqueradeNode`] hears what
//! all of them saw, and says what people and other services are to know. What a probe from outside
//! shows is judged by [`Probe::verdict`].
//!
//! Read first: [`Around`], then [`Book`], then [`MasqueradeNode`], then [`Probe`].
//! Source: the research on security, §3; decision 0072.

mod around;
mod book;
mod case;
mod distance;
mod node;
mod probe;
mod sight;

pub use around::{Around, Role};
pub use book::Book;
pub use distance::{Distance, distance};
pub use node::{Input, MasqueradeNode, Output};
pub use probe::{Leg, Mapping, Probe, Reply, Seen, Vantage, Verdict};
pub use sight::Sight;

#[cfg(test)]
mod tests;
