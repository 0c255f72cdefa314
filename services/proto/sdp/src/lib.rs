//! Session descriptions (RFC 8866) and offer/answer (RFC 3264) as a B2BUA needs them.
//!
//! What this crate must never do: let an address of one peer reach the other. The reader is
//! lenient and keeps lines in order; what we write is made afresh from typed parts, never copied.
//!
//! Read first: [`Session`], then [`Audio`] and [`Ours`], then [`choose`], then [`Author`].
//!
//! Sources: RFC 8866, RFC 3264, RFC 3551 (static payload types), RFC 3605 (`a=rtcp`), RFC 4568
//! (`a=crypto`), RFC 4733 (telephone-event), RFC 5761 (`a=rtcp-mux`).

mod audio;
mod author;
mod codec;
mod crypto;
mod media;
mod negotiate;
mod session;

pub use audio::{Audio, AudioFault, FORMATS_MAX, Ours, read_audio};
pub use author::Author;
pub use codec::{convertible, is_convertible, is_decoded, is_noise, is_opus, opus, same_encoding};
pub use crypto::{CryptoLine, KEYS_MAX, SUITES, key_length};
pub use media::{Direction, Media, TelephoneEvent};
pub use negotiate::{choose, events, offered, taken};
pub use session::{LENGTH_MAX, Line, MEDIA_MAX, ParseError, Session};
