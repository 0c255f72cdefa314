//! What goes into the decisions over copies away from the box, and what comes out of them: the port
//! that a place for copies fills.

use std::fmt;

use sansio::UnixTime;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::memory::{Memory, Trouble};
use crate::plan::Kept;

/// SHA-256 of a part, or of the digests of all parts of an archive in order, which is how a bucket
/// sums up what came in parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digest(#[serde(with = "hex::serde")] [u8; 32]);

impl Digest {
    /// Of a part.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Of an archive, by those of its parts.
    #[must_use]
    pub fn of_parts(parts: &[Self]) -> Self {
        let mut all = Sha256::new();
        for part in parts {
            all.update(part.0);
        }
        Self(all.finalize().into())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(hex::encode(self.0).get(..16).unwrap_or_default())
    }
}

/// An archive on the box's own disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Archive {
    /// Its file, when it was taken, and whether it proved good.
    pub kept: Kept,
    /// Its length.
    pub bytes: u64,
    /// Bytes of each of its parts but the last: what is sent anew when the connection breaks. A
    /// bucket takes none that is smaller than 5 MiB, but for the last one.
    pub part_bytes: u64,
    /// Of each part; none while they are not known yet: it is not sent then, and what is begun of
    /// it stays.
    pub parts: Vec<Digest>,
}

impl Archive {
    /// Whether the parts make up the whole.
    pub(super) fn is_sound(&self) -> bool {
        self.bytes > 0
            && self.part_bytes > 0
            && self.parts.len() as u64 == self.bytes.div_ceil(self.part_bytes)
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of_parts(&self.parts)
    }
}

/// Everything that can happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// Where copies go, by a name that no other place has, and no other box at the same place;
    /// `None` for nowhere. Told once the configuration was read, and whenever it changes: what is
    /// known of a place is forgotten with it.
    Place(Option<String>),
    /// Another credential is there: it is tried at once.
    Credential,
    /// The archives on the box, and what time it is, `None` where the clock is not believed. Told
    /// at the start, whenever an archive came or went, and now and then.
    Here {
        /// All of them, also those whose parts are not known yet.
        archives: Vec<Archive>,
        /// By the clock of the box. Believed from then on, as time goes by, until it is told
        /// again.
        now: Option<UnixTime>,
    },
    /// What became of [`Output::Ask`] with this number. Late and doubled ones are passed over.
    Answered {
        /// That of the question.
        number: u64,
        /// What the place says.
        answer: Answer,
    },
    /// The deadline passed.
    Timer,
}

/// Everything that is asked of the outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Have the place do this; one at a time: what was asked before and is not answered yet is
    /// given up first, so that it is not carried out after this. Answer: [`Input::Answered`].
    Ask {
        /// For the answer. They begin anew with each node: an answer to another one must not
        /// reach it.
        number: u64,
        /// What it is to do.
        command: Command,
    },
    /// Keep this, for [`super::AwayNode::new`] of the next process, before what is asked next.
    Keep(Memory),
    /// People must know this, or nothing any more. Told first once place and archives are known,
    /// whatever it is.
    Alarm(Option<Trouble>),
}

/// What a place for copies is asked to do. Each may come again after it was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Say whether the credential is good. Answer: [`Answer::Valid`].
    CheckCredential,
    /// Say what is there: all of it, or fail. Answer: [`Answer::Listed`].
    List,
    /// Take a part of an archive; in the place of one with the same number. Answer:
    /// [`Answer::Put`].
    Put {
        /// Its file on the box and its name there.
        archive: String,
        /// From 0.
        part: u32,
        /// Where it begins in the file.
        offset: u64,
        /// How long it is.
        bytes: u64,
        /// Of the part, for the place to check.
        digest: Digest,
    },
    /// Make an archive of its parts, in the place of one with the same name; from now on it is
    /// there, whole. Answer: [`Answer::Finished`].
    Finish {
        /// Its name.
        archive: String,
        /// Its length.
        bytes: u64,
        /// All parts, in order.
        parts: Vec<Digest>,
    },
    /// Forget the parts of what was not finished. Answer: [`Answer::Done`], also where there are
    /// none.
    Abandon {
        /// Its name.
        archive: String,
    },
    /// Delete an archive. Answer: [`Answer::Done`], also where there is none.
    Delete {
        /// Its name.
        archive: String,
    },
}

/// What a place says. Nothing of it is believed that can be checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The credential is good.
    Valid,
    /// What there is.
    Listed {
        /// Archives that are finished.
        whole: Vec<Whole>,
        /// Those that are not.
        begun: Vec<Begun>,
    },
    /// It has the part, with this digest.
    Put(Digest),
    /// It has the archive.
    Finished {
        /// Its length.
        bytes: u64,
        /// Of its parts.
        digest: Digest,
    },
    /// It is as was asked.
    Done,
    /// The box itself no longer has the archive.
    Gone,
    /// The credential is not good, or does not let us do that.
    Invalid,
    /// There is no room.
    Full,
    /// It cannot be reached, or something else went wrong.
    Failed,
}

/// An archive that is finished there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Whole {
    /// Its name.
    pub archive: String,
    /// Its length.
    pub bytes: u64,
    /// Of its parts.
    pub digest: Digest,
}

/// An archive of which some parts are there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// Its name.
    pub archive: String,
    /// Number and digest of each.
    pub parts: Vec<(u32, Digest)>,
}
