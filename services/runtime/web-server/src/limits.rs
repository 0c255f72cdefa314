//! How much a client may ask of us before it is signed in, and after.

use std::time::Duration;

/// The longest body of a request, bytes. The largest form we have is under 1 KiB.
pub const BODY_BYTES_MAX: u64 = 64 * 1024;
/// The longest body where a whole configuration may come ([`admin::takes_file`]), bytes: 10,000
/// extensions, escaped as a form or as JSON.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How many such bodies are read at once: whoever sends them need not be signed in.
pub const FILES_MAX: usize = 2;
/// The longest head of a request, bytes; hyper answers 431 beyond.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// The most header fields; hyper answers 431 beyond.
pub const HEADERS_MAX: usize = 64;
/// How long a client may take over the TLS handshake.
pub const TLS_ACCEPT_MAX: Duration = Duration::from_secs(5);
/// How long a client may take to send a head, and to ask again on an open connection.
pub const HEAD_READ_MAX: Duration = Duration::from_secs(5);
/// How long a client may take to send a body.
pub const BODY_READ_MAX: Duration = Duration::from_secs(10);
/// How long a connection may live however busy: bounds clients that read slowly.
pub const CONNECTION_LIFE_MAX: Duration = Duration::from_secs(5 * 60);
/// How long one may live that sends a file: a recording of an hour, some 115 MB, at 32 kB/s.
pub const DOWNLOAD_LIFE_MAX: Duration = Duration::from_secs(60 * 60);
/// Connections at once. A TLS connection costs about 60 KiB, so all of them 8 MiB. One
/// more takes the place of the oldest of the address that has most.
pub const CONNECTIONS_MAX: usize = 128;
/// Connections at once from one address: a browser opens six.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 16;
/// Streams of events at once; each has every service looked at every few seconds.
pub const STREAMS_MAX: usize = 32;
/// Streams at once from one address, whose connections they take.
pub const STREAMS_PER_ADDRESS_MAX: usize = 8;
/// Wait after a failed accept (no descriptors left) before the next.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
