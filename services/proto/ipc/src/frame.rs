//! Frames: a little-endian u32 length, then that many bytes of postcard.

use postcard::Serializer;
use postcard::ser_flavors::Flavor;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest frame a peer may send, bytes. A site of 10,000 extensions is about 2 MiB.
pub const FRAME_LENGTH_MAX: usize = 8 * 1024 * 1024;

/// Why bytes could not be turned into a message or back.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The peer announced a frame longer than [`FRAME_LENGTH_MAX`].
    #[error("a frame of {0} bytes is over the limit of {FRAME_LENGTH_MAX}")]
    TooLong(usize),
    /// The bytes are not a message of the expected type.
    #[error("a frame does not hold the expected message: {0}")]
    Malformed(String),
}

/// One message as a frame, ready to be written.
///
/// # Errors
/// [`FrameError::TooLong`] when the message does not fit a frame.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = Vec::new();
    append(&mut frame, message)?;
    Ok(frame)
}

/// Puts one message as a frame behind others, so that one write sends them all. After an error
/// nothing is added.
///
/// # Errors
/// [`FrameError::TooLong`] when the message does not fit a frame.
pub fn append<T: Serialize>(frames: &mut Vec<u8>, message: &T) -> Result<(), FrameError> {
    let start = frames.len();
    let body = start + HEADER;
    frames.resize(body, 0);
    let framed = message.serialize(&mut Serializer {
        output: Appended(frames),
    });
    let framed = framed.map_err(|error| FrameError::Malformed(error.to_string()));
    let length = frames.len().saturating_sub(body);
    let header = framed.and_then(|()| match u32::try_from(length) {
        Ok(header) if length <= FRAME_LENGTH_MAX => Ok(header.to_le_bytes()),
        Ok(_) | Err(_) => Err(FrameError::TooLong(length)),
    });
    match header {
        Ok(header) => {
            let place = frames.iter_mut().skip(start);
            place.zip(header).for_each(|(slot, byte)| *slot = byte);
            Ok(())
        }
        Err(error) => {
            frames.truncate(start);
            Err(error)
        }
    }
}

/// Bytes of a length.
const HEADER: usize = 4;

/// Where postcard writes to: the end of the frames before.
struct Appended<'a>(&'a mut Vec<u8>);

impl Flavor for Appended<'_> {
    type Output = ();

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.0.push(data);
        Ok(())
    }

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(data);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// Cuts a byte stream into frames; keeps what is not complete yet.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    consumed: usize,
}

impl Decoder {
    /// Adds bytes as they came from the socket.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.consumed > 0 {
            self.pending.drain(..self.consumed);
            self.consumed = 0;
        }
        self.pending.extend_from_slice(bytes);
    }

    /// The next complete message, or `None` until more bytes come.
    ///
    /// # Errors
    /// A length over the limit or bytes of another type. The connection is of no more use then.
    pub fn pop<T: DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let rest = self.pending.get(self.consumed..).unwrap_or_default();
        let Some((header, body)) = rest.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*header) as usize;
        if length > FRAME_LENGTH_MAX {
            return Err(FrameError::TooLong(length));
        }
        let Some(body) = body.get(..length) else {
            return Ok(None);
        };
        let (message, left) = postcard::take_from_bytes(body)
            .map_err(|error| FrameError::Malformed(error.to_string()))?;
        if !left.is_empty() {
            return Err(FrameError::Malformed(format!(
                "{} bytes left over",
                left.len()
            )));
        }
        self.consumed += 4 + length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_any_cut_of_the_stream() {
        let frames: Vec<u8> = ["one", "", "three"]
            .iter()
            .flat_map(|text| encode(&text.to_string()).expect("short strings fit"))
            .collect();
        for cut in 1..frames.len() {
            let mut decoder = Decoder::default();
            let mut seen: Vec<String> = Vec::new();
            for part in frames.chunks(cut) {
                decoder.push(part);
                while let Some(text) = decoder.pop().expect("well-formed") {
                    seen.push(text);
                }
            }
            assert_eq!(seen, ["one", "", "three"], "cut every {cut} bytes");
        }
    }

    #[test]
    fn a_message_that_does_not_fit_leaves_the_frames_before_it_whole() {
        let mut frames = encode(&7_u8).expect("one byte fits");
        let before = frames.clone();
        let long = "x".repeat(FRAME_LENGTH_MAX);
        assert!(matches!(
            append(&mut frames, &long),
            Err(FrameError::TooLong(_))
        ));
        assert_eq!(frames, before);
    }

    #[test]
    fn an_oversized_length_is_refused_before_it_is_allocated() {
        let mut decoder = Decoder::default();
        decoder.push(&u32::MAX.to_le_bytes());
        assert_eq!(
            decoder.pop::<String>(),
            Err(FrameError::TooLong(u32::MAX as usize))
        );
    }

    #[test]
    fn trailing_bytes_inside_a_frame_are_refused() {
        let mut decoder = Decoder::default();
        decoder.push(&[2, 0, 0, 0, 1, 7]);
        assert!(matches!(decoder.pop::<u8>(), Err(FrameError::Malformed(_))));
    }
}
