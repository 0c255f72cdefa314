//! Whether an exported trail is as the box wrote it.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::chain::hash;
use crate::file::{FORMAT, Heading, read};

/// What is wrong with a file, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Wrong {
    /// The first line that is wrong, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: What,
}

/// What is wrong with a line.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum What {
    /// It is something else.
    #[error("this is no exported audit trail, or its first line was changed")]
    NotATrail,
    /// A newer version of the box wrote it.
    #[error("it is of format {0}, this program reads {FORMAT}: use the program of a newer version")]
    Newer(u16),
    /// Another box has signed it.
    #[error("box {0} has signed it, which is another one than was named")]
    OtherBox(String),
    /// The box it names has not signed it.
    #[error("the box it names has not signed it: the line was changed")]
    NotSigned,
    /// No box writes such a line.
    #[error("it is not as a box writes it: the line was changed, or the file is damaged")]
    Unreadable,
    /// Another entry belongs here.
    #[error(
        "entry {found} stands where entry {expected} belongs: lines are missing, added or moved"
    )]
    OutOfPlace {
        /// What belongs here.
        expected: u64,
        /// What stands here.
        found: u64,
    },
    /// The entry is not the one that was written.
    #[error("entry {0} does not fit the one before: one of the two was changed")]
    Changed(u64),
    /// The entries fit each other, and not what was signed.
    #[error("the last entry is not the one that was signed: entries were changed and fitted anew")]
    OtherEnd,
    /// There is more than was signed.
    #[error("something follows the last entry that was signed, {0}")]
    TooMuch(u64),
    /// There is less than was signed.
    #[error("the file ends here, and the last entry that was signed is {0}: lines are missing")]
    TooLittle(u64),
    /// The earlier file goes further.
    #[error(
        "the earlier file goes on to entry {0}: entries were taken away since, or the two files \
         are the wrong way round"
    )]
    Shorter(u64),
    /// Neither file has these entries.
    #[error("entries {0} to {1} are in neither of the two files: export again from an earlier day")]
    Gap(u64, u64),
    /// It is another trail than that of the earlier file.
    #[error(
        "after entry {0} it does not go on from the earlier file: the trail was replaced or changed"
    )]
    NotContinued(u64),
}

/// Takes a file line by line.
#[derive(Debug)]
pub struct Verifier {
    key: Option<[u8; 32]>,
    earlier: Option<Heading>,
    heading: Option<Heading>,
    /// The last entry, and its hash.
    place: (u64, String),
    line: u64,
}

impl Verifier {
    /// Of a file that is to be signed by the box with this `key`, where that is known, and to go on
    /// from an `earlier` one that is good.
    #[must_use]
    pub const fn new(key: Option<[u8; 32]>, earlier: Option<Heading>) -> Self {
        Self {
            key,
            earlier,
            heading: None,
            place: (0, String::new()),
            line: 0,
        }
    }

    /// Takes the next line, with its end.
    ///
    /// # Errors
    /// It is wrong.
    pub fn line(&mut self, bytes: &[u8]) -> Result<(), Wrong> {
        self.line += 1;
        let taken = match self.heading.take() {
            None => self.begin(bytes),
            Some(heading) => self.entry(bytes, &heading).map(|()| heading),
        };
        let line = self.line;
        self.heading = Some(taken.map_err(|what| Wrong { line, what })?);
        Ok(())
    }

    /// Says that there is no more; what the file was of.
    ///
    /// # Errors
    /// There should be more.
    pub fn end(self) -> Result<Heading, Wrong> {
        let line = self.line + 1;
        let what = match self.heading {
            None => What::NotATrail,
            Some(heading) if self.place.0 < heading.last => What::TooLittle(heading.last),
            Some(heading) => return Ok(heading),
        };
        Err(Wrong { line, what })
    }

    fn begin(&mut self, bytes: &[u8]) -> Result<Heading, What> {
        /// All that a later format may be trusted to have.
        #[derive(serde::Deserialize)]
        struct Format {
            ramal_audit: u16,
        }
        let format: Format = serde_json::from_slice(bytes).map_err(|_| What::NotATrail)?;
        if format.ramal_audit > FORMAT {
            return Err(What::Newer(format.ramal_audit));
        }
        let heading: Heading = serde_json::from_slice(bytes).map_err(|_| What::NotATrail)?;
        let is_plain = heading.format() == FORMAT && heading.line().as_bytes() == bytes;
        if !is_plain || heading.first > heading.last || heading.first == 0 {
            return Err(What::NotATrail);
        }
        if !is_signed(&heading) {
            return Err(What::NotSigned);
        }
        if self.key.is_some_and(|key| key != heading.of_box) {
            return Err(What::OtherBox(hex::encode(heading.of_box)));
        }
        if let Some(earlier) = &self.earlier {
            follows(earlier, &heading)?;
        }
        self.place = (heading.first - 1, heading.previous.clone());
        Ok(heading)
    }

    fn entry(&mut self, bytes: &[u8], heading: &Heading) -> Result<(), What> {
        let (last, previous) = &self.place;
        if *last >= heading.last {
            return Err(What::TooMuch(heading.last));
        }
        let entry = read(bytes).ok_or(What::Unreadable)?;
        let expected = last + 1;
        if entry.sequence != expected {
            let found = entry.sequence;
            return Err(What::OutOfPlace { expected, found });
        }
        let audit = &entry.audit;
        let said = [
            audit.who.as_str(),
            &audit.from,
            &audit.action,
            &audit.before,
            &audit.after,
        ];
        if hash(previous, entry.sequence, entry.at_millis, said) != entry.hash {
            return Err(What::Changed(entry.sequence));
        }
        if entry.sequence == heading.last && entry.hash != heading.head {
            return Err(What::OtherEnd);
        }
        let earlier = self.earlier.as_ref();
        if earlier.is_some_and(|it| it.last == entry.sequence && it.head != entry.hash) {
            return Err(What::NotContinued(entry.sequence));
        }
        self.place = (entry.sequence, entry.hash);
        Ok(())
    }
}

/// Whether one may go on from the other, as far as their first lines tell.
fn follows(earlier: &Heading, later: &Heading) -> Result<(), What> {
    if earlier.of_box != later.of_box {
        return Err(What::OtherBox(hex::encode(later.of_box)));
    }
    if earlier.last > later.last {
        return Err(What::Shorter(earlier.last));
    }
    let before = later.first - 1;
    if earlier.last < before {
        return Err(What::Gap(earlier.last + 1, before));
    }
    if earlier.last == before && earlier.head != later.previous {
        return Err(What::NotContinued(before));
    }
    Ok(())
}

fn is_signed(heading: &Heading) -> bool {
    VerifyingKey::from_bytes(&heading.of_box).is_ok_and(|key| {
        let signature = Signature::from_bytes(&heading.signature);
        key.verify_strict(&heading.message(), &signature).is_ok()
    })
}
