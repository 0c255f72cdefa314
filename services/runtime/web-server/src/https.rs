//! HTTPS: hyper over rustls, every wait and every size bounded.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;

use admin::{Method, Peer, Response};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use run_loop::syn;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::answer::{Answer, Sending};
use crate::connections::{Connections, Ticket};
use crate::limits::{
    ACCEPT_PAUSE, CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX, HEAD_BYTES_MAX, HEAD_READ_MAX,
    HEADERS_MAX, TLS_ACCEPT_MAX,
};
use crate::streams::{Pace, Streams};
use crate::{Handler, convert};

/// Serves at all these addresses until `stop`, each connection with what `tls` holds when it comes.
/// Then nobody is let in any more, and what was asked is answered.
pub async fn serve_https<H: Handler>(
    mut listeners: Vec<TcpListener>,
    tls: watch::Receiver<Arc<ServerConfig>>,
    handler: Arc<H>,
    stop: impl Future<Output = ()>,
) {
    listeners.iter().for_each(syn::keep);
    let connections = Connections::new(CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_MAX);
    let open = GracefulShutdown::new();
    let (stopping, stopped) = watch::channel(false);
    let streams = Streams::new(Pace::default(), stopped);
    tokio::pin!(stop);
    loop {
        let (stream, source, ticket) = tokio::select! {
            accepted = accept(&mut listeners, &connections, &*handler) => accepted,
            () = &mut stop => break,
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&tls.borrow()));
        let end = open.watcher();
        let front = (Arc::clone(&handler), streams.clone());
        tokio::spawn(async move {
            let sending = Sending::default();
            let life = serve_one(stream, source, &acceptor, front, &sending, end);
            ticket.hold(life, &sending).await;
        });
    }
    drop(listeners);
    stopping.send_replace(true);
    open.shutdown().await;
}

/// The next connection within the limits, which are the same for all listeners together; those
/// beyond, and of addresses that are shut out, are closed at once.
pub(crate) async fn accept<H: Handler>(
    listeners: &mut [TcpListener],
    connections: &Connections,
    handler: &H,
) -> (TcpStream, SocketAddr, Ticket) {
    loop {
        match accept_any(listeners).await {
            Ok((_, source)) if handler.knocks(source.ip().to_canonical()) => {}
            Ok((stream, source)) => {
                if let Some(syn) = syn::of(&stream) {
                    handler.came(source.ip().to_canonical(), syn);
                }
                if let Some(ticket) = connections.admit(source.ip()) {
                    return (stream, source, ticket);
                }
            }
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection to one of them. Where one came, others may stand in line: the next is taken there
/// only if nobody waits elsewhere.
async fn accept_any(listeners: &mut [TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    let (at, accepted) = poll_fn(|context| {
        for (at, listener) in listeners.iter().enumerate() {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready((at, accepted));
            }
        }
        Poll::Pending
    })
    .await;
    listeners.rotate_left(at + 1);
    accepted
}

/// hyper's HTTP/1 with our limits. HTTP/2 is not offered: one more parser, nothing gained here.
pub(crate) fn http1() -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_READ_MAX)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(true);
    http
}

/// Answers on a task of its own: a client that hangs up ends its connection, but must not end what
/// it asked for half-way, such as the audit entry of its own failed sign-in.
pub(crate) async fn see_through<H: Handler>(handler: Arc<H>, request: admin::Request) -> Answer {
    let answering = tokio::spawn(async move { handler.handle(request).await });
    answering
        .await
        .unwrap_or_else(|_| Response::empty(500).sealed().into())
}

async fn serve_one<H: Handler>(
    stream: TcpStream,
    source: SocketAddr,
    acceptor: &TlsAcceptor,
    (handler, streams): (Arc<H>, Streams),
    sending: &Sending,
    end: Watcher,
) {
    // Small answers must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let at = stream.local_addr().ok().map(|it| it.ip().to_canonical());
    let Ok(Ok(stream)) = tokio::time::timeout(TLS_ACCEPT_MAX, acceptor.accept(stream)).await else {
        return;
    };
    let source = source.ip().to_canonical();
    let peer = Peer::Network(source);
    let service = service_fn(|request| {
        let (handler, streams) = (Arc::clone(&handler), streams.clone());
        async move {
            // Shut out since he connected: the connection ends, and nothing is said.
            if handler.is_shut(source) {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            let answer = match convert::read(request, peer, at).await {
                Ok(request) if request.method == Method::Get => {
                    let answer = see_through(Arc::clone(&handler), request.clone()).await;
                    streams.go_on(answer, &handler, request)
                }
                Ok(request) => see_through(handler, request).await,
                Err(refusal) => refusal.into(),
            };
            Ok(convert::write(answer, sending))
        }
    });
    // A client that broke off or spoke nonsense is its own affair; hyper answered what it could.
    let _ = end
        .watch(http1().serve_connection(TokioIo::new(stream), service))
        .await;
}
