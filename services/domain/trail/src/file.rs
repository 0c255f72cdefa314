//! The lines of an exported trail.

use ipc::store::{Audit, AuditEntry};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The format this version writes, and the only one it reads.
pub const FORMAT: u16 = 1;

/// Longest line, bytes: five texts of an entry, each sign of them escaped.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// A stretch of the trail without a gap.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stretch {
    /// Its first entry.
    pub first: u64,
    /// Its last entry.
    pub last: u64,
    /// The hash that the first is chained to.
    pub previous: String,
    /// The hash of the last.
    pub head: String,
}

/// The first line: what follows, and that this box says so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heading {
    ramal_audit: u16,
    /// Public key of the box, the one its backups are signed by.
    #[serde(with = "hex::serde")]
    pub of_box: [u8; 32],
    /// When it was exported, milliseconds since 1970, by that box's clock.
    pub exported_millis: i64,
    /// The first entry that follows.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// The hash that the first is chained to.
    pub previous: String,
    /// The hash of the last.
    pub head: String,
    /// Ed25519 of the box over everything else here.
    #[serde(with = "hex::serde")]
    pub signature: [u8; 64],
}

impl Heading {
    /// The heading of a stretch; `sign` signs a message with the key of this box.
    pub fn signed(
        stretch: Stretch,
        of_box: [u8; 32],
        exported_millis: i64,
        sign: impl FnOnce(&[u8]) -> [u8; 64],
    ) -> Self {
        let mut heading = Self {
            ramal_audit: FORMAT,
            of_box,
            exported_millis,
            first: stretch.first,
            last: stretch.last,
            previous: stretch.previous,
            head: stretch.head,
            signature: [0; 64],
        };
        heading.signature = sign(&heading.message());
        heading
    }

    /// The line, with its end.
    #[must_use]
    pub fn line(&self) -> String {
        written(self)
    }

    pub(crate) const fn format(&self) -> u16 {
        self.ramal_audit
    }

    /// No signature of a trail is one of anything else.
    pub(crate) fn message(&self) -> Vec<u8> {
        let mut digest = Sha256::new();
        digest.update(self.of_box);
        digest.update(self.exported_millis.to_be_bytes());
        digest.update(self.first.to_be_bytes());
        digest.update(self.last.to_be_bytes());
        for hash in [&self.previous, &self.head] {
            digest.update((hash.len() as u64).to_be_bytes());
            digest.update(hash.as_bytes());
        }
        let digest: [u8; 32] = digest.finalize().into();
        [b"ramal audit trail 1\n".as_slice(), &digest].concat()
    }
}

/// An entry as its line has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    sequence: u64,
    at_millis: i64,
    who: String,
    from: String,
    action: String,
    before: String,
    after: String,
    hash: String,
}

/// The line of an entry, with its end.
#[must_use]
pub fn line(entry: AuditEntry) -> String {
    let audit = entry.audit;
    written(&Line {
        sequence: entry.sequence,
        at_millis: entry.at_millis,
        who: audit.who,
        from: audit.from,
        action: audit.action,
        before: audit.before,
        after: audit.after,
        hash: entry.hash,
    })
}

/// The entry of a line; `None` for one that no box writes so.
pub(crate) fn read(bytes: &[u8]) -> Option<AuditEntry> {
    let read: Line = serde_json::from_slice(bytes).ok()?;
    let entry = AuditEntry {
        sequence: read.sequence,
        at_millis: read.at_millis,
        audit: Audit {
            who: read.who,
            from: read.from,
            action: read.action,
            before: read.before,
            after: read.after,
        },
        hash: read.hash,
    };
    (line(entry.clone()).as_bytes() == bytes).then_some(entry)
}

/// Strings and numbers in a fixed order: this always serialises.
fn written(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).unwrap_or_default();
    line.push('\n');
    line
}
