//! What a handler gives back: a response, and what its body comes from when it is too long to be
//! held: a file that it is a part of, or pieces that are still being made.

use std::fs::File;
use std::io::{Cursor, Error, ErrorKind, Read, Seek as _, SeekFrom};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use admin::{Body, Response};
use hyper::body::{Bytes, Frame, SizeHint};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

/// A body as it is made; an error in it ends the connection, which tells that it is not whole.
pub type Pieces = Receiver<std::io::Result<Vec<u8>>>;

/// A response on its way out.
#[derive(Debug)]
pub struct Answer {
    pub(crate) response: Response,
    file: Option<File>,
    pieces: Option<Pieces>,
}

/// Where a body comes from that is not held.
pub(crate) enum Source {
    /// As many bytes of a file from where it is.
    File(File, u64),
    Pieces(Pieces),
}

impl Answer {
    /// A response whose body may be [`Body::Opened`]: a part of this file.
    #[must_use]
    pub const fn with_file(response: Response, file: Option<File>) -> Self {
        Self {
            response,
            file,
            pieces: None,
        }
    }

    /// A response whose body is [`Body::Trail`] or goes on: these pieces.
    #[must_use]
    pub const fn with_pieces(response: Response, pieces: Pieces) -> Self {
        Self {
            response,
            file: None,
            pieces: Some(pieces),
        }
    }

    /// Where the body comes from; `None` when it is held.
    ///
    /// # Errors
    /// What it comes from is not there, or cannot be read from there.
    pub(crate) fn source(&mut self) -> std::io::Result<Option<Source>> {
        match (&self.response.body, self.file.take(), self.pieces.take()) {
            (Body::Trail { .. } | Body::Events(_), _, Some(pieces)) => {
                Ok(Some(Source::Pieces(pieces)))
            }
            (Body::Bytes(_) | Body::Events(_), ..) => Ok(None),
            (Body::Opened { from, bytes }, Some(mut file), _) => {
                file.seek(SeekFrom::Start(*from))?;
                Ok(Some(Source::File(file, *bytes)))
            }
            (Body::Opened { .. } | Body::Trail { .. }, ..) => Err(Error::from(ErrorKind::NotFound)),
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

/// The body as hyper takes it: what is held at once, and anything else a piece at a time, when the
/// one before is out.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Whole(Option<Bytes>),
    File(FileOut),
    Pieces(PiecesOut),
}

/// What is made while it is sent.
#[derive(Debug)]
pub(crate) struct PiecesOut {
    pieces: Pieces,
    _sending: SendingOne,
}

/// A file being sent.
#[derive(Debug)]
pub(crate) struct FileOut {
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
        Self::File(FileOut {
            left: bytes,
            reading: Reading::Idle(file),
            _sending: sending.begin(),
        })
    }

    /// What is made while it is sent.
    pub(crate) fn pieces(pieces: Pieces, sending: &Sending) -> Self {
        Self::Pieces(PiecesOut {
            pieces,
            _sending: sending.begin(),
        })
    }
}

impl FileOut {
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
            Self::Pieces(out) => {
                let piece = ready!(out.pieces.poll_recv(cx));
                Poll::Ready(piece.map(|piece| piece.map(|bytes| Frame::data(bytes.into()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::File(file) => SizeHint::with_exact(file.left),
            Self::Pieces(_) => SizeHint::new(),
        }
    }
}

/// The same pieces for a thread that waits for them.
pub(crate) struct Waiting {
    pieces: Pieces,
    piece: Cursor<Vec<u8>>,
}

impl Waiting {
    pub(crate) fn new(pieces: Pieces) -> Self {
        Self {
            pieces,
            piece: Cursor::default(),
        }
    }
}

impl Read for Waiting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let read = self.piece.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = Cursor::new(piece?),
                None => return Ok(0),
            }
        }
    }
}

/// Bytes of a file held at one time, for each download.
const PIECE_BYTES: u64 = 64 * 1024;
