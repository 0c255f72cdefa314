//! The control socket: how `ramal ctl` on the box itself reaches the same `admin`.
//!
//! `tiny_http` cannot tell who connects to a Unix socket, so the socket everybody sees is ours: a
//! connection is accepted, its user id is checked (`SO_PEERCRED`), and only then are its bytes
//! passed to a `tiny_http` that listens on an abstract address. That address is no secret to other
//! programs on the box, so the first request on a passed connection gets a proof put into its head,
//! and `tiny_http`'s side answers nothing that lacks it. One request a connection.

mod client;
mod front;

pub use client::{CallError, call};

use std::future::Future;
use std::io::Read as _;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Arc;
use std::time::Duration;

use admin::{Body, Method, Peer, Request, Response};
use tiny_http::{Header, Server};

use crate::answer::{Source, Waiting};
use crate::limits::{BODY_BYTES_MAX, FILE_BYTES_MAX};
use crate::{Answer, Handler, streams};

/// Why the control socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The kernel refused a socket or a thread.
    #[error("the control socket cannot be served: {0}")]
    Socket(#[from] std::io::Error),
    /// `tiny_http` could not start, or the kernel has no entropy.
    #[error("the control socket cannot be served: {0}")]
    Start(String),
}

/// Serves programs whose user id `allow` accepts, until `stop` and what was asked is answered: the
/// front on the present tokio runtime, `tiny_http` on a thread of its own.
///
/// # Errors
/// The inner socket or the thread cannot be made.
pub async fn serve<H: Handler>(
    listener: UnixListener,
    allow: impl Fn(u32) -> bool,
    handler: Arc<H>,
    stop: impl Future<Output = ()>,
) -> Result<(), ControlError> {
    let start = |error: &dyn std::fmt::Display| ControlError::Start(error.to_string());
    let mut random = [0; 32];
    run_loop::fill_random(&mut random).map_err(|error| start(&error))?;
    let (name, proof) = random.split_at(16);
    let (name, proof) = (hex::encode(name), hex::encode(proof));
    let address = SocketAddr::from_abstract_name(format!("ramal-ctl-{name}"))?;
    let inner = UnixListener::bind_addr(&address)?;
    let server = Server::from_listener(inner, None).map_err(|error| start(&error))?;
    let runtime = tokio::runtime::Handle::current();
    let expected = proof.clone();
    std::thread::Builder::new()
        .name("ctl".into())
        .spawn(move || {
            while let Ok(request) = server.recv() {
                answer(request, &expected, |request| {
                    runtime.block_on(handler.handle(request))
                });
            }
        })?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    front::serve(&listener, allow, &address, &proof, stop).await
}

/// One request on `tiny_http`'s thread.
fn answer(mut request: tiny_http::Request, proof: &str, handle: impl FnOnce(Request) -> Answer) {
    let mut answer = match read(&mut request, proof) {
        Ok(request) => handle(request),
        Err(status) => Response::empty(status).into(),
    };
    let source = answer.source();
    let Response {
        status,
        headers,
        body,
    } = answer.response;
    let length = body.known_length().and_then(|it| usize::try_from(it).ok());
    let (status, length, body): (_, _, Box<dyn std::io::Read + Send>) = match (source, body) {
        (Ok(Some(Source::File(file, bytes))), _) => (status, length, Box::new(file.take(bytes))),
        (Ok(Some(Source::Pieces(pieces))), _) => (status, None, Box::new(Waiting::new(pieces))),
        (Ok(None), Body::Bytes(bytes)) => (status, length, Box::new(std::io::Cursor::new(bytes))),
        // Once, as they are now: a program on the box asks again when it likes.
        (Ok(None), Body::Events(events)) => {
            let bytes = streams::whole(&events);
            let length = Some(bytes.len());
            (status, length, Box::new(std::io::Cursor::new(bytes)))
        }
        (Ok(None) | Err(_), _) => (500, Some(0), Box::new(std::io::empty())),
    };
    let mut reply = tiny_http::Response::new(status.into(), Vec::new(), body, length, None)
        .with_chunked_threshold(usize::MAX);
    for (name, value) in headers {
        if let Ok(header) = Header::from_bytes(name, value) {
            reply.add_header(header);
        }
    }
    // Whoever hung up before the answer does not miss it.
    let _ = request.respond(reply);
}

fn read(request: &mut tiny_http::Request, proof: &str) -> Result<Request, u16> {
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|header| {
            (
                header.field.as_str().as_str().to_ascii_lowercase(),
                header.value.as_str().to_owned(),
            )
        })
        .collect();
    if !headers
        .iter()
        .any(|(name, value)| name == front::PROOF_HEADER && value == proof)
    {
        return Err(403);
    }
    let method = match request.method() {
        tiny_http::Method::Get => Method::Get,
        tiny_http::Method::Post => Method::Post,
        tiny_http::Method::Delete => Method::Delete,
        _ => return Err(405),
    };
    let url = request.url().to_owned();
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let limit = if admin::takes_file(method, path) {
        FILE_BYTES_MAX
    } else {
        BODY_BYTES_MAX
    };
    let mut body = Vec::new();
    let read = request.as_reader().take(limit + 1).read_to_end(&mut body);
    if read.is_err() || body.len() as u64 > limit {
        return Err(413);
    }
    Ok(Request {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
        peer: Peer::Local,
        at: None,
    })
}

/// How long one exchange may take, both ways.
pub(crate) const EXCHANGE_MAX: Duration = Duration::from_secs(15);
/// Connections at once; beyond, the next waits.
pub(crate) const CONNECTIONS_MAX: usize = 8;
