//! HTTP in front of `admin`: HTTPS for the network, a redirect on port 80, a Unix socket for
//! programs on the box; and update files fetched from other servers.
//!
//! What this crate must never do: decide who may do what, or hand `admin` a request whose framing
//! is doubtful. Everything reachable from a network goes through hyper with the limits of
//! [`limits`]; `tiny_http` serves only the control socket, to root and to ourselves, because it has
//! no limits of its own and dies of a large Content-Length (measured before it was chosen).
//! Read first: [`Handler`], then [`serve_https`], then [`control`].

mod answer;
pub mod certificate;
mod connections;
pub mod control;
mod convert;
pub mod fetch;
mod https;
pub mod limits;
mod redirect;
mod streams;

use std::future::Future;
use std::net::IpAddr;

use run_loop::syn::Syn;

pub use answer::{Answer, Pieces};
pub use https::serve_https;
pub use redirect::serve_redirect;
pub use run_loop::certificate::{CertificateError, Identity};

/// What is offered inside TLS: HTTP/1.1 only.
pub const PROTOCOLS: &[&[u8]] = &[b"http/1.1"];

/// Answers requests; called for many connections at once.
pub trait Handler: Send + Sync + 'static {
    /// One request to one response. Must not block the thread.
    fn handle(&self, request: admin::Request) -> impl Future<Output = Answer> + Send + '_;

    /// Whether nothing of an address is to be read. Asked for each request on a connection; nobody
    /// is shut out where a handler says nothing of it.
    fn is_shut(&self, _source: IpAddr) -> bool {
        false
    }

    /// A connection came from there, and its first packet said this; before anything else of it.
    fn came(&self, _source: IpAddr, _syn: Syn) {}

    /// The same of somebody who asks for a connection, before TLS.
    fn knocks(&self, source: IpAddr) -> bool {
        self.is_shut(source)
    }
}
