//! `ipc::pbx`: others ask what phones and calls there are.

use std::os::unix::net::UnixListener;

use ipc::pbx::{Reply, Request, Status};
use tokio::sync::{mpsc, oneshot};

use crate::ipc::Answer;
use crate::uid;

/// Questions waiting for the loop; each connection has one at most.
const WAITING_MAX: usize = 64;

/// A question, and where the answer goes.
pub(super) type StatusQuestion = oneshot::Sender<Status>;

/// Serves the socket on a thread of its own; the loop answers what arrives.
///
/// # Errors
/// No thread.
pub(super) fn serve(listener: UnixListener) -> std::io::Result<mpsc::Receiver<StatusQuestion>> {
    let (questions, waiting) = mpsc::channel::<StatusQuestion>(WAITING_MAX);
    let allow = |uid| [uid::WEB, uid::ROOT].contains(&uid);
    std::thread::Builder::new()
        .name("status".into())
        .spawn(move || {
            let served = crate::ipc::serve(&listener, allow, move |_, request| match request {
                Request::Status => {
                    let (answer, answered) = oneshot::channel();
                    // The loop gone means the process is ending: the connection closes.
                    if questions.blocking_send(answer).is_err() {
                        return Answer::Done;
                    }
                    answered
                        .blocking_recv()
                        .map_or(Answer::Done, |status| Answer::Reply(Reply::Status(status)))
                }
            });
            if let Err(error) = served {
                tracing::error!("nobody can ask for phones and calls any more: {error}");
            }
        })?;
    Ok(waiting)
}
