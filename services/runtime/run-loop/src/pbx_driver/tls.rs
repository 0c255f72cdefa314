//! SIP over TLS, the serving side: handshakes in the background, bounded in number and time.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sansio::network_of;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsStream};

use super::connection::{self, Socket};
use super::identity;
use super::streams::{ACCEPT_PAUSE, Accepted};
use crate::syn;

/// Handshakes at once. Phones that come back after a power cut finish one in a few round trips;
/// more only wait a moment longer in the kernel.
const HANDSHAKES_MAX: usize = 64;

/// Handshakes at once from one IPv4 address, so that one stranger cannot have them all.
const HANDSHAKES_PER_HOST_MAX: usize = 8;

/// The same from one /64 of IPv6, which may be a whole office.
const HANDSHAKES_PER_NETWORK_MAX: usize = 32;

/// How long a handshake may take.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Rest while all places are taken.
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// Somebody asks for a connection; the loop says whether he is answered at all.
#[derive(Debug)]
pub(super) struct Knock {
    /// From where.
    pub(super) source: IpAddr,
    /// Whether he is.
    pub(super) answer: oneshot::Sender<bool>,
}

/// Where what comes goes.
#[derive(Clone, Debug)]
pub(super) struct Doors {
    /// Who comes, before his handshake.
    pub(super) knocks: mpsc::Sender<Knock>,
    /// Connections, their handshake done.
    pub(super) accepting: mpsc::Sender<Accepted>,
}

impl Doors {
    /// A loop that does not answer is ending, and answers nobody.
    async fn hears(&self, source: IpAddr) -> bool {
        let (answer, answered) = oneshot::channel();
        let is_asked = self.knocks.send(Knock { source, answer }).await.is_ok();
        is_asked && answered.await.unwrap_or(false)
    }
}

/// Serves `listeners` with the box's certificate, from the moment there is one.
pub(super) async fn serve(
    listeners: Vec<std::net::TcpListener>,
    peers: identity::Sources,
    doors: Doors,
) {
    let config = identity::settle(&peers).await;
    let acceptor = TlsAcceptor::from(config);
    let places = Places::default();
    for listener in listeners {
        syn::keep(&listener);
        let listener = listener
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(listener));
        match listener {
            Ok(listener) => {
                let (acceptor, places) = (acceptor.clone(), places.clone());
                tokio::spawn(accept(listener, acceptor, places, doors.clone()));
            }
            Err(error) => tracing::error!("SIP over TLS is not served: {error}"),
        }
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, places: Places, doors: Doors) {
    loop {
        if places.are_full() {
            sleep(FULL_PAUSE).await;
            continue;
        }
        match listener.accept().await {
            Ok((socket, remote)) => {
                let Some(place) = places.take(remote.ip()) else {
                    tracing::debug!(%remote, "too many TLS handshakes");
                    continue;
                };
                let (acceptor, doors) = (acceptor.clone(), doors.clone());
                tokio::spawn(async move {
                    let answer = async {
                        match doors.hears(remote.ip()).await {
                            true => shake_hands(socket, &acceptor).await,
                            false => None,
                        }
                    };
                    let done = timeout(HANDSHAKE_MAX, answer).await;
                    drop(place);
                    if let Ok(Some(connection)) = done {
                        // The loop gone means the process is ending.
                        let _ = doors.accepting.send(connection).await;
                    }
                });
            }
            Err(error) => {
                tracing::warn!("cannot accept a SIP connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn shake_hands(socket: TcpStream, acceptor: &TlsAcceptor) -> Option<Accepted> {
    let (remote, local) = (socket.peer_addr().ok()?, socket.local_addr().ok()?);
    connection::prepare(&socket);
    let syn = syn::of(&socket);
    match acceptor.accept(socket).await {
        Ok(socket) => Some(Accepted {
            socket: Socket::Tls(Box::new(TlsStream::Server(socket))),
            remote,
            local,
            syn,
        }),
        Err(error) => {
            tracing::debug!(%remote, "no TLS: {error}");
            None
        }
    }
}

/// Who is in the middle of a handshake.
#[derive(Clone, Debug, Default)]
struct Places(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One of them; free again when dropped.
#[derive(Debug)]
struct Place {
    places: Places,
    host: IpAddr,
}

impl Places {
    fn are_full(&self) -> bool {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.values().sum::<usize>() >= HANDSHAKES_MAX
    }

    fn take(&self, host: IpAddr) -> Option<Place> {
        let host = network_of(host);
        let most = match host {
            IpAddr::V4(_) => HANDSHAKES_PER_HOST_MAX,
            IpAddr::V6(_) => HANDSHAKES_PER_NETWORK_MAX,
        };
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_host = taken.entry(host).or_insert(0);
        if *of_host >= most {
            return None;
        }
        *of_host += 1;
        drop(taken);
        let places = self.clone();
        Some(Place { places, host })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_host) = taken.get_mut(&self.host) {
            *of_host = of_host.saturating_sub(1);
            if *of_host == 0 {
                taken.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_cannot_have_every_handshake_whatever_address_it_chooses() {
        let places = Places::default();
        let six = |last: u16| IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]);
        let held: Vec<Place> = (0..100).filter_map(|last| places.take(six(last))).collect();
        assert_eq!(held.len(), HANDSHAKES_PER_NETWORK_MAX);
        let four: Vec<Place> = (0..100)
            .filter_map(|_| places.take([192, 0, 2, 1].into()))
            .collect();
        assert_eq!(four.len(), HANDSHAKES_PER_HOST_MAX);
        drop(held);
        assert!(places.take(six(1)).is_some(), "free again");
    }

    /// R48, R49: whoever is refused learns nothing, not even whose certificate it is.
    #[tokio::test]
    async fn who_is_not_heard_gets_no_handshake() {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let identity = crate::certificate::Identity::make("ramal", &[]).expect("a certificate");
        let acceptor = TlsAcceptor::from(identity.server_config(&[]).expect("usable"));
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port is free");
        let address = listener.local_addr().expect("bound");
        let (knocks, mut knocked) = mpsc::channel(1);
        let (accepting, _kept) = mpsc::channel(1);
        let doors = Doors { knocks, accepting };
        tokio::spawn(accept(listener, acceptor, Places::default(), doors));
        // A ClientHello with nothing in it: whoever reads it says so.
        let hello = [0x16, 3, 1, 0, 4, 1, 0, 0, 0];
        for is_heard in [false, true] {
            let mut stranger = TcpStream::connect(address).await.expect("listening");
            let knock = knocked.recv().await.expect("he is asked about");
            assert!(knock.source.is_loopback());
            knock.answer.send(is_heard).expect("it waits");
            // It may be closed already.
            let _ = stranger.write_all(&hello).await;
            let mut answer = Vec::new();
            let _ = stranger.read_to_end(&mut answer).await;
            // Whoever is heard is told by an alert what is wrong with that.
            assert_eq!(!answer.is_empty(), is_heard, "{answer:?}");
        }
    }
}
