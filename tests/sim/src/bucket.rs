//! A place for copies of backups away from the box, as far as the box can tell it from a real one.

use std::collections::BTreeMap;

use backup::away::{Answer, Begun, Command, Digest, Whole};

/// What is there, and how well it does.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Archives that are finished, in their parts.
    pub whole: BTreeMap<String, Vec<Vec<u8>>>,
    /// Those that are not, by the number of each part.
    pub begun: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    /// The credential is no longer good.
    pub refuses: bool,
    /// There is no room.
    pub is_full: bool,
    /// Bytes that it has room for.
    pub room: Option<usize>,
    /// It sums up otherwise than the box does.
    pub sums_otherwise: bool,
    /// What it takes next is kept otherwise than it was sent.
    pub spoils: bool,
    /// It names what it has not.
    pub invents: Vec<Whole>,
    /// Parts that it took.
    pub taken: u64,
    /// Names that it was asked to delete.
    pub deleted: Vec<String>,
}

impl Bucket {
    /// Does what is asked; `file` is the archive on the box.
    pub fn answer(&mut self, command: &Command, file: Option<&[u8]>) -> Answer {
        if self.refuses {
            return Answer::Invalid;
        }
        match command {
            Command::CheckCredential => Answer::Valid,
            Command::List => self.list(),
            Command::Put { .. } | Command::Finish { .. } if file.is_none() => Answer::Gone,
            Command::Put { .. } if self.is_full => Answer::Full,
            Command::Put {
                archive,
                part,
                offset,
                bytes,
                ..
            } => {
                let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                let length = usize::try_from(*bytes).unwrap_or(usize::MAX);
                let rest = file.and_then(|file| file.get(start..)).unwrap_or_default();
                let mut sent = rest.get(..length).unwrap_or_default().to_vec();
                if std::mem::take(&mut self.spoils) {
                    sent.push(0);
                }
                if self
                    .room
                    .is_some_and(|room| self.used() + sent.len() > room)
                {
                    return Answer::Full;
                }
                let digest = Digest::of(&sent);
                self.taken += 1;
                let parts = self.begun.entry(archive.clone()).or_default();
                parts.insert(*part, sent);
                Answer::Put(digest)
            }
            Command::Finish { archive, parts, .. } => self.finish(archive, parts),
            Command::Abandon { archive } => {
                self.begun.remove(archive);
                Answer::Done
            }
            Command::Delete { archive } => {
                self.whole.remove(archive);
                self.deleted.push(archive.clone());
                Answer::Done
            }
        }
    }

    /// It takes no end of what it has not, as a bucket does.
    fn finish(&mut self, archive: &str, parts: &[Digest]) -> Answer {
        let begun = self.begun.get(archive);
        let has = begun.map(|it| it.values().map(|it| Digest::of(it)).collect::<Vec<_>>());
        if has.as_deref() != Some(parts) {
            return Answer::Failed;
        }
        let parts = self.begun.remove(archive).unwrap_or_default();
        let parts: Vec<Vec<u8>> = parts.into_values().collect();
        let (bytes, digest) = self.sum(&parts);
        self.whole.insert(archive.to_owned(), parts);
        Answer::Finished { bytes, digest }
    }

    /// Bytes that it has, also of what is not finished.
    fn used(&self) -> usize {
        let whole = self.whole.values().flatten();
        let begun = self.begun.values().flat_map(BTreeMap::values);
        whole.chain(begun).map(Vec::len).sum()
    }

    fn sum(&self, parts: &[Vec<u8>]) -> (u64, Digest) {
        let mut digests: Vec<_> = parts.iter().map(|it| Digest::of(it)).collect();
        if self.sums_otherwise {
            digests.reverse();
            digests.push(Digest::of(b""));
        }
        let bytes = parts.iter().map(|it| it.len() as u64).sum();
        (bytes, Digest::of_parts(&digests))
    }

    fn list(&self) -> Answer {
        let whole = self.whole.iter().map(|(archive, parts)| {
            let (bytes, digest) = self.sum(parts);
            Whole {
                archive: archive.clone(),
                bytes,
                digest,
            }
        });
        let begun = self.begun.iter().map(|(archive, parts)| Begun {
            archive: archive.clone(),
            parts: parts
                .iter()
                .map(|(number, part)| (*number, Digest::of(part)))
                .collect(),
        });
        Answer::Listed {
            whole: whole.chain(self.invents.iter().cloned()).collect(),
            begun: begun.collect(),
        }
    }

    /// The bytes of an archive that is finished.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.whole.get(name).map(|parts| parts.concat())
    }
}
