//! A connection to the server a file is fetched from.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use admin::{Address, FetchFault};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Surroundings;
use super::limits::Limits;

/// A connection; it ends with this.
#[derive(Debug)]
pub(super) struct Link {
    sender: SendRequest<Empty<Bytes>>,
    task: AbortHandle,
    pub(super) address: Address,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Link {
    pub(super) async fn open(
        address: &Address,
        tls: &Arc<ClientConfig>,
        limits: &Limits,
        around: &impl Surroundings,
    ) -> Result<Self, FetchFault> {
        let stream = connect(address, limits.connect, around).await?;
        let host = || address.host.clone();
        let (sender, task) = if address.is_secure {
            let name = ServerName::try_from(host()).map_err(|_| FetchFault::BadAddress)?;
            let connector = TlsConnector::from(Arc::clone(tls));
            let stream = timeout(limits.connect, connector.connect(name, stream)).await;
            let stream = stream.map_err(|_| FetchFault::Stalled)?;
            shake_hands(stream.map_err(|error| of_tls(&error, host()))?, host()).await?
        } else {
            shake_hands(stream, host()).await?
        };
        Ok(Self {
            sender,
            task,
            address: address.clone(),
        })
    }

    /// Asks for the bytes `from` to `last`; the head of the answer.
    pub(super) async fn ask(
        &mut self,
        from: u64,
        last: u64,
        limit: Duration,
    ) -> Result<Response<Incoming>, FetchFault> {
        let request = Request::get(&self.address.target)
            .header("host", self.address.authority())
            .header("user-agent", "ramal")
            .header("accept-encoding", "identity")
            .header("range", format!("bytes={from}-{last}"))
            .body(Empty::new())
            .map_err(|_| FetchFault::BadAddress)?;
        let asked = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        let answered = timeout(limit, asked)
            .await
            .map_err(|_| FetchFault::Stalled)?;
        answered.map_err(|error| {
            tracing::info!("no answer from {}: {error}", self.address.host);
            FetchFault::CutShort
        })
    }
}

async fn connect(
    address: &Address,
    limit: Duration,
    around: &impl Surroundings,
) -> Result<TcpStream, FetchFault> {
    let host = || address.host.clone();
    let literal = address.host.parse().ok().map(|ip| vec![ip]);
    let found = match literal {
        Some(found) => found,
        None => around.addresses(&address.host).await,
    };
    if found.is_empty() {
        return Err(FetchFault::NoName(host()));
    }
    let allowed: Vec<_> = found
        .into_iter()
        .filter(|ip| around.may_reach(*ip))
        .collect();
    if allowed.is_empty() {
        return Err(FetchFault::OwnAddress(host()));
    }
    for ip in allowed.into_iter().take(ADDRESSES_MAX) {
        let place = SocketAddr::new(ip, address.port);
        match timeout(limit, TcpStream::connect(place)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => tracing::info!("{place} cannot be reached: {error}"),
            Err(_) => tracing::info!("{place} does not answer"),
        }
    }
    Err(FetchFault::Unreachable(host()))
}

async fn shake_hands<S>(
    stream: S,
    host: String,
) -> Result<(SendRequest<Empty<Bytes>>, AbortHandle), FetchFault>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shaken = http1::Builder::new()
        .max_buf_size(BUFFER)
        .max_headers(HEADERS_MAX)
        .handshake(TokioIo::new(stream))
        .await;
    let (sender, connection) = shaken.map_err(|_| FetchFault::Unreachable(host))?;
    let task = tokio::spawn(async move {
        // Why it ended is told to whoever waits for an answer.
        let _ = connection.await;
    });
    Ok((sender, task.abort_handle()))
}

fn of_tls(error: &std::io::Error, host: String) -> FetchFault {
    use rustls::{CertificateError as Certificate, Error};
    tracing::info!("no TLS with {host}: {error}");
    let inner = error.get_ref().and_then(|it| it.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(
            Certificate::Expired
            | Certificate::NotValidYet
            | Certificate::ExpiredContext { .. }
            | Certificate::NotValidYetContext { .. },
        )) => FetchFault::WrongTime(host),
        Some(Error::InvalidCertificate(_)) => FetchFault::NotTrusted(host),
        Some(_) => FetchFault::NoTls(host),
        None => FetchFault::Unreachable(host),
    }
}

/// Addresses of a name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Most bytes of a head, and of what is read at once.
const BUFFER: usize = 64 * 1024;
/// Most fields of a head.
const HEADERS_MAX: usize = 64;
