//! The table that is looked up.

use std::net::IpAddr;
use std::ops::Range;

use crate::country::Country;
use crate::read::Reader;
use crate::{BLOCK, COUNTRIES_MAX, INDEX_ENTRY, IPV4_LAST, MAGIC, TABLE_MAX};

/// What is to be said of the data wherever they are shown: their licence asks for it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct About {
    /// When they were made, seconds since 1970.
    pub made: u64,
    /// Whose they are; at most 255 bytes, as licence and address.
    pub source: String,
    /// Under which licence they are, as SPDX names it.
    pub licence: String,
    /// Where they come from.
    pub address: String,
}

/// What is wrong with a table. It is not used, not even what of it could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Damage {
    /// It begins like none.
    #[error("it is no table of countries of this form")]
    Form,
    /// It is larger than any.
    #[error("it is larger than {TABLE_MAX} bytes")]
    Large,
    /// It ends too early, or goes on behind its end.
    #[error("it does not end where it should")]
    Length,
    /// What it says of itself cannot be read.
    #[error("what it says of its source cannot be read")]
    About,
    /// A country is not one, or not in order.
    #[error("its countries are not countries in order")]
    Countries,
    /// An entry is wrong, or not behind the one before.
    #[error("its addresses are not in order")]
    Entries,
}

/// Of every address the country it is registered in.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    bytes: Box<[u8]>,
    about: About,
    countries: Vec<Country>,
    ipv4: Family,
    ipv6: Family,
}

/// The addresses of one IP version.
#[derive(Clone, PartialEq, Eq)]
struct Family {
    blocks: Box<[Block]>,
    /// Where its entries lie in the bytes of the table.
    entries: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Block {
    /// Its first address.
    start: u64,
    /// Where it begins among the entries.
    at: u32,
}

impl Table {
    /// Reads a table whole, so that no answer fails later.
    ///
    /// # Errors
    /// What is wrong with it. Nothing larger than [`TABLE_MAX`] is looked at.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, Damage> {
        if bytes.len() > TABLE_MAX {
            return Err(Damage::Large);
        }
        let mut reader = Reader(&bytes);
        if reader.bytes(MAGIC.len()) != Some(&MAGIC) {
            return Err(Damage::Form);
        }
        let about = about(&mut reader).ok_or(Damage::About)?;
        let countries = countries(&mut reader).ok_or(Damage::Countries)?;
        let whole = bytes.len();
        let ipv4 = Family::parse(&mut reader, whole, countries.len(), IPV4_LAST)?;
        let ipv6 = Family::parse(&mut reader, whole, countries.len(), u64::MAX)?;
        if !reader.0.is_empty() {
            return Err(Damage::Length);
        }
        Ok(Self {
            bytes: bytes.into_boxed_slice(),
            about,
            countries,
            ipv4,
            ipv6,
        })
    }

    /// The country an address is registered in; `None` where the table names none.
    #[must_use]
    pub fn country(&self, address: IpAddr) -> Option<Country> {
        let (family, key) = match address.to_canonical() {
            IpAddr::V4(it) => (&self.ipv4, u64::from(it.to_bits())),
            IpAddr::V6(it) => {
                let [a, b, c, d, e, f, g, h, ..] = it.octets();
                (&self.ipv6, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
        };
        let entries = self.bytes.get(family.entries.clone())?;
        let place = family.place(entries, key)?;
        self.countries
            .get(usize::from(place).checked_sub(1)?)
            .copied()
    }

    /// What is to be said of the data.
    #[must_use]
    pub const fn about(&self) -> &About {
        &self.about
    }
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table({} bytes, {:?})", self.bytes.len(), self.about)
    }
}

impl Family {
    /// Reads what a table of `whole` bytes has of one IP version with addresses up to `last`.
    fn parse(
        reader: &mut Reader<'_>,
        whole: usize,
        countries: usize,
        last: u64,
    ) -> Result<Self, Damage> {
        let mut size = || reader.number32().and_then(|it| usize::try_from(it).ok());
        let (count, length) = size().zip(size()).ok_or(Damage::Length)?;
        let index = count.div_ceil(BLOCK).checked_mul(INDEX_ENTRY);
        let index = index
            .and_then(|it| reader.bytes(it))
            .ok_or(Damage::Length)?;
        let from = whole.saturating_sub(reader.0.len());
        let entries = reader.bytes(length).ok_or(Damage::Length)?;
        let mut index = Reader(index);
        let mut blocks = Vec::with_capacity(count.div_ceil(BLOCK));
        let mut rest = Reader(entries);
        let mut next = Some(0);
        while blocks.len() < count.div_ceil(BLOCK) {
            let block = block(&mut index).ok_or(Damage::Length)?;
            let at = entries.len().saturating_sub(rest.0.len());
            if usize::try_from(block.at) != Ok(at) {
                return Err(Damage::Entries);
            }
            let begun = blocks.len().saturating_mul(BLOCK);
            let size = count.saturating_sub(begun).min(BLOCK);
            let end = walk(&mut rest, block, size, countries, next).ok_or(Damage::Entries)?;
            next = end.checked_add(1);
            if end > last {
                return Err(Damage::Entries);
            }
            blocks.push(block);
        }
        if !rest.0.is_empty() {
            return Err(Damage::Length);
        }
        Ok(Self {
            blocks: blocks.into_boxed_slice(),
            entries: from..from.saturating_add(length),
        })
    }

    /// The place of the country of an address among the countries, from 1.
    fn place(&self, entries: &[u8], key: u64) -> Option<u8> {
        let behind = self.blocks.partition_point(|it| it.start <= key);
        let block = self.blocks.get(behind.checked_sub(1)?)?;
        let mut reader = Reader(entries.get(usize::try_from(block.at).ok()?..)?);
        let mut place = reader.byte()?;
        let mut start = block.start;
        for _ in 1..BLOCK {
            let Some(next) = reader.byte() else { break };
            let Some(distance) = reader.distance() else {
                break;
            };
            match start.checked_add(distance) {
                Some(begin) if begin <= key => (start, place) = (begin, next),
                _ => break,
            }
        }
        Some(place)
    }
}

fn about(reader: &mut Reader<'_>) -> Option<About> {
    Some(About {
        made: reader.number64()?,
        source: reader.text()?.to_owned(),
        licence: reader.text()?.to_owned(),
        address: reader.text()?.to_owned(),
    })
}

fn countries(reader: &mut Reader<'_>) -> Option<Vec<Country>> {
    let count = usize::from(reader.byte()?);
    let mut countries = Vec::with_capacity(count.min(COUNTRIES_MAX));
    for _ in 0..count {
        let country = Country::of([reader.byte()?, reader.byte()?])?;
        if countries.last().is_some_and(|before| *before >= country) {
            return None;
        }
        countries.push(country);
    }
    Some(countries)
}

fn block(index: &mut Reader<'_>) -> Option<Block> {
    Some(Block {
        start: index.number64()?,
        at: index.number32()?,
    })
}

/// Reads the entries of a block, which begins at `next` at the earliest; where its last one begins.
fn walk(
    reader: &mut Reader<'_>,
    block: Block,
    size: usize,
    countries: usize,
    next: Option<u64>,
) -> Option<u64> {
    let mut start = next
        .is_some_and(|next| block.start >= next)
        .then_some(block.start)?;
    for entry in 0..size {
        if usize::from(reader.byte()?) > countries {
            return None;
        }
        if entry > 0 {
            start = start.checked_add(reader.distance()?)?;
        }
    }
    Some(start)
}
