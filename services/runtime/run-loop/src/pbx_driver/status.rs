//! `ipc::pbx`: others ask what phones and calls there are, and for the trace of SIP messages.

use std::os::unix::net::UnixListener;

use ipc::pbx::{Reply, Request};
use tokio::sync::{mpsc, oneshot};

use crate::ipc::Answer;
use crate::uid;

/// Questions waiting for the loop; each connection has one at most.
const WAITING_MAX: usize = 64;

/// A question, and where the answer goes.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Reply>,
}

/// Serves the socket on a thread of its own; the loop answers what arrives.
///
/// # Errors
/// No thread.
pub(super) fn serve(listener: UnixListener) -> std::io::Result<mpsc::Receiver<Question>> {
    let (questions, waiting) = mpsc::channel::<Question>(WAITING_MAX);
    let allow = |uid| [uid::WEB, uid::ROOT].contains(&uid);
    std::thread::Builder::new()
        .name("status".into())
        .spawn(move || {
            let served = crate::ipc::serve(&listener, allow, move |_, request| {
                let (answer, answered) = oneshot::channel();
                // The loop gone means the process is ending: the connection closes.
                if questions
                    .blocking_send(Question { request, answer })
                    .is_err()
                {
                    return Answer::Done;
                }
                answered.blocking_recv().map_or(Answer::Done, Answer::Reply)
            });
            if let Err(error) = served {
                tracing::error!("nobody can ask for phones and calls any more: {error}");
            }
        })?;
    Ok(waiting)
}
