//! TCP connections of phones outlive this process: PID 1 holds a pair of sockets for us, and the
//! descriptors lie in the queue between them.
//!
//! A descriptor sent over a Unix socket (unix(7), `SCM_RIGHTS`) is kept open by the kernel until
//! somebody receives it. PID 1 made the pair and hands both ends to every `pbx` it starts, but
//! never reads from it; so what one process has sent, the next one finds. Registrations over TCP,
//! and calls, go on after a crash as they do over UDP.
//!
//! The alternative, to call back the address in the phone's Contact, fails for every phone behind
//! a router and for those that do not listen (RFC 5626 §1). TLS connections are not kept: their
//! keys are gone with the process.
//!
//! A queue has no way to take one message out of its middle. What has ended stays until half the
//! queue is of that kind, and is then sifted out; so ending a connection says so explicitly
//! (shutdown(2)), as the last descriptor is not closed with ours.

use std::collections::BTreeSet;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use pbx::StreamId;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, Shutdown, recvmsg, sendmsg, shutdown,
};

/// Ended connections that are left lying however few live ones there are.
const ENDED_SPARE: usize = 32;

/// The two ends of the queue.
#[derive(Debug)]
pub struct Kept {
    /// Where descriptors go in.
    pub into: OwnedFd,
    /// Where they come out.
    pub out: OwnedFd,
}

/// Keeps connections for the next process.
#[derive(Debug)]
pub(super) struct Keeper {
    /// `None` when nobody would keep them.
    queue: Option<Kept>,
    /// Those kept that have not ended.
    live: BTreeSet<StreamId>,
    /// Messages in the queue.
    length: usize,
}

impl Keeper {
    /// Keeps in `queue`.
    pub(super) const fn new(queue: Option<Kept>) -> Self {
        Self {
            queue,
            live: BTreeSet::new(),
            length: 0,
        }
    }

    /// Keeps nothing.
    #[cfg(test)]
    pub(super) const fn none() -> Self {
        Self::new(None)
    }

    /// What an earlier process left, by name. Each has to be kept again.
    pub(super) fn take_back(&mut self) -> Vec<(StreamId, TcpStream)> {
        let Some(queue) = &self.queue else {
            return Vec::new();
        };
        let mut found = Vec::new();
        while let Some((stream, socket)) = take(&queue.out) {
            let socket = TcpStream::from(socket);
            // One that ended while nobody looked has no peer any more.
            if socket.peer_addr().is_ok() {
                found.push((stream, socket));
            }
        }
        self.length = 0;
        self.live.clear();
        found
    }

    /// Keeps a connection.
    pub(super) fn keep(&mut self, stream: StreamId, socket: impl AsFd) {
        let Some(queue) = &self.queue else { return };
        match put(&queue.into, stream, socket.as_fd()) {
            Ok(()) => {
                self.length += 1;
                self.live.insert(stream);
            }
            Err(error) => {
                tracing::warn!(stream, "a connection would not outlive a crash: {error}");
            }
        }
    }

    /// Keeps a connection that has ended no longer.
    pub(super) fn forget(&mut self, stream: StreamId) {
        if self.live.remove(&stream) && self.length > 2 * self.live.len() + ENDED_SPARE {
            self.sift();
        }
    }

    /// Ends everything kept: the process stops in order, and peers shall see it.
    pub(super) fn let_go(&mut self) {
        for (_, socket) in self.take_back() {
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Goes once around the queue and leaves out what has ended. Dying meanwhile costs the one
    /// connection that is out at that moment.
    fn sift(&mut self) {
        let Some(queue) = &self.queue else { return };
        let mut length = 0;
        for _ in 0..self.length {
            let Some((stream, socket)) = take(&queue.out) else {
                break;
            };
            if self.live.contains(&stream) {
                if put(&queue.into, stream, socket.as_fd()).is_ok() {
                    length += 1;
                } else {
                    self.live.remove(&stream);
                }
            }
        }
        self.length = length;
    }
}

/// Says to the peer that a kept connection is over.
pub(super) fn end(socket: impl AsFd) {
    // It may be over already.
    let _ = shutdown(socket, Shutdown::Both);
}

fn put(into: &OwnedFd, stream: StreamId, socket: BorrowedFd<'_>) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = [socket];
    ancillary.push(SendAncillaryMessage::ScmRights(&descriptors));
    let name = stream.to_ne_bytes();
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    sendmsg(into, &[IoSlice::new(&name)], &mut ancillary, flags).map(|_| ())
}

/// The next one that is whole; `None` when the queue is empty.
fn take(out: &OwnedFd) -> Option<(StreamId, OwnedFd)> {
    loop {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut name = [0; size_of::<StreamId>()];
        let mut slices = [IoSliceMut::new(&mut name)];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received = match recvmsg(out, &mut slices, &mut ancillary, flags) {
            Ok(received) => received,
            Err(Errno::INTR) => continue,
            Err(_) => return None,
        };
        let whole = received.bytes == size_of::<StreamId>();
        let socket = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        match socket {
            Some(socket) if whole => return Some((StreamId::from_ne_bytes(name), socket)),
            // Nothing of ours: the other end was closed.
            None if received.bytes == 0 => return None,
            Some(_) | None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    /// What PID 1 holds, and what it hands to a process.
    fn pair() -> (Kept, impl Fn() -> Kept) {
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let made = socketpair(family, kind, SocketFlags::CLOEXEC, None);
        let (into, out) = made.expect("a pair of sockets");
        let copy = |fd: &OwnedFd| fd.try_clone().expect("descriptors are left");
        let (first, second) = (copy(&into), copy(&out));
        let hand_over = move || Kept {
            into: copy(&first),
            out: copy(&second),
        };
        (Kept { into, out }, hand_over)
    }

    /// A phone and our end of its connection.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let phone = TcpStream::connect(listener.local_addr().expect("bound"));
        let (ours, _) = listener.accept().expect("connected");
        (phone.expect("listening"), ours)
    }

    #[test]
    fn a_connection_is_found_again_by_the_next_process_and_nothing_sent_is_lost() {
        let (_held, hand_over) = pair();
        let (mut phone, ours) = connection();
        let mut keeper = Keeper::new(Some(hand_over()));
        keeper.keep(7, &ours);
        // The process dies: all its descriptors are closed.
        drop((ours, keeper));
        phone.write_all(b"REGISTER").expect("it is still open");
        let mut next = Keeper::new(Some(hand_over()));
        let mut found = next.take_back();
        let (stream, mut ours) = found.pop().expect("kept");
        assert_eq!((stream, found.len()), (7, 0));
        let mut buffer = [0; 8];
        ours.read_exact(&mut buffer).expect("it waited");
        assert_eq!(&buffer, b"REGISTER");
    }

    #[test]
    fn what_has_ended_is_sifted_out_and_the_rest_stays() {
        let (_held, hand_over) = pair();
        let mut keeper = Keeper::new(Some(hand_over()));
        let mut phones = Vec::new();
        for stream in 0..100 {
            let (phone, ours) = connection();
            keeper.keep(stream, &ours);
            phones.push((phone, ours));
        }
        for stream in 10..100 {
            keeper.forget(stream);
        }
        assert!(
            keeper.length <= 2 * 10 + ENDED_SPARE + 1,
            "{}",
            keeper.length
        );
        drop(keeper);
        let kept = Keeper::new(Some(hand_over())).take_back();
        let names: BTreeSet<_> = kept.iter().map(|(stream, _)| *stream).collect();
        assert!(names.is_superset(&(0..10).collect()));
    }

    #[test]
    fn an_orderly_stop_ends_what_is_kept() {
        let (_held, hand_over) = pair();
        let (mut phone, ours) = connection();
        let mut keeper = Keeper::new(Some(hand_over()));
        keeper.keep(7, &ours);
        drop(ours);
        keeper.let_go();
        let mut rest = Vec::new();
        phone.read_to_end(&mut rest).expect("an orderly end");
        assert!(Keeper::new(Some(hand_over())).take_back().is_empty());
    }
}
