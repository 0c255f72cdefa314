//! Sends an update file as the web page in a browser does: the piece that the box asks for.

use serde_json::json;

use crate::box_api::{ApiError, BoxApi};

/// How far an update came.
#[derive(Debug)]
pub struct Sent {
    /// What the box asks for next.
    pub next: u64,
    /// Bytes that were sent.
    pub sent: u64,
}

/// Why one came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The box refused it.
    #[error("refused: {0}")]
    Refused(String),
    /// The box did not answer as it should.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// The box asked for a place that is not there.
    #[error("the box asks for what is not in the file: {0}")]
    Beyond(u64),
}

/// Sends what the box asks for from `offset` on, at most so many pieces; 0 begins anew.
///
/// # Errors
/// It is refused, or the box does not answer.
pub fn send(api: &BoxApi, file: &[u8], offset: u64, pieces: u64) -> Result<Sent, UploadError> {
    if offset == 0 {
        api.post("/api/firmware/update", &json!({}))?;
    }
    let mut so_far = Sent {
        next: offset,
        sent: 0,
    };
    for _ in 0..pieces {
        let piece = piece(file, so_far.next)?;
        so_far.sent += piece.len() as u64;
        match api.send_piece(so_far.next, piece) {
            Ok(Some(next)) => so_far.next = next,
            Ok(None) => break,
            Err(ApiError::Refused { reason, .. }) => return Err(UploadError::Refused(reason)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(so_far)
}

/// What is sent at once from there on.
///
/// # Errors
/// It is not in the file.
pub fn piece(file: &[u8], offset: u64) -> Result<&[u8], UploadError> {
    let begin = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = file.get(begin..).filter(|rest| !rest.is_empty());
    let rest = rest.ok_or(UploadError::Beyond(offset))?;
    Ok(rest.get(..PIECE).unwrap_or(rest))
}

/// Bytes: what the web page takes at once.
pub const PIECE: usize = 64 * 1024;
