//! From hyper's request to `admin`'s and back, refusing what is doubtful on the way.

use std::net::IpAddr;

use admin::{Body, Method, Peer, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, TRANSFER_ENCODING};
use tokio::sync::Semaphore;

use crate::answer::{Answer, Outgoing, Sending, Source};
use crate::limits::{BODY_BYTES_MAX, BODY_READ_MAX, FILE_BYTES_MAX, FILES_MAX};
use crate::streams;

/// Reads a request whole, or says how it is refused: as the API refuses where it is asked.
pub(crate) async fn read(
    request: hyper::Request<Incoming>,
    peer: Peer,
    at: Option<IpAddr>,
) -> Result<Request, Response> {
    let path = request.uri().path().to_owned();
    let read = read_whole(request, peer, at).await;
    read.map_err(|refusal| refusal.answer(&path))
}

async fn read_whole(
    request: hyper::Request<Incoming>,
    peer: Peer,
    at: Option<IpAddr>,
) -> Result<Request, Refusal> {
    let (head, body) = request.into_parts();
    let length = check_framing(&head.headers)?;
    let method = match head.method {
        hyper::Method::GET => Method::Get,
        hyper::Method::POST => Method::Post,
        hyper::Method::DELETE => Method::Delete,
        _ => return Err(Refusal(405, "use GET, POST or DELETE")),
    };
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect::<Option<Vec<_>>>()
        .ok_or(Refusal(400, "a header is not plain ASCII"))?;
    let _turn = if length > BODY_BYTES_MAX {
        if !admin::takes_file(method, head.uri.path()) || length > FILE_BYTES_MAX {
            return Err(Refusal(413, "the body is too long"));
        }
        let turn = FILES.try_acquire();
        let busy = |_| Refusal(503, "other files are being sent; repeat in some seconds");
        Some(turn.map_err(busy)?)
    } else {
        None
    };
    let limit = usize::try_from(length).unwrap_or(usize::MAX);
    let body = tokio::time::timeout(BODY_READ_MAX, Limited::new(body, limit).collect())
        .await
        .map_err(|_| Refusal(408, "the body did not come in time"))?
        .map_err(|_| Refusal(413, "the body is too long or broke off"))?;
    Ok(Request {
        method,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_bytes().to_vec(),
        peer,
        at,
    })
}

/// Turns an answer into hyper's form.
pub(crate) fn write(mut answer: Answer, sending: &Sending) -> hyper::Response<Outgoing> {
    let source = answer.source();
    let Response {
        status,
        headers,
        body,
    } = answer.response;
    let body = match (source, body) {
        (Ok(Some(Source::File(file, bytes))), _) => Outgoing::file(file, bytes, sending),
        (Ok(Some(Source::Pieces(pieces))), _) => Outgoing::pieces(pieces, sending),
        (Ok(None), Body::Bytes(bytes)) => Outgoing::whole(bytes),
        (Ok(None), Body::Events(events)) => Outgoing::whole(streams::whole(&events)),
        (Ok(None) | Err(_), _) => return broken(),
    };
    let mut builder = hyper::Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    // Only a header value of ours with a line break could fail here.
    builder.body(body).unwrap_or_else(|_| broken())
}

fn broken() -> hyper::Response<Outgoing> {
    let mut broken = hyper::Response::new(Outgoing::whole(Vec::new()));
    *broken.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
    broken
}

/// Why a request goes no further than here, with its status. The connection ends with it, since
/// what follows cannot be trusted.
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str);

impl Refusal {
    /// In the form in which whoever asks this path reads refusals.
    pub(crate) fn answer(self, path: &str) -> Response {
        let Self(status, reason) = self;
        let response = match path.starts_with("/api/") {
            true => Response::refused(status, reason),
            false => Response::new(status, "text/plain; charset=utf-8", format!("{reason}\n")),
        };
        response.sealed().with("connection", "close")
    }
}

/// Turns of those who send a long body.
static FILES: Semaphore = Semaphore::const_new(FILES_MAX);

/// Whose length is certain and who names one host; the length, bytes.
pub(crate) fn check_framing(headers: &HeaderMap) -> Result<u64, Refusal> {
    if headers.get_all(HOST).iter().count() != 1 {
        return Err(Refusal(400, "name exactly one Host"));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal(
            411,
            "send Content-Length instead of Transfer-Encoding",
        ));
    }
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = match (lengths.next(), lengths.next()) {
        (None, _) => 0,
        (Some(one), None) => one
            .to_str()
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<u64>().ok())
            .ok_or(Refusal(400, "Content-Length is not a number"))?,
        (Some(_), Some(_)) => return Err(Refusal(400, "Content-Length is there twice")),
    };
    Ok(length)
}
