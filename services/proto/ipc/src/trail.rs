//! The audit trail, as the store checks it and gives it out: a piece at a time, so that nobody
//! waits for the whole.

use serde::{Deserialize, Serialize};

use crate::store::AuditEntry;

/// What may be asked about the audit trail as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum TrailRequest {
    /// Check the entries behind one, or from the first on. Answer:
    /// [`crate::store::Reply::TrailChecked`].
    Check {
        /// The last that was checked.
        after: Option<TrailPlace>,
        /// Entries of this time and later are looked for, milliseconds since 1970;
        from_millis: Option<i64>,
        /// and before this one.
        before_millis: Option<i64>,
    },
    /// The first line of a file of these entries, signed by the box, and the lines behind it as
    /// far as there is room: whatever is dropped for age meanwhile, these belong together. Answer:
    /// [`crate::store::Reply::TrailLines`].
    Heading {
        /// The first of them; where it was dropped, the oldest that is kept takes its place.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Their lines, as many as there are room for. Answer: [`crate::store::Reply::TrailLines`].
    Lines {
        /// The first wanted.
        first: u64,
        /// The last.
        last: u64,
    },
    /// Entries about somebody, newest first: those that were done by one of these names, or say
    /// one as a word. Answer: [`crate::store::Reply::TrailAbout`].
    About {
        /// The names.
        names: Vec<Named>,
        /// Only entries before this one.
        before: Option<u64>,
    },
    /// The trails that restores have replaced, newest first. Answer:
    /// [`crate::store::Reply::ReplacedTrails`].
    Replaced {
        /// Each is read through, to see whether it is whole.
        is_checked: bool,
    },
}

/// An audit trail that a restore has replaced, in a file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ReplacedTrail {
    /// Its file.
    pub name: String,
    /// When it was replaced, milliseconds since 1970.
    pub at_millis: i64,
    /// Its length.
    pub bytes: u64,
    /// Its first entry; 0 where the file does not say so any more.
    pub first: u64,
    /// Its last.
    pub last: u64,
    /// The hash of that.
    pub head: String,
    /// Whether the box has written the file so, where that was checked.
    pub is_whole: Option<bool>,
}

/// When a trail was replaced, milliseconds since 1970, by the name of its file; `None` for a name
/// that none has.
#[must_use]
pub fn trail_file_millis(name: &str) -> Option<i64> {
    let (millis, kind) = name.split_at_checked(13)?;
    let is_number = millis.bytes().all(|sign| sign.is_ascii_digit());
    let is_one = kind == ".trail" && is_number;
    is_one.then(|| millis.parse().ok()).flatten()
}

/// What somebody is called in the trail.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Named {
    /// A login, or `extension 100`.
    pub name: String,
    /// Only since this time: a number may have been somebody else's. Milliseconds since 1970.
    pub since_millis: i64,
}

/// Entries about somebody.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TrailAbout {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    /// Where to go on, before this entry; `None` when that was all.
    pub next: Option<u64>,
}

/// An entry, and the hash that the next is chained to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TrailPlace {
    /// Its position in the trail.
    pub sequence: u64,
    /// Its hash; empty when it cannot be read.
    pub hash: String,
}

/// What a piece of the trail is like.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TrailChecked {
    /// How many entries were checked.
    pub entries: u64,
    /// The first of them.
    pub first: Option<u64>,
    /// The last of them; where none was, what was given.
    pub last: Option<TrailPlace>,
    /// The first of them that does not fit the one before.
    pub broken: Option<u64>,
    /// The first and the last of the time that was asked for.
    pub within: Option<(u64, u64)>,
    /// There are no more.
    pub is_end: bool,
    /// The public key of the box, lower-case hexadecimal; empty while it has none.
    pub of_box: String,
}

/// Lines of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TrailLines {
    /// The first entry of the file or of the piece.
    pub first: u64,
    /// Each with its end.
    pub text: String,
    /// Where to go on; `None` when that was all.
    pub next: Option<u64>,
}
