//! The side everybody sees: checks who connects, then passes bytes on.

use std::future::Future;
use std::os::unix::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::{CONNECTIONS_MAX, ControlError, EXCHANGE_MAX};
use crate::limits::{ACCEPT_PAUSE, HEAD_BYTES_MAX};

/// Carries the proof that a request came through here.
pub(super) const PROOF_HEADER: &str = "x-front-proof";

pub(super) async fn serve(
    listener: &UnixListener,
    allow: impl Fn(u32) -> bool,
    inner: &SocketAddr,
    proof: &str,
    stop: impl Future<Output = ()>,
) -> Result<(), ControlError> {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    tokio::pin!(stop);
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        let (slot, accepted) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        let Ok(slot) = slot else {
            return Ok(());
        };
        let Ok((outer, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let uid = outer.peer_cred()?.uid();
        if !allow(uid) {
            tracing::warn!("control socket: user {uid} may not ask");
            continue;
        }
        let (inner, proof) = (inner.clone(), proof.to_owned());
        tokio::spawn(async move {
            // A client that breaks off ends only its own exchange.
            let _ = tokio::time::timeout(EXCHANGE_MAX, pass(outer, &inner, &proof)).await;
            drop(slot);
        });
    }
    // With all of them free, everything is answered.
    let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
    let _ = slots.acquire_many(all).await;
    Ok(())
}

/// Passes one exchange on, with the proof behind its first line.
async fn pass(mut outer: UnixStream, inner: &SocketAddr, proof: &str) -> std::io::Result<()> {
    let inner = std::os::unix::net::UnixStream::connect_addr(inner)?;
    inner.set_nonblocking(true)?;
    let mut inner = UnixStream::from_std(inner)?;
    let mut seen = Vec::new();
    let end = loop {
        if let Some(end) = seen.windows(2).position(|pair| pair == b"\r\n") {
            break end + 2;
        }
        if seen.len() > HEAD_BYTES_MAX || outer.read_buf(&mut seen).await? == 0 {
            return Ok(());
        }
    };
    let (line, rest) = seen.split_at(end);
    inner.write_all(line).await?;
    inner
        .write_all(format!("{PROOF_HEADER}: {proof}\r\n").as_bytes())
        .await?;
    inner.write_all(rest).await?;
    copy_bidirectional(&mut outer, &mut inner).await?;
    Ok(())
}
