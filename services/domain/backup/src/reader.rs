//! Reading an archive, however its bytes come.

use sha2::{Digest as _, Sha256};

use crate::entry::{Item, Summary, Table, read};
use crate::header::Header;
use crate::keys::{ArchiveKey, BackupKey, is_signed};
use crate::pack::Unpacker;
use crate::refusal::Refusal;
use crate::writer::LAST;
use crate::{CHUNK, TAG};

/// Bytes of a signature.
const SIGNATURE: usize = 64;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// The header; the reader goes on once it has the key ([`Reader::open`]).
    Header(Header),
    /// A row.
    Row {
        /// Of this table.
        table: Table,
        /// Its key.
        key: Vec<u8>,
        /// Its value.
        value: Vec<u8>,
    },
    /// The archive was read to its end, is whole, and signed by the box that its header names.
    End(Summary),
}

/// Turns the bytes of an archive into rows. What it gives out was made by somebody who has the
/// code, and is as it was made; whether it is whole only [`Event::End`] says.
#[derive(Debug)]
pub struct Reader {
    schema_max: u32,
    bytes: Vec<u8>,
    taken: usize,
    is_ended: bool,
    digest: Sha256,
    state: State,
}

enum State {
    Beginning,
    Waiting { header: Header, bytes: Vec<u8> },
    Chunks(Box<Chunks>),
    Over,
}

struct Chunks {
    of_box: [u8; 32],
    key: ArchiveKey,
    number: u32,
    was_last: bool,
    unpacker: Unpacker,
    unpacked: Vec<u8>,
    read: usize,
    last: Option<(Table, Vec<u8>)>,
    counted: Summary,
    told: Option<Summary>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Beginning => "Beginning",
            Self::Waiting { .. } => "Waiting",
            Self::Chunks(_) => "Chunks",
            Self::Over => "Over",
        })
    }
}

impl Reader {
    /// For archives of a schema up to this one.
    #[must_use]
    pub fn new(schema_max: u32) -> Self {
        Self {
            schema_max,
            bytes: Vec::new(),
            taken: 0,
            is_ended: false,
            digest: Sha256::new(),
            state: State::Beginning,
        }
    }

    /// Adds bytes. Push small pieces and poll after each: that bounds what is held.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// No more bytes come.
    pub const fn end(&mut self) {
        self.is_ended = true;
    }

    /// Whether it was read to its end, or refused.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Gives the key, once there is a header.
    ///
    /// # Errors
    /// It is not the key that the header names.
    pub fn open(&mut self, key: &BackupKey) -> Result<(), Refusal> {
        let State::Waiting { header, bytes } = &self.state else {
            return Err(Refusal::NotABackup);
        };
        if key.id() != header.key {
            return Err(Refusal::OtherCode(header.key));
        }
        let failed = Refusal::Damaged("it cannot be unpacked");
        self.state = State::Chunks(Box::new(Chunks {
            of_box: header.of_box,
            key: key.of_archive(bytes).ok_or_else(|| failed.clone())?,
            number: 0,
            was_last: false,
            unpacker: Unpacker::new().ok_or(failed)?,
            unpacked: Vec::new(),
            read: 0,
            last: None,
            counted: Summary::default(),
            told: None,
        }));
        Ok(())
    }

    /// What comes next; `None` until more bytes are there, or the key is.
    ///
    /// # Errors
    /// Why the archive is refused. Nothing more comes of it then.
    pub fn poll(&mut self) -> Result<Option<Event>, Refusal> {
        let polled = self.step();
        if polled.is_err() {
            self.state = State::Over;
            self.bytes.clear();
            self.taken = 0;
        }
        polled
    }

    fn step(&mut self) -> Result<Option<Event>, Refusal> {
        loop {
            let rest = self.bytes.get(self.taken..).unwrap_or_default();
            let step = match &mut self.state {
                State::Beginning => match Header::read(rest)? {
                    Some((header, length)) => {
                        if header.schema > self.schema_max {
                            return Err(Refusal::NewerSchema {
                                found: header.schema,
                                known: self.schema_max,
                            });
                        }
                        let bytes = rest.get(..length).unwrap_or_default().to_vec();
                        self.digest.update(&bytes);
                        self.taken += length;
                        let shown = header.clone();
                        self.state = State::Waiting { header, bytes };
                        return Ok(Some(Event::Header(shown)));
                    }
                    None => Step::Starved,
                },
                State::Waiting { .. } => return Ok(None),
                State::Chunks(chunks) => chunks.step(rest, &mut self.digest)?,
                State::Over if rest.is_empty() => return Ok(None),
                State::Over => return Err(Refusal::TooLong),
            };
            match step {
                Step::Starved if self.is_ended => return Err(Refusal::CutShort),
                Step::Starved => return Ok(None),
                Step::Went(length) => self.taken += length,
                Step::Gave(event) => return Ok(Some(event)),
                Step::Ended(length, summary) => {
                    self.taken += length;
                    self.state = State::Over;
                    if self.taken < self.bytes.len() {
                        return Err(Refusal::TooLong);
                    }
                    return Ok(Some(Event::End(summary)));
                }
            }
        }
    }
}

enum Step {
    /// More bytes are needed.
    Starved,
    /// So many bytes are done with.
    Went(usize),
    Gave(Event),
    Ended(usize, Summary),
}

impl Chunks {
    fn step(&mut self, rest: &[u8], digest: &mut Sha256) -> Result<Step, Refusal> {
        if let Some(event) = self.row()? {
            return Ok(Step::Gave(event));
        }
        if self.was_last {
            return self.signature(rest, digest);
        }
        let Some(head) = rest.first_chunk::<4>() else {
            return Ok(Step::Starved);
        };
        let length = u32::from_le_bytes(*head);
        let is_last = length & LAST != 0;
        let length = usize::try_from(length & !LAST).unwrap_or(usize::MAX);
        if !(TAG..=CHUNK + TAG).contains(&length) {
            return Err(Refusal::Damaged("a part of it has no length that may be"));
        }
        let end = head.len() + length;
        let Some(sealed) = rest.get(head.len()..end) else {
            return Ok(Step::Starved);
        };
        digest.update(head);
        digest.update(sealed);
        let mut chunk = sealed.to_vec();
        let opened = self.key.open(self.number, is_last, &mut chunk);
        let opened = opened.ok_or(Refusal::Damaged("a part of it was changed"))?;
        self.unpacker.push(opened);
        let next = self.number.checked_add(1);
        self.number = next.ok_or(Refusal::Damaged("it has too many parts"))?;
        self.was_last = is_last;
        Ok(Step::Went(end))
    }

    /// The next row of what was opened so far.
    fn row(&mut self) -> Result<Option<Event>, Refusal> {
        loop {
            let rest = self.unpacked.get(self.read..).unwrap_or_default();
            if self.told.is_some() {
                // Nothing follows the end.
                let more = !rest.is_empty() || self.unpacker.unpack(&mut self.unpacked)?;
                return match more && self.read < self.unpacked.len() {
                    true => Err(Refusal::Damaged("it goes on behind its end")),
                    false => Ok(None),
                };
            }
            let Some((item, length)) = read(rest)? else {
                self.unpacked.drain(..self.read);
                self.read = 0;
                if self.unpacker.unpack(&mut self.unpacked)? {
                    continue;
                }
                return Ok(None);
            };
            self.read += length;
            match item {
                Item::End(summary) => self.told = Some(summary),
                Item::Entry(table, key, value) => {
                    let before = self.last.as_ref().map(|(table, key)| (*table, &**key));
                    if before.is_some_and(|before| before >= (table, key)) {
                        return Err(Refusal::Damaged("its rows are not in order"));
                    }
                    let (key, value) = (key.to_vec(), value.to_vec());
                    self.counted.count(table);
                    self.last = Some((table, key.clone()));
                    return Ok(Some(Event::Row { table, key, value }));
                }
            }
        }
    }

    fn signature(&self, rest: &[u8], digest: &Sha256) -> Result<Step, Refusal> {
        let Some(told) = self.told.filter(|_| self.unpacker.is_over()) else {
            return Err(Refusal::Damaged("its end is missing"));
        };
        if told != self.counted {
            return Err(Refusal::Damaged("it has other rows than it says"));
        }
        let Some(signature) = rest.first_chunk::<SIGNATURE>() else {
            return Ok(Step::Starved);
        };
        if !is_signed(&self.of_box, digest.clone(), signature) {
            return Err(Refusal::NotSigned);
        }
        Ok(Step::Ended(SIGNATURE, told))
    }
}
