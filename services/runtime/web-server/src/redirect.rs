//! Port 80: one answer to everything (R1, T1).

use std::convert::Infallible;
use std::sync::Arc;

use admin::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::HOST;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use run_loop::syn;
use tokio::net::TcpListener;

use crate::Handler;
use crate::answer::Sending;
use crate::connections::Connections;
use crate::convert::{Refusal, check_framing, write};
use crate::https::{accept, http1};
use crate::limits::{BODY_BYTES_MAX, CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX};

/// Sends every client to the same address by HTTPS, for ever. No body is read, no cookie is set,
/// nothing is served; to whom `handler` shuts out, not even that.
pub async fn serve_redirect<H: Handler>(mut listeners: Vec<TcpListener>, handler: Arc<H>) {
    listeners.iter().for_each(syn::keep);
    let connections = Connections::new(CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX);
    loop {
        let (stream, _, ticket) = accept(&mut listeners, &connections, &*handler).await;
        tokio::spawn(async move {
            let sending = Sending::default();
            let service = service_fn(|request| {
                let response = write(answer(&request).into(), &sending);
                async move { Ok::<_, Infallible>(response) }
            });
            let life = http1()
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            ticket.hold(life, &sending).await;
        });
    }
}

fn answer(request: &Request<Incoming>) -> Response {
    match check_framing(request.headers()) {
        Err(refusal) => return refusal.answer(NO_API),
        Ok(length) if length > BODY_BYTES_MAX => {
            return Refusal(413, "the body is too long").answer(NO_API);
        }
        Ok(_) => {}
    }
    let host = request
        .headers()
        .get(HOST)
        .and_then(|value| value.to_str().ok());
    let Some(host) = host.and_then(host_name) else {
        return Refusal(400, "Host is not a name or an address").answer(NO_API);
    };
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let target = if target.starts_with('/') { target } else { "/" };
    Response::empty(308)
        .with("location", format!("https://{host}{target}"))
        .with("cache-control", "no-store")
        .with("connection", "close")
}

/// Nothing is asked here but where to go.
const NO_API: &str = "/";

/// The host without its port; `None` for what is neither a name nor an address.
fn host_name(host: &str) -> Option<&str> {
    let name = if host.starts_with('[') {
        host.get(..=host.find(']')?)?
    } else {
        host.split(':').next()?
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    (!name.is_empty() && name.bytes().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::host_name;

    #[test]
    fn the_port_goes_and_nonsense_is_refused() {
        let check = |host, expected| assert_eq!(host_name(host), expected, "{host}");
        check("ramal.local", Some("ramal.local"));
        check("10.0.0.1:8080", Some("10.0.0.1"));
        check("[fe80::1]:80", Some("[fe80::1]"));
        check("", None);
        check(":80", None);
        check("a/b", None);
        check("user@evil", None);
        check("[::1", None);
    }
}
