//! How the tunnel stands, for whoever asks.

use std::sync::{Arc, Mutex};

use grid::Standing;
use ipc::grid::{State, Status};
use sansio::Instant;

/// What the service knows, for whoever asks while it runs.
pub type SharedStatus = Arc<Mutex<Standing>>;

/// What is told at a moment; `public_key` is the box's own.
#[must_use]
pub fn status(standing: &Standing, public_key: &str, now: Instant) -> Status {
    let secs = |at: &Instant| (now - *at).as_secs();
    let (state, since, handshake, reason) = match standing {
        Standing::Unknown => (State::Unknown, None, None, String::new()),
        Standing::Unset => (State::Unset, None, None, String::new()),
        Standing::Unreadable(why) => (State::Unreadable, None, None, why.clone()),
        Standing::Overlapping(network, other) => {
            let reason = format!("{network} / {other}");
            (State::Overlapping, None, None, reason)
        }
        Standing::Refused(why) => (State::Refused, None, None, why.clone()),
        Standing::Down { since, handshake } => {
            (State::Down, Some(since), handshake.as_ref(), String::new())
        }
        Standing::Up { since, handshake } => {
            (State::Up, Some(since), Some(handshake), String::new())
        }
    };
    Status {
        public_key: public_key.to_owned(),
        state,
        since_secs: since.map(secs),
        handshake_secs: handshake.map(secs),
        reason,
    }
}
