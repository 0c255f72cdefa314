//! The netlink socket to netfilter: a transaction and its answer, a question and its answers.

use std::io;
use std::time::Duration;

use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket, SocketAddr};
use rustix::net::sockopt;

use crate::attribute::{Attributes, Reader};
use crate::batch::{Batch, HEADERS_BYTES};
use crate::error::{FirewallError, hint};
use crate::subject::Subject;
use crate::uapi::{
    NFNL_SUBSYS_NFTABLES, NFPROTO_INET, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP,
    NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSGERR_ATTR_MSG, NLMSGERR_ATTR_OFFS,
};

/// A socket of which every question is answered before the next is asked.
pub(crate) struct Netfilter {
    socket: Socket,
}

/// How much is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    One,
    All,
}

impl Asked {
    const fn flags(self) -> u16 {
        match self {
            // The acknowledgement comes behind the answer, as the end of all does.
            Self::One => NLM_F_ACK,
            Self::All => NLM_F_DUMP,
        }
    }
}

/// One message that came.
struct Received<'a> {
    kind: u16,
    flags: u16,
    number: u32,
    body: &'a [u8],
}

/// What the kernel says of one message of a transaction.
struct Answer {
    number: u32,
    error: i32,
    offset: Option<usize>,
    words: Option<String>,
}

impl Netfilter {
    pub(crate) fn open() -> Result<Self, FirewallError> {
        let opened = Socket::new(NETLINK_NETFILTER).and_then(|mut socket| {
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            // More words in answers, and not the question again: it may be 64 KiB.
            socket.set_ext_ack(true)?;
            socket.set_cap_ack(true)?;
            let kind = sockopt::Timeout::Recv;
            sockopt::set_socket_timeout(&socket, kind, Some(ANSWER_TIME_MAX))?;
            sockopt::set_socket_recv_buffer_size_force(&socket, RECEIVE_BYTES)?;
            Ok(socket)
        });
        match opened {
            Ok(socket) => Ok(Self { socket }),
            Err(source) => {
                let hint = hint(&Subject::Transaction, None, &source);
                let hint = match source.kind() {
                    io::ErrorKind::Unsupported => UNSUPPORTED.to_owned(),
                    _ => hint,
                };
                Err(FirewallError::Socket { source, hint })
            }
        }
    }

    /// Sends a transaction and waits for what became of it.
    pub(crate) fn commit(&self, batch: &Batch) -> Result<(), FirewallError> {
        if batch.is_empty() {
            return Ok(());
        }
        let bytes = batch.as_bytes();
        // It goes in one piece or not at all, and the kernel copies it.
        let room = bytes.len().saturating_add(SEND_OVERHEAD_BYTES);
        sockopt::set_socket_send_buffer_size_force(&self.socket, room)
            .map_err(io::Error::from)
            .map_err(netlink("tell"))?;
        self.forget();
        self.socket.send(bytes, 0).map_err(netlink("tell"))?;
        let mut refusal = None;
        let mut buffer = Vec::with_capacity(RECEIVE_BYTES);
        loop {
            for received in self.receive(&mut buffer)? {
                let Some(answer) = answer(&received) else {
                    continue;
                };
                let is_last = answer.number == batch.acknowledged();
                // The beginning is refused alone, with all that follows it.
                let is_end = is_last || answer.number == 0;
                if answer.error != 0 && refusal.is_none() {
                    refusal = Some(refused(batch, answer));
                }
                if is_end {
                    return refusal.map_or(Ok(()), Err);
                }
            }
        }
    }

    /// Asks for one thing or everything of a kind, and calls `each` with the attributes of each
    /// answer. Returns false when something changed meanwhile, so that they do not belong together.
    pub(crate) fn ask(
        &self,
        kind: u8,
        asked: Asked,
        question: &Attributes,
        subject: &Subject,
        mut each: impl FnMut(Reader<'_>),
    ) -> Result<bool, FirewallError> {
        let mut bytes = Vec::new();
        let length = HEADERS_BYTES.saturating_add(question.len());
        bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
        let kind = (NFNL_SUBSYS_NFTABLES << 8) | u16::from(kind);
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&(NLM_F_REQUEST | asked.flags()).to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.extend_from_slice(&[NFPROTO_INET, 0, 0, 0]);
        bytes.extend_from_slice(question.as_bytes());
        self.forget();
        self.socket.send(&bytes, 0).map_err(netlink("ask"))?;
        let mut is_whole = true;
        let mut buffer = Vec::with_capacity(RECEIVE_BYTES);
        loop {
            for received in self.receive(&mut buffer)? {
                is_whole &= received.flags & NLM_F_DUMP_INTR == 0;
                match received.kind {
                    NLMSG_DONE | NLMSG_ERROR => {
                        let number = received.body.first_chunk();
                        let error = number.map_or(0, |it| i32::from_ne_bytes(*it));
                        return match error {
                            0 => Ok(is_whole),
                            // What was read went away meanwhile, or its generation did.
                            error if error == -EINTR => Ok(false),
                            error => Err(refusal_of(subject.clone(), None, error, None)),
                        };
                    }
                    _ => each(Reader(received.body.get(4..).unwrap_or_default())),
                }
            }
        }
    }

    /// Takes away answers that nobody waited for, after an operation that failed.
    fn forget(&self) {
        let mut buffer = Vec::with_capacity(RECEIVE_BYTES);
        while self
            .socket
            .recv(&mut buffer, DONT_WAIT)
            .is_ok_and(|it| it > 0)
        {
            buffer.clear();
        }
    }

    fn receive<'a>(
        &self,
        buffer: &'a mut Vec<u8>,
    ) -> Result<impl Iterator<Item = Received<'a>>, FirewallError> {
        buffer.clear();
        loop {
            match self.socket.recv(buffer, 0) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(netlink("hear")(error)),
                Ok(_) => return Ok(messages(buffer)),
            }
        }
    }
}

fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Received<'_>> {
    std::iter::from_fn(move || {
        let header = bytes.first_chunk::<16>()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, n0, n1, n2, n3, ..] = *header;
        let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
        let body = bytes.get(16..length)?;
        let next = length.next_multiple_of(4).min(bytes.len());
        bytes = bytes.get(next..).unwrap_or_default();
        Some(Received {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            number: u32::from_ne_bytes([n0, n1, n2, n3]),
            body,
        })
    })
}

/// An error number, then the header of the message it is about, then that message where it is not
/// left out, then attributes.
fn answer(received: &Received<'_>) -> Option<Answer> {
    if received.kind != NLMSG_ERROR {
        return None;
    }
    let (error, rest) = received.body.split_first_chunk::<4>()?;
    let (length, _) = rest.split_first_chunk::<4>()?;
    let said = match received.flags & NLM_F_ACK_TLVS {
        0 => &[],
        _ => {
            let original = match received.flags & NLM_F_CAPPED {
                0 => usize::try_from(u32::from_ne_bytes(*length)).ok()?,
                _ => 16,
            };
            rest.get(original.next_multiple_of(4)..).unwrap_or_default()
        }
    };
    let said = Reader(said);
    let offset = said.find(NLMSGERR_ATTR_OFFS);
    let offset = offset.and_then(|it| Some(u32::from_ne_bytes(it.try_into().ok()?)));
    Some(Answer {
        number: received.number,
        error: i32::from_ne_bytes(*error),
        offset: offset.and_then(|it| usize::try_from(it).ok()),
        words: said.find_text(NLMSGERR_ATTR_MSG).map(str::to_owned),
    })
}

fn refused(batch: &Batch, answer: Answer) -> FirewallError {
    let Some(message) = batch.numbered(answer.number) else {
        return FirewallError::Garbled(Subject::Transaction.to_string());
    };
    let places = message.expressions.iter().rev();
    let expression = answer.offset.and_then(|at| {
        let mut before = places.filter(|(start, _)| *start <= at);
        before.next().map(|(_, name)| *name)
    });
    refusal_of(
        message.subject.clone(),
        expression,
        answer.error,
        answer.words,
    )
}

fn refusal_of(
    subject: Subject,
    expression: Option<&'static str>,
    error: i32,
    words: Option<String>,
) -> FirewallError {
    let source = io::Error::from_raw_os_error(error.saturating_neg());
    let mut hint = hint(&subject, expression, &source);
    if let Some(words) = words {
        hint.push_str(&format!(" ({words})"));
    }
    FirewallError::Refused {
        subject,
        expression,
        source,
        hint,
    }
}

fn netlink(action: &'static str) -> impl Fn(io::Error) -> FirewallError {
    move |source| FirewallError::Netlink { action, source }
}

const UNSUPPORTED: &str =
    " (is nfnetlink built into this kernel or loaded? CONFIG_NETFILTER_NETLINK)";
const EINTR: i32 = rustix::io::Errno::INTR.raw_os_error();
const DONT_WAIT: i32 = rustix::net::RecvFlags::DONTWAIT.bits().cast_signed();
/// The kernel answers within the call that asked; this is for one that never does.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
/// Also the size of what is read at once: the kernel makes larger messages for larger readers.
const RECEIVE_BYTES: usize = 256 * 1024;
/// What the kernel needs beside the bytes themselves.
const SEND_OVERHEAD_BYTES: usize = 64 * 1024;
