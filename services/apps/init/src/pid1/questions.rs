//! Questions to services as their users ask them: does SIP answer, does the web admin?
//!
//! A question that cannot be asked at once, or whose answer does not come, is none that was
//! answered: the supervisor asks again.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};

use kernel::network;
use supervise::Service;

use crate::services::Addresses;

/// A question that waits for its answer.
pub(super) enum Question {
    /// OPTIONS over UDP (RFC 3261 §11).
    Sip(UdpSocket),
    /// The redirect to the pages.
    Web(TcpStream),
}

impl Question {
    /// Asks a service; `None` for one that has no users outside.
    pub(super) fn ask(
        service: Service,
        addresses: &Addresses,
        number: u64,
    ) -> Option<io::Result<Self>> {
        match service {
            Service::Pbx => Some(Self::ask_sip(here(addresses.sip), number)),
            Service::Web => Some(Self::ask_web(here(addresses.http))),
            Service::Store
            | Service::Net
            | Service::Guard
            | Service::Media
            | Service::Update
            | Service::Grid => None,
        }
    }

    fn ask_sip(address: SocketAddr, number: u64) -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        socket.send(options(address, socket.local_addr()?, number).as_bytes())?;
        Ok(Self::Sip(socket))
    }

    fn ask_web(address: SocketAddr) -> io::Result<Self> {
        let mut stream = network::connect_at_once(address)?;
        stream.write_all(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        Ok(Self::Web(stream))
    }

    /// Who was asked.
    pub(super) const fn service(&self) -> Service {
        match self {
            Self::Sip(_) => Service::Pbx,
            Self::Web(_) => Service::Web,
        }
    }

    /// Who answered, when what came is an answer.
    pub(super) fn answer(&mut self) -> Option<Service> {
        let mut bytes = [0; 64];
        match self {
            Self::Sip(socket) => {
                let length = socket.recv(&mut bytes).ok()?;
                let text = bytes.get(..length)?;
                text.starts_with(b"SIP/2.0 200 ").then_some(Service::Pbx)
            }
            Self::Web(stream) => {
                let length = stream.read(&mut bytes).ok()?;
                let text = bytes.get(..length)?;
                text.starts_with(b"HTTP/1.1 3").then_some(Service::Web)
            }
        }
    }
}

impl AsFd for Question {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Sip(socket) => socket.as_fd(),
            Self::Web(stream) => stream.as_fd(),
        }
    }
}

/// The same port on this machine.
const fn here(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port())
}

fn options(to: SocketAddr, from: SocketAddr, number: u64) -> String {
    format!(
        "OPTIONS sip:{to} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {from};rport;branch=z9hG4bKhealth{number}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:health@{from}>;tag=health{number}\r\n\
         To: <sip:{to}>\r\n\
         Call-ID: health{number}@{from}\r\n\
         CSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn addresses(sip: SocketAddr, http: SocketAddr) -> Addresses {
        Addresses {
            sip,
            http,
            ..Addresses::of_the_box()
        }
    }

    #[test]
    fn only_an_ok_of_sip_is_an_answer() {
        for (said, is_answer) in [
            ("SIP/2.0 200 OK\r\n", true),
            ("SIP/2.0 503 Service Unavailable\r\n", false),
            ("", false),
        ] {
            let server = UdpSocket::bind("127.0.0.1:0").expect("a port");
            let address = server.local_addr().expect("bound");
            let asked = Question::ask(Service::Pbx, &addresses(address, address), 7);
            let mut question = asked.expect("it is asked").expect("sent");
            let mut bytes = [0; 1000];
            let (length, from) = server.recv_from(&mut bytes).expect("a question");
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            assert!(text.starts_with("OPTIONS sip:127.0.0.1:"), "{text}");
            server.send_to(said.as_bytes(), from).expect("answered");
            assert_eq!(
                question.answer(),
                is_answer.then_some(Service::Pbx),
                "{said}"
            );
        }
    }

    #[test]
    fn a_redirect_of_the_web_admin_is_an_answer() {
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = server.local_addr().expect("bound");
        let asked = Question::ask(Service::Web, &addresses(address, address), 7);
        let mut question = asked.expect("it is asked").expect("sent");
        assert_eq!(question.answer(), None, "nothing was said yet");
        let (mut stream, _) = server.accept().expect("a question");
        let moved = b"HTTP/1.1 308 Permanent Redirect\r\n\r\n";
        stream.write_all(moved).expect("answered");
        assert_eq!(question.answer(), Some(Service::Web));
    }

    #[test]
    fn a_service_nobody_listens_for_is_told_at_once() {
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = closed.local_addr().expect("bound");
        drop(closed);
        let asked = Question::ask(Service::Web, &addresses(address, address), 7);
        assert!(asked.expect("it is asked").is_err());
        assert!(Question::ask(Service::Store, &addresses(address, address), 7).is_none());
    }
}
