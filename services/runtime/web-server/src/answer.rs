//! What a handler gives back: a response, and the file its body is a part of when it is too long to
//! be held.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use admin::{Body, Response};
use hyper::body::{Bytes, Frame, SizeHint};
use tokio::task::JoinHandle;

/// A response on its way out.
#[derive(Debug)]
pub struct Answer {
    pub(crate) response: Response,
    pub(crate) file: Option<File>,
}

impl Answer {
    /// A response whose body may be [`Body::Opened`]: a part of this file.
    #[must_use]
    pub const fn with_file(response: Response, file: Option<File>) -> Self {
        Self { response, file }
    }

    /// The part of the file that is the body; `None` when the body is whole.
    ///
    /// # Errors
    /// There is no file, or it cannot be read from there.
    pub(crate) fn part(&mut self) -> std::io::Result<Option<(File, u64)>> {
        match (&self.response.body, self.file.take()) {
            (Body::Bytes(_), _) => Ok(None),
            (Body::Opened { from, bytes }, Some(mut file)) => {
                file.seek(SeekFrom::Start(*from))?;
                Ok(Some((file, *bytes)))
            }
            (Body::Opened { .. }, None) => Err(Error::from(ErrorKind::NotFound)),
        }
    }
}

impl From<Response> for Answer {
    fn from(response: Response) -> Self {
        Self::with_file(response, None)
    }
}

/// How many bodies a connection is sending that take their time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sending(Arc<AtomicUsize>);

impl Sending {
    pub(crate) fn is_busy(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn begin(&self) -> SendingOne {
        self.0.fetch_add(1, Ordering::Relaxed);
        SendingOne(self.clone())
    }
}

/// One of them; counted until dropped.
#[derive(Debug)]
struct SendingOne(Sending);

impl Drop for SendingOne {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body as hyper takes it: what is held at once, and a file a piece at a time, when the one
/// before is out.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Whole(Option<Bytes>),
    File(Pieces),
}

/// A file being sent.
#[derive(Debug)]
pub(crate) struct Pieces {
    left: u64,
    reading: Reading,
    _sending: SendingOne,
}

#[derive(Debug)]
enum Reading {
    Idle(File),
    /// A disk may be slow, and the thread serves others.
    Busy(JoinHandle<std::io::Result<(File, Bytes)>>),
    Over,
}

impl Outgoing {
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self::Whole((!bytes.is_empty()).then(|| bytes.into()))
    }

    /// As many bytes of a file from where it is.
    pub(crate) fn file(file: File, bytes: u64, sending: &Sending) -> Self {
        Self::File(Pieces {
            left: bytes,
            reading: Reading::Idle(file),
            _sending: sending.begin(),
        })
    }
}

impl Pieces {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Bytes>>> {
        if let Reading::Idle(_) = &self.reading
            && let Reading::Idle(file) = std::mem::replace(&mut self.reading, Reading::Over)
            && self.left > 0
        {
            let wanted = self.left.min(PIECE_BYTES);
            self.reading = Reading::Busy(tokio::task::spawn_blocking(move || read(file, wanted)));
        }
        let Reading::Busy(read) = &mut self.reading else {
            return Poll::Ready(None);
        };
        let read = ready!(Pin::new(read).poll(cx));
        self.reading = Reading::Over;
        Poll::Ready(Some(match read.map_err(Error::other).flatten() {
            Ok((file, bytes)) => {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                self.reading = Reading::Idle(file);
                Ok(bytes)
            }
            Err(error) => Err(error),
        }))
    }
}

/// The next bytes of a file, at least one.
fn read(mut file: File, wanted: u64) -> std::io::Result<(File, Bytes)> {
    let mut bytes = Vec::new();
    let taken = (&mut file).take(wanted).read_to_end(&mut bytes)?;
    // The length was announced: a connection that ends is the only way to say otherwise.
    if taken == 0 {
        return Err(Error::from(ErrorKind::UnexpectedEof));
    }
    Ok((file, bytes.into()))
}

impl hyper::body::Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File(pieces) => {
                let piece = ready!(pieces.poll(cx));
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File(pieces) => pieces.left,
        })
    }
}

/// Bytes of a file held at one time, for each download.
const PIECE_BYTES: u64 = 64 * 1024;
