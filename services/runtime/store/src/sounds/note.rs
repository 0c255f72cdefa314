//! What is written beside the sounds that a backup has brought: of which restore they are, and
//! which prompts have a sound after it.
//!
//! The first line is the SHA-256 of the second, which is JSON, as in a snapshot: one that the disk
//! has changed must not decide which sounds go.

use std::collections::BTreeSet;

use ipc::sound::is_prompt_name;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The shape that this firmware writes and reads.
const FORMAT: u32 = 1;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Note {
    format: u32,
    /// Of the restore; the database that it brings has the same.
    pub(super) id: String,
    /// Prompts whose sounds came in.
    pub(super) brought: BTreeSet<String>,
    /// Prompts that go on with the sound they have, if they have one.
    pub(super) kept: BTreeSet<String>,
}

impl Note {
    pub(crate) const fn new(id: String, brought: BTreeSet<String>, kept: BTreeSet<String>) -> Self {
        Self {
            format: FORMAT,
            id,
            brought,
            kept,
        }
    }

    /// Whether a prompt may have a sound after it.
    pub(super) fn has(&self, name: &str) -> bool {
        self.brought.contains(name) || self.kept.contains(name)
    }

    pub(super) fn text(&self) -> serde_json::Result<Vec<u8>> {
        Ok(summed(&serde_json::to_vec(self)?))
    }

    /// Reads one.
    ///
    /// # Errors
    /// Why it says nothing: it is not what was written, or another firmware has written it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        /// What every note has, whoever wrote it.
        #[derive(Deserialize)]
        struct Heading {
            format: u32,
        }
        let json = text.split(|it| *it == b'\n').nth(1).unwrap_or_default();
        if summed(json) != text {
            return Err("it is not what was written".to_owned());
        }
        let unread = |error: serde_json::Error| error.to_string();
        let Heading { format } = serde_json::from_slice(json).map_err(unread)?;
        if format != FORMAT {
            return Err(format!("it is of format {format}, not {FORMAT}"));
        }
        let note: Self = serde_json::from_slice(json).map_err(unread)?;
        let mut names = note.brought.iter().chain(&note.kept);
        match names.all(|it| is_prompt_name(it)) {
            true => Ok(note),
            false => Err("it names what is no prompt".to_owned()),
        }
    }
}

/// Behind its sum.
pub(super) fn summed(json: &[u8]) -> Vec<u8> {
    let sum = hex::encode(Sha256::digest(json));
    [sum.as_bytes(), b"\n", json].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_that_is_not_what_was_written_says_nothing() {
        let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        let note = Note::new("8f".to_owned(), names(&["a", "b"]), names(&["c"]));
        let text = note.text().expect("JSON");
        assert_eq!(Note::parse(&text), Ok(note.clone()));
        for length in 0..text.len() {
            assert!(Note::parse(&text[..length]).is_err(), "{length}");
        }
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert!(Note::parse(&changed).is_err(), "{at}");
        }
        assert!(Note::parse(&[&text[..], b"\n"].concat()).is_err());
        let outside = Note::new("8f".to_owned(), names(&["../a"]), names(&[]));
        assert!(Note::parse(&outside.text().expect("JSON")).is_err());
        let later = Note { format: 2, ..note };
        let refused = Note::parse(&later.text().expect("JSON"));
        assert_eq!(refused, Err("it is of format 2, not 1".to_owned()));
    }
}
