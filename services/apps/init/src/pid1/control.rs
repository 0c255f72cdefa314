//! The control socket: who may ask PID 1 what, and the connections on it.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use ipc::frame::{self, Decoder};
use ipc::init::{Presence, Reply, Request};
use kernel::{Context, SystemError, network};
use supervise::Service;

use crate::services;

/// One connection to `init.sock`.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: UnixStream,
    uid: u32,
    decoder: Decoder,
    /// Bytes of the request that is coming in.
    incoming: usize,
    outgoing: VecDeque<u8>,
}

/// What became of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// It goes on.
    Open,
    /// It goes on, and a reply waits for room.
    Writing,
    /// It is over.
    Closed,
}

impl Connection {
    pub(crate) fn new(stream: UnixStream) -> Result<Self, SystemError> {
        stream
            .set_nonblocking(true)
            .context("accept", "a connection to init.sock")?;
        let uid = network::peer_uid(&stream)?;
        Ok(Self {
            stream,
            uid,
            decoder: Decoder::default(),
            incoming: 0,
            outgoing: VecDeque::new(),
        })
    }

    /// The user id at the other end.
    pub(crate) const fn uid(&self) -> u32 {
        self.uid
    }

    /// Reads what is there and returns the complete requests. Never waits.
    pub(crate) fn requests(&mut self) -> (Vec<Request>, State) {
        let mut requests = Vec::new();
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(0) => return (requests, State::Closed),
            Ok(count) => {
                self.incoming = self.incoming.saturating_add(count);
                self.decoder.push(buffer.get(..count).unwrap_or_default());
            }
            Err(error) if is_passing(&error) => return (requests, State::Open),
            Err(_) => return (requests, State::Closed),
        }
        loop {
            match self.decoder.pop() {
                Ok(Some(_)) if requests.len() >= REQUESTS_MAX => return (requests, State::Closed),
                Ok(Some(request)) => {
                    self.incoming = 0;
                    requests.push(request);
                }
                Ok(None) if self.incoming > REQUEST_BYTES_MAX => return (requests, State::Closed),
                Ok(None) => return (requests, State::Open),
                Err(_) => return (requests, State::Closed),
            }
        }
    }

    /// Queues a reply and writes what there is room for.
    pub(crate) fn reply(&mut self, reply: &Reply) -> State {
        let Ok(frame) = frame::encode(reply) else {
            return State::Closed;
        };
        if self.outgoing.len() > REPLY_BYTES_MAX {
            return State::Closed;
        }
        self.outgoing.extend(frame);
        self.flush()
    }

    /// Writes what there is room for.
    pub(crate) fn flush(&mut self) -> State {
        while !self.outgoing.is_empty() {
            let (front, _) = self.outgoing.as_slices();
            match self.stream.write(front) {
                Ok(0) => return State::Closed,
                Ok(count) => drop(self.outgoing.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return State::Writing,
                Err(_) => return State::Closed,
            }
        }
        State::Open
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Whether a user may make a request.
pub(crate) fn may(uid: u32, request: &Request) -> bool {
    let web = services::uid(Service::Web);
    match request {
        Request::Status => {
            uid == ROOT
                || Service::ALL
                    .iter()
                    .any(|service| services::uid(*service) == uid)
        }
        Request::Present(Presence::Network { .. }) => uid == services::uid(Service::Net),
        Request::Present(Presence::Pages { .. } | Presence::Notice(_))
        | Request::Attend
        | Request::Stick
        | Request::SecureBoot
        | Request::Screen(_)
        | Request::RecoveryCode
        | Request::RenewRecoveryCode
        | Request::Restart { .. } => uid == web,
        Request::Shutdown(_) | Request::Log { .. } => uid == ROOT || uid == web,
    }
}

const ROOT: u32 = 0;
/// A request is a few words; the longest are lines for the screen.
const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// Requests answered in one turn. A peer waits for its answer before it asks again; one that does
/// not would keep the loop from everything else.
const REQUESTS_MAX: usize = 4;
/// Replies that may wait for a peer that does not read: a whole log, and some.
const REPLY_BYTES_MAX: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use ipc::Redacted;
    use ipc::init::Shutdown;

    use super::*;

    #[test]
    fn only_web_reaches_the_screen_and_only_root_and_web_end_the_box() {
        let screen = Request::Screen(Redacted::new(vec![]));
        let shutdown = Request::Shutdown(Shutdown::PowerOff);
        let log = Request::Log { limit: 1 };
        let allowed = |request: &Request| -> Vec<u32> {
            [0, 101, 102, 103, 104, 105, 1000]
                .into_iter()
                .filter(|uid| may(*uid, request))
                .collect()
        };
        assert_eq!(allowed(&Request::Status), [0, 101, 102, 103, 104, 105]);
        assert_eq!(allowed(&screen), [105]);
        let network = Request::Present(Presence::Network {
            host_name: "ramal".into(),
            status: ipc::net::Status::default(),
            set: None,
        });
        assert_eq!(allowed(&network), [102]);
        let pages = Presence::Pages {
            certificate: None,
            is_claimed: true,
        };
        assert_eq!(allowed(&Request::Present(pages)), [105]);
        assert_eq!(allowed(&Request::Attend), [105]);
        assert_eq!(allowed(&Request::Stick), [105]);
        assert_eq!(allowed(&Request::SecureBoot), [105]);
        assert_eq!(
            allowed(&Request::Restart {
                name: String::new(),
                kill: true
            }),
            [105]
        );
        assert_eq!(allowed(&shutdown), [0, 105]);
        assert_eq!(allowed(&log), [0, 105]);
    }

    #[test]
    fn a_peer_that_asks_without_waiting_for_answers_is_closed() {
        let (mut peer, ours) = UnixStream::pair().expect("a pair");
        let mut connection = Connection::new(ours).expect("ours");
        let flood = frame::encode(&Request::Status).expect("fits").repeat(500);
        peer.write_all(&flood).expect("written");
        let (requests, state) = connection.requests();
        assert_eq!((requests.len(), state), (REQUESTS_MAX, State::Closed));
    }

    #[test]
    fn garbage_and_endless_requests_end_the_connection() {
        for bytes in [
            vec![0xff; 4096],
            [&[0, 0, 0x20, 0][..], &[0; 4092]].concat(),
        ] {
            let (mut peer, ours) = UnixStream::pair().expect("a pair");
            let mut connection = Connection::new(ours).expect("ours");
            let mut state = State::Open;
            for _ in 0..40 {
                peer.write_all(&bytes).expect("written");
                state = connection.requests().1;
                if state == State::Closed {
                    break;
                }
            }
            assert_eq!(state, State::Closed);
        }
    }
}
