//! Asking another service, and answering one.
//!
//! [`serve`] answers on blocking threads (peers are few), [`accept`] leaves the answering to the
//! service (media, whose one thread does everything), [`Client`] asks from tokio,
//! [`BlockingClient`] from a thread, [`Subscription`] follows a stream of replies.

mod blocking;
mod client;
mod server;

pub use blocking::BlockingClient;
pub use client::{Answers, Client, Missing, Subscription};
pub use server::{Accepted, Answer, Connection, Peer, accept, peer_uid, serve};

/// How long a service may take to answer, seconds: a commit on slow flash takes one.
pub const CALL_TIMEOUT_SECS: u64 = 5;

/// Why another service gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Its socket cannot be reached.
    #[error("cannot reach {path}: {source}; is the box running?")]
    Unreachable {
        /// The socket.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// It closed the connection before it answered.
    #[error("{path} closed the connection before it answered")]
    Closed {
        /// The socket.
        path: String,
    },
    /// No answer within [`CALL_TIMEOUT_SECS`], or the time that was given.
    #[error("{path} did not answer within {seconds} s")]
    TimedOut {
        /// The socket.
        path: String,
        /// How long it had.
        seconds: u64,
    },
    /// It sent something that is not an answer, or the question is too long.
    #[error("{path}: {source}")]
    Frame {
        /// The socket.
        path: String,
        /// What is wrong with it.
        source: ::ipc::frame::FrameError,
    },
}
