//! Connections that the node asks for: to trunks, and to phones that a message does not fit a
//! datagram for.

use std::io;
use std::time::Duration;

use pbx::{Hop, Input, StreamId, Trust};
use rustls::pki_types::ServerName;
use sansio::Transport;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, TlsStream};

use super::connection::{self, OutgoingQueue, Socket};
use super::trust;

/// How long connecting and the TLS handshake may take together.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Where to, and who must be there.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) hop: Hop,
    pub(super) server_name: String,
    pub(super) trust: Trust,
}

/// Connects and serves the connection; reports [`Input::StreamClosed`] when that fails or it ends.
pub(super) async fn run(
    dialled: Dialled,
    stream: StreamId,
    outgoing: OutgoingQueue,
    feed: mpsc::Sender<Input>,
) {
    let failed = match timeout(CONNECT_MAX, dialled.connect()).await {
        Ok(Ok(socket)) => return connection::run(socket, stream, true, outgoing, feed).await,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", CONNECT_MAX.as_secs()),
    };
    let Hop {
        transport, remote, ..
    } = dialled.hop;
    let name = dialled.server_name;
    tracing::warn!(to = %remote, by = %transport, name, "cannot connect: {failed}");
    // The loop gone means the process is ending.
    let _ = feed.send(Input::StreamClosed { stream }).await;
}

impl Dialled {
    async fn connect(&self) -> io::Result<Socket> {
        let tls = match self.hop.transport {
            Transport::Tls => Some(self.handshake()?),
            Transport::Tcp => None,
            Transport::Udp => return Err(io::Error::other("UDP has no connections")),
        };
        let socket = TcpStream::connect(self.hop.remote).await?;
        connection::prepare(&socket);
        let Some((connector, name)) = tls else {
            return Ok(Socket::Tcp(socket));
        };
        let secured = connector.connect(name, socket).await?;
        Ok(Socket::Tls(Box::new(TlsStream::Client(secured))))
    }

    fn handshake(&self) -> io::Result<(TlsConnector, ServerName<'static>)> {
        let name = ServerName::try_from(self.server_name.clone()).map_err(io::Error::other)?;
        let config = trust::client_config(&self.trust).map_err(io::Error::other)?;
        Ok((TlsConnector::from(config), name))
    }
}

#[cfg(test)]
mod tests;
