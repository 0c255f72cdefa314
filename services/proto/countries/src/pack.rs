//! Tables are written.

use crate::country::Country;
use crate::table::About;
use crate::{BLOCK, IPV4_LAST, MAGIC, TABLE_MAX};

/// Addresses of one country.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// The first: the 32 bits of IPv4, the first 64 of IPv6.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// The country; `None` for addresses of no country.
    pub country: Option<Country>,
}

/// Why a table cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PackFault {
    /// Two ranges have addresses in common, or they are not in order, or one ends before it begins
    /// or beyond all addresses.
    #[error("the range from {0:#x} is not behind the one before it, or ends where it cannot")]
    Order(u64),
    /// A text about the data is longer than 255 bytes.
    #[error("the text about the data is longer than 255 bytes: shorten source, licence or address")]
    Text,
    /// There is more than a table may have.
    #[error("the table is larger than {TABLE_MAX} bytes")]
    Large,
}

/// Writes a table of these ranges, each IP version ascending. The same ranges give the same bytes.
///
/// # Errors
/// The ranges are not in order, or there are too many.
pub fn pack(about: &About, ipv4: &[Range], ipv6: &[Range]) -> Result<Vec<u8>, PackFault> {
    let mut countries: Vec<Country> = Vec::new();
    countries.extend(ipv4.iter().chain(ipv6).filter_map(|it| it.country));
    countries.sort_unstable();
    countries.dedup();
    let mut table = MAGIC.to_vec();
    table.extend(about.made.to_le_bytes());
    for text in [&about.source, &about.licence, &about.address] {
        table.push(u8::try_from(text.len()).map_err(|_| PackFault::Text)?);
        table.extend(text.as_bytes());
    }
    table.push(u8::try_from(countries.len()).map_err(|_| PackFault::Large)?);
    table.extend(countries.iter().flat_map(|it| it.bytes()));
    for (ranges, last) in [(ipv4, IPV4_LAST), (ipv6, u64::MAX)] {
        family(&mut table, &entries(ranges, last)?, &countries)?;
    }
    match table.len() {
        0..=TABLE_MAX => Ok(table),
        _ => Err(PackFault::Large),
    }
}

/// Where the country changes, and what it is from there.
type Entry = (u64, Option<Country>);

/// The entries for these ranges of addresses up to `last`.
fn entries(ranges: &[Range], last: u64) -> Result<Vec<Entry>, PackFault> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut put = |at, country| {
        let before = entries.last().and_then(|(_, country)| *country);
        if before != country {
            entries.push((at, country));
        }
    };
    // The first address that none was said of; `None` behind the last there is.
    let mut next = Some(0);
    for range in ranges {
        let is_sound = range.first <= range.last && range.last <= last;
        let free = next.filter(|free| is_sound && *free <= range.first);
        let free = free.ok_or(PackFault::Order(range.first))?;
        if free < range.first {
            put(free, None);
        }
        put(range.first, range.country);
        next = range.last.checked_add(1);
    }
    if let Some(free) = next.filter(|free| *free <= last) {
        put(free, None);
    }
    Ok(entries)
}

fn family(table: &mut Vec<u8>, entries: &[Entry], countries: &[Country]) -> Result<(), PackFault> {
    let (mut index, mut bytes) = (Vec::new(), Vec::new());
    for block in entries.chunks(BLOCK) {
        let mut before = None;
        for (start, country) in block {
            let place = country.and_then(|it| countries.binary_search(&it).ok());
            let place = place.map_or(0, |it| it.saturating_add(1));
            match before {
                None => {
                    index.extend(start.to_le_bytes());
                    index.extend(count(bytes.len())?);
                    bytes.push(u8::try_from(place).map_err(|_| PackFault::Large)?);
                }
                Some(before) => {
                    bytes.push(u8::try_from(place).map_err(|_| PackFault::Large)?);
                    distance(&mut bytes, start.saturating_sub(before));
                }
            }
            before = Some(*start);
        }
    }
    table.extend(count(entries.len())?);
    table.extend(count(bytes.len())?);
    table.extend(index);
    table.extend(bytes);
    Ok(())
}

fn count(count: usize) -> Result<[u8; 4], PackFault> {
    let count = u32::try_from(count).map_err(|_| PackFault::Large)?;
    Ok(count.to_le_bytes())
}

fn distance(bytes: &mut Vec<u8>, distance: u64) {
    let zeros = distance.trailing_zeros().min(63);
    let [zeros_byte, ..] = zeros.to_le_bytes();
    bytes.push(zeros_byte);
    let mut rest = distance >> zeros;
    loop {
        let [low, ..] = rest.to_le_bytes();
        rest >>= 7;
        if rest == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}
