//! The audit trail as a file, fetched from the store while it is sent: all of it may be more than
//! there is memory.

use std::io::Error;

use ipc::store::{Reply, Request, TrailLines, TrailRequest};
use run_loop::ipc::Client;
use run_loop::socket_path;
use tokio::sync::mpsc::{Sender, channel};
use web_server::Pieces;

/// The heading with what came with it, and the lines from `next` to `last`. Ends early, with an
/// error, when the store does not give them: the file is then seen to be cut short.
pub(super) fn pieces(heading: String, next: Option<u64>, last: u64) -> Pieces {
    let (sender, pieces) = channel(1);
    tokio::spawn(async move {
        if let Err(error) = send(&sender, heading, next, last).await {
            tracing::warn!("the audit trail is not exported to its end: {error}");
            // Who hung up need not be told.
            let _ = sender.send(Err(error)).await;
        }
    });
    pieces
}

async fn send(
    sender: &Sender<std::io::Result<Vec<u8>>>,
    heading: String,
    mut next: Option<u64>,
    last: u64,
) -> std::io::Result<()> {
    let store = Client::<Request, Reply>::new(socket_path("store"));
    let mut text = heading;
    loop {
        if sender.send(Ok(text.into_bytes())).await.is_err() {
            return Ok(());
        }
        let Some(first) = next else { return Ok(()) };
        let request = Request::Trail(TrailRequest::Lines { first, last });
        let reply = store.call(&request).await.map_err(Error::other)?;
        let lines = match reply {
            Reply::TrailLines(lines) => lines,
            Reply::Failed { reason } => return Err(Error::other(reason)),
            other => return Err(Error::other(format!("the store answers {other:?}"))),
        };
        TrailLines { text, next, .. } = lines;
    }
}
