//! Session descriptions (RFC 8866) and what a B2BUA does to them between two legs (RFC 3264).
//!
//! What this crate must never do: let an address of one peer reach the other. The reader is
//! lenient and keeps lines in order; [`rewrite_offer`] writes a fresh description that holds only
//! what codecs need, with our own address in it.
//!
//! Read first: [`Session`], then [`rewrite_offer`], then [`Author`].

mod author;
mod media;
mod rewrite;
mod session;

pub use author::Author;
pub use media::{Direction, Media, TelephoneEvent};
pub use rewrite::{Place, RewriteError, Side, rewrite_answer, rewrite_offer};
pub use session::{LENGTH_MAX, Line, MEDIA_MAX, ParseError, Session};
