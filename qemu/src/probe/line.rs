//! The socket: datagrams or a connection, and SIP responses out of either.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::ProbeError;
use super::message::Response;

enum Socket {
    Datagrams(UdpSocket),
    Connection {
        stream: TcpStream,
        received: Vec<u8>,
    },
}

/// A socket connected to one server.
pub(super) struct Line {
    pub(super) target: SocketAddr,
    pub(super) local: SocketAddr,
    socket: Socket,
}

impl Line {
    pub(super) fn udp(target: SocketAddr) -> Result<Self, ProbeError> {
        let any: SocketAddr = match target {
            SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
            SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
        };
        let open = || -> io::Result<Self> {
            let socket = UdpSocket::bind(any)?;
            socket.connect(target)?;
            Ok(Self {
                target,
                local: socket.local_addr()?,
                socket: Socket::Datagrams(socket),
            })
        };
        open().map_err(|source| ProbeError::Socket {
            target,
            doing: "opening a socket",
            source,
        })
    }

    pub(super) fn tcp(target: SocketAddr) -> Result<Self, ProbeError> {
        let open = || -> io::Result<Self> {
            let stream = TcpStream::connect_timeout(&target, CONNECT_MAX)?;
            stream.set_nodelay(true)?;
            let local = stream.local_addr()?;
            let received = Vec::new();
            Ok(Self {
                target,
                local,
                socket: Socket::Connection { stream, received },
            })
        };
        open().map_err(|source| ProbeError::Socket {
            target,
            doing: "connecting",
            source,
        })
    }

    /// Whether a message can get lost, so that it must be repeated.
    pub(super) fn is_lossy(&self) -> bool {
        matches!(self.socket, Socket::Datagrams(_))
    }

    /// As in Via.
    pub(super) fn transport(&self) -> &'static str {
        match self.socket {
            Socket::Datagrams(_) => "UDP",
            Socket::Connection { .. } => "TCP",
        }
    }

    /// The URI at which this end is reached.
    pub(super) fn contact(&self) -> String {
        match self.socket {
            Socket::Datagrams(_) => format!("sip:probe@{}", self.local),
            Socket::Connection { .. } => format!("sip:probe@{};transport=tcp", self.local),
        }
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), ProbeError> {
        let sent = match &mut self.socket {
            Socket::Datagrams(socket) => socket.send(bytes).map(drop),
            Socket::Connection { stream, .. } => stream.write_all(bytes),
        };
        sent.map_err(|source| self.socket("sending", source))
    }

    /// The next response; None when none comes until then.
    pub(super) fn response(&mut self, until: Instant) -> Result<Option<Response>, ProbeError> {
        loop {
            let Some(bytes) = self.next_message(until)? else {
                return Ok(None);
            };
            // A request of the server to us (OPTIONS to a registered contact, say) is not for us.
            if bytes.starts_with(b"SIP/2.0 ") {
                return Response::parse(&bytes)
                    .map(Some)
                    .map_err(|what| self.not_sip(what));
            }
            if !bytes.windows(8).any(|part| part == b" SIP/2.0") {
                return Err(self.not_sip("neither a request nor a response"));
            }
        }
    }

    fn next_message(&mut self, until: Instant) -> Result<Option<Vec<u8>>, ProbeError> {
        let mut buffer = vec![0; MESSAGE_BYTES_MAX];
        loop {
            if let Socket::Connection { received, .. } = &mut self.socket {
                let framed = take_framed(received);
                if let Some(message) = framed.map_err(|what| self.not_sip(what))? {
                    return Ok(Some(message));
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let count = match self.receive(&mut buffer, left) {
                Ok(count) => count,
                Err(error) if is_time_out(&error) => return Ok(None),
                Err(source) => return Err(self.socket("receiving", source)),
            };
            let bytes = buffer.get(..count).unwrap_or_default();
            match &mut self.socket {
                Socket::Datagrams(_) => return Ok(Some(bytes.to_vec())),
                Socket::Connection { .. } if bytes.is_empty() => {
                    return Err(ProbeError::Closed {
                        target: self.target,
                    });
                }
                Socket::Connection { received, .. } => received.extend_from_slice(bytes),
            }
        }
    }

    fn receive(&mut self, buffer: &mut [u8], left: Duration) -> io::Result<usize> {
        match &mut self.socket {
            Socket::Datagrams(socket) => {
                socket.set_read_timeout(Some(left))?;
                socket.recv(buffer)
            }
            Socket::Connection { stream, .. } => {
                stream.set_read_timeout(Some(left))?;
                stream.read(buffer)
            }
        }
    }

    pub(super) fn socket(&self, doing: &'static str, source: io::Error) -> ProbeError {
        ProbeError::Socket {
            target: self.target,
            doing,
            source,
        }
    }

    pub(super) fn challenge(&self, what: &'static str) -> ProbeError {
        ProbeError::Challenge {
            target: self.target,
            what,
        }
    }

    pub(super) fn no_answer(
        &self,
        method: &'static str,
        limit: Duration,
        statuses: &[u16],
    ) -> ProbeError {
        ProbeError::NoAnswer {
            target: self.target,
            method,
            limit,
            statuses: statuses.to_vec(),
        }
    }

    fn not_sip(&self, what: &'static str) -> ProbeError {
        ProbeError::NotSip {
            target: self.target,
            what,
        }
    }
}

fn is_time_out(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// Takes one message out of a stream when it is there whole: the header block, then as many bytes
/// as Content-Length says. Empty lines before a message are keep-alives (RFC 5626 §4.4.1).
pub(super) fn take_framed(received: &mut Vec<u8>) -> Result<Option<Vec<u8>>, &'static str> {
    let blank = received
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count();
    received.drain(..blank);
    let Some(end) = received.windows(4).position(|part| part == b"\r\n\r\n") else {
        let waiting = received.len() < MESSAGE_BYTES_MAX;
        return if waiting {
            Ok(None)
        } else {
            Err("no end of the headers")
        };
    };
    let head = String::from_utf8_lossy(received.get(..end).unwrap_or_default()).into_owned();
    let mut sizes = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| {
            let name = name.trim();
            name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("l")
        });
    let size = sizes
        .next()
        .and_then(|(_name, value)| value.trim().parse::<usize>().ok());
    let size = size
        .filter(|size| *size <= MESSAGE_BYTES_MAX)
        .ok_or("no usable Content-Length")?;
    let whole = end + 4 + size;
    if received.len() < whole {
        return Ok(None);
    }
    Ok(Some(received.drain(..whole).collect()))
}

/// The largest datagram.
const MESSAGE_BYTES_MAX: usize = 65_536;
/// On a LAN a connection takes milliseconds; a box that starts takes longer.
const CONNECT_MAX: Duration = Duration::from_secs(10);
