//! Connections to servers that are there, that are not, and that are somebody else.

use std::net::SocketAddr;

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::certificate::Identity;

const STREAM: StreamId = 5 | pbx::STREAM_OUTBOUND;

fn hop(transport: Transport, remote: SocketAddr) -> Hop {
    Hop {
        transport,
        remote,
        local: "127.0.0.1:5060".parse().expect("an address"),
    }
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("bound");
    (listener, address)
}

/// Dials with `REGISTER` waiting in the queue.
fn dial(dialled: Dialled) -> (connection::Outgoing, mpsc::Receiver<Input>) {
    let (outgoing, queue) = connection::outgoing();
    assert!(outgoing.send(b"REGISTER".to_vec()));
    let (feeder, feed) = mpsc::channel(8);
    tokio::spawn(run(dialled, STREAM, queue, feeder));
    (outgoing, feed)
}

/// A server that answers `REGISTER` with `200`; gives its certificate.
async fn tls_server() -> (Vec<u8>, SocketAddr) {
    let identity = Identity::make("ramal", &[]).expect("a certificate");
    let acceptor = TlsAcceptor::from(identity.server_config(&[]).expect("usable"));
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // One that does not believe us goes away in the middle.
            let Ok(mut socket) = acceptor.accept(socket).await else {
                continue;
            };
            let mut buffer = [0; 8];
            socket.read_exact(&mut buffer).await.expect("asked");
            assert_eq!(&buffer, b"REGISTER");
            socket.write_all(b"200").await.expect("answered");
            socket.shutdown().await.expect("closed");
        }
    });
    (identity.certificate, address)
}

/// Whether a server is believed, and then what it was sent while we connected arrives.
async fn check(trust: Trust, server_name: &str, address: SocketAddr, believed: bool) {
    let dialled = Dialled {
        hop: hop(Transport::Tls, address),
        server_name: server_name.to_owned(),
        trust: trust.clone(),
    };
    let (_outgoing, mut feed) = dial(dialled);
    let mut heard = Vec::new();
    while let Some(input) = feed.recv().await {
        heard.push(input);
    }
    let bytes = b"200".to_vec();
    let stream = STREAM;
    let mut expected = vec![Input::StreamClosed { stream }];
    if believed {
        expected.insert(0, Input::StreamBytes { stream, bytes });
    }
    assert_eq!(heard, expected, "{trust:?} {server_name}");
}

#[tokio::test]
async fn a_server_is_believed_only_for_its_name_and_on_somebodys_word() {
    let (certificate, address) = tls_server().await;
    let own = Trust::Authorities(vec![certificate.clone()]);
    check(own.clone(), "ramal.local", address, true).await;
    check(own.clone(), "127.0.0.1", address, true).await;
    check(own, "provider.example", address, false).await;
    check(Trust::Public, "ramal.local", address, false).await;
    let (other, _) = tls_server().await;
    check(
        Trust::Authorities(vec![other]),
        "ramal.local",
        address,
        false,
    )
    .await;
}

#[tokio::test]
async fn a_pinned_certificate_is_believed_for_any_name_and_no_other_is() {
    let (certificate, address) = tls_server().await;
    let mut fingerprint: [u8; 32] = Sha256::digest(&certificate).into();
    let pinned = Trust::Fingerprint(fingerprint);
    check(pinned, "provider.example", address, true).await;
    fingerprint[31] ^= 1;
    check(
        Trust::Fingerprint(fingerprint),
        "ramal.local",
        address,
        false,
    )
    .await;
}

#[tokio::test]
async fn what_was_sent_before_it_was_connected_arrives_first() {
    let (listener, address) = listener().await;
    let dialled = Dialled {
        hop: hop(Transport::Tcp, address),
        server_name: String::new(),
        trust: Trust::Public,
    };
    let (outgoing, _feed) = dial(dialled);
    assert!(outgoing.send(b" again".to_vec()));
    drop(outgoing);
    let (mut socket, _) = listener.accept().await.expect("dialled");
    let mut heard = String::new();
    socket
        .read_to_string(&mut heard)
        .await
        .expect("an orderly end");
    assert_eq!(heard, "REGISTER again");
}

#[tokio::test]
async fn nobody_there_is_a_closed_stream() {
    let (listener, address) = listener().await;
    drop(listener);
    let dialled = Dialled {
        hop: hop(Transport::Tcp, address),
        server_name: String::new(),
        trust: Trust::Public,
    };
    let (_outgoing, mut feed) = dial(dialled);
    let closed = Input::StreamClosed { stream: STREAM };
    assert_eq!(feed.recv().await, Some(closed));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up_after_ten_seconds() {
    let (_listener, address) = listener().await;
    let dialled = Dialled {
        hop: hop(Transport::Tls, address),
        server_name: "ramal.local".to_owned(),
        trust: Trust::Public,
    };
    let begun = tokio::time::Instant::now();
    let (_outgoing, mut feed) = dial(dialled);
    let closed = Input::StreamClosed { stream: STREAM };
    assert_eq!(feed.recv().await, Some(closed));
    assert_eq!(begun.elapsed(), CONNECT_MAX);
}

#[tokio::test]
async fn a_name_that_cannot_be_one_is_a_closed_stream() {
    let (_, address) = tls_server().await;
    check(Trust::Public, "no name", address, false).await;
    let broken = Trust::Authorities(vec![b"no certificate".to_vec()]);
    check(broken, "ramal.local", address, false).await;
}
