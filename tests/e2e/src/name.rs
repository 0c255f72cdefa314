//! The box by its name, as others on the network find it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::time::Duration;

/// Whether `<host>.local` is found at an address: one multicast DNS question, asked by who has
/// `from` (RFC 6762 §5.1: who asks from another port than 5353 gets an answer for himself).
///
/// # Errors
/// There is no socket; no answer is none.
pub fn is_found_at(from: Ipv4Addr, host: &str, address: IpAddr) -> io::Result<bool> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let length = u8::try_from(host.len()).map_err(io::Error::other)?;
    // A (RFC 1035 §3.2.2) or AAAA (RFC 3596 §2.1).
    let (record, wanted) = match address {
        IpAddr::V4(four) => (1, four.octets().to_vec()),
        IpAddr::V6(six) => (28, six.octets().to_vec()),
    };
    let mut question = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    question.push(length);
    question.extend(host.as_bytes());
    question.extend(b"\x05local\x00\x00");
    question.extend([record, 0, 1]);
    socket.send_to(&question, ("224.0.0.251", 5353))?;
    let mut answer = [0; 1500];
    match socket.recv(&mut answer) {
        Ok(length) => {
            let said = answer.get(..length).unwrap_or_default();
            Ok(said.windows(wanted.len()).any(|it| it == wanted))
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}
