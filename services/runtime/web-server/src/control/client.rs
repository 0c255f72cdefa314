//! The other end: one request by the control socket, one answer.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::EXCHANGE_MAX;

/// Why the box gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The socket is not there.
    #[error("{path} does not exist: is the box running? On another machine use https")]
    Missing {
        /// The socket.
        path: String,
    },
    /// The socket is there but not for us.
    #[error("no permission for {path}: run this as root")]
    Forbidden {
        /// The socket.
        path: String,
    },
    /// The connection failed or broke.
    #[error("{path} does not answer ({source}): is the service `web` running?")]
    Broken {
        /// The socket.
        path: String,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The answer is not HTTP, or the front refused us.
    #[error("{path} gave no complete answer: run this as root, and look at the log of `web`")]
    Incomplete {
        /// The socket.
        path: String,
    },
}

/// Asks and waits: status code and body of the answer. `target` is a path with its query, and
/// `language` what people are to be answered in, as `pt-BR`; empty when only programs read it.
///
/// # Errors
/// The box does not answer; the text names what to do.
pub fn call(
    socket: &Path,
    method: &str,
    target: &str,
    body: &[u8],
    language: &str,
) -> Result<(u16, Vec<u8>), CallError> {
    let path = socket.display().to_string();
    let answer =
        exchange(socket, method, target, body, language).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => CallError::Missing { path: path.clone() },
            std::io::ErrorKind::PermissionDenied => CallError::Forbidden { path: path.clone() },
            _ => CallError::Broken {
                path: path.clone(),
                source,
            },
        })?;
    parse(&answer).ok_or(CallError::Incomplete { path })
}

fn exchange(
    socket: &Path,
    method: &str,
    target: &str,
    body: &[u8],
    language: &str,
) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(EXCHANGE_MAX))?;
    stream.set_write_timeout(Some(EXCHANGE_MAX))?;
    let language = match language {
        "" => String::new(),
        language => format!("Accept-Language: {language}\r\n"),
    };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         {language}Content-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

/// Status and body; the length the server announced must be there in full.
fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(answer.get(..end)?).ok()?;
    let body = answer.get(end + 4..)?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()?
        .strip_prefix("HTTP/1.1 ")?
        .get(..3)?
        .parse()
        .ok()?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok());
    (length.unwrap_or(0) == body.len()).then(|| (status, body.to_vec()))
}

/// More than the longest list the API gives.
const ANSWER_BYTES_MAX: u64 = 8 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_cut_short_is_none() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(parse(whole), Some((200, b"{}".to_vec())));
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), None, "{cut}");
        }
        assert_eq!(
            parse(b"HTTP/1.1 204 No Content\r\n\r\n"),
            Some((204, Vec::new()))
        );
    }
}
