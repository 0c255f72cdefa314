//! The box by its name, as others on the network find it.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// One multicast DNS question for the address of `<host>.local`, asked by who has `from`, and what
/// came back (RFC 6762 §5.1: who asks from another port than 5353 gets an answer for itself).
///
/// # Errors
/// There is no socket; no answer is none.
pub fn ask_for_name(from: Ipv4Addr, host: &str) -> io::Result<Option<Vec<u8>>> {
    let socket = UdpSocket::bind((from, 0))?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    let length = u8::try_from(host.len()).map_err(io::Error::other)?;
    let mut question = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00".to_vec();
    question.push(length);
    question.extend(host.as_bytes());
    question.extend(b"\x05local\x00\x00\x01\x00\x01");
    socket.send_to(&question, ("224.0.0.251", 5353))?;
    let mut answer = [0; 1500];
    match socket.recv(&mut answer) {
        Ok(length) => Ok(answer.get(..length).map(<[u8]>::to_vec)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
