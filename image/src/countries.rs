//! Makes the table of which country an address is registered in (R48, R49), of the database that
//! Debian ships for Tor.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use ::countries::{About, Country, Damage, PackFault, Range, Table, pack};

use crate::deb::{self, DebError, Package, Pin, Unpacked};
use crate::progress;

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum CountriesError {
    /// The lock file is not as it should be.
    #[error("image/countries.lock: {0}")]
    Lock(#[from] toml::de::Error),
    /// The package.
    #[error(transparent)]
    Package(#[from] DebError),
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Data that are not as they were when this was written.
    #[error("{path}, line {line}: {what}")]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1; 0 for what is not there.
        line: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The table cannot be read.
    #[error("the table that was made cannot be read: {0}")]
    Damage(#[from] Damage),
    /// The ranges make no table.
    #[error("the data of the package make no table: {0}")]
    Pack(#[from] PackFault),
}

/// A table, and what it is made of.
#[derive(Clone, Debug)]
pub struct Made {
    /// The table.
    pub table: Vec<u8>,
    /// Package and version.
    pub source: String,
}

/// The table of the package from the cache, or from the archive.
///
/// # Errors
/// The package cannot be had, or is not as it was.
pub fn make(cache: &Path) -> Result<Made, CountriesError> {
    let unpacked = fetch(cache)?;
    let read = |name: &str| {
        let path = unpacked.folder.join("usr/share/tor").join(name);
        let text = std::fs::read_to_string(&path);
        let text = text.map_err(|source| CountriesError::File {
            path: path.clone(),
            source,
        })?;
        Ok::<_, CountriesError>((path, text))
    };
    let ((ipv4_path, ipv4), (ipv6_path, ipv6)) = (read("geoip")?, read("geoip6")?);
    let at = |path: &Path, line, what| CountriesError::Line {
        path: path.to_owned(),
        line,
        what,
    };
    let about = about(&ipv4).map_err(|what| at(&ipv4_path, 0, what))?;
    let ranges = |path: &Path, text: &str, ends| {
        let ranges = ranges(text, ends);
        ranges.map_err(|(line, what)| at(path, line, what))
    };
    let ipv4 = ranges(&ipv4_path, &ipv4, ipv4_ends)?;
    let ipv6 = ranges(&ipv6_path, &ipv6, ipv6_ends)?;
    let table = pack(&about, &ipv4, &ipv6)?;
    // As the box will read it.
    Table::parse(table.clone())?;
    progress::note(&format!(
        "{} ranges of IPv4 and {} of IPv6 in {} KiB",
        ipv4.len(),
        ipv6.len(),
        table.len().div_ceil(1024)
    ));
    Ok(Made {
        table,
        source: unpacked.package.title(),
    })
}

/// The package from the cache, or from the archive.
pub(crate) fn fetch(cache: &Path) -> Result<Unpacked, CountriesError> {
    let pin: Pin = toml::from_str(include_str!("../countries.lock"))?;
    let unpacked = deb::fetch(&cache.join("countries"), &pin, || {
        let candidate = Package::candidate(&pin.package)?;
        candidate.ok_or_else(|| DebError::NotInArchive {
            package: pin.package.clone(),
            instead: "version of it".to_owned(),
        })
    })?;
    Ok(unpacked)
}

/// What the database says of itself. The licence is what the image is allowed to have it under: it
/// is held against the one that was read when this was written.
fn about(text: &str) -> Result<About, &'static str> {
    let said = |name: &str| {
        let mut lines = text.lines().map_while(|line| line.strip_prefix('#'));
        lines.find_map(|line| line.trim().strip_prefix(name).map(str::trim))
    };
    if said("Vendor:") != Some("IPFire Project") || said("License:") != Some("CC BY-SA 4.0") {
        return Err("the vendor is not the IPFire Project, or the licence not CC BY-SA 4.0");
    }
    let made = said("Generated:").and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
    let made = made.and_then(|it| u64::try_from(it.timestamp().as_second()).ok());
    Ok(About {
        made: made.ok_or("it does not say when it was generated")?,
        source: SOURCE.to_owned(),
        licence: LICENCE.to_owned(),
        address: ADDRESS.to_owned(),
    })
}

/// The first and the last address of a line; `None` for no addresses, `Some(None)` for none that
/// are told apart.
type Ends = fn(&str, &str) -> Option<Option<(u64, u64)>>;

/// Each line is a range: its first address, its last, its country.
fn ranges(text: &str, ends: Ends) -> Result<Vec<Range>, (usize, &'static str)> {
    let mut ranges = Vec::new();
    for (line, text) in text.lines().enumerate() {
        if text.starts_with('#') {
            continue;
        }
        let wrong = (line.saturating_add(1), "it is not a range and its country");
        let mut parts = text.split(',');
        let (Some(first), Some(last), Some(code), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong);
        };
        if let Some((first, last)) = ends(first, last).ok_or(wrong)? {
            ranges.push(Range {
                first,
                last,
                country: Country::parse(code),
            });
        }
    }
    Ok(ranges)
}

/// IPv4 is written as one number.
fn ipv4_ends(first: &str, last: &str) -> Option<Option<(u64, u64)>> {
    let address = |text: &str| Some(u64::from(Ipv4Addr::from_bits(text.parse().ok()?).to_bits()));
    Some(Some((address(first)?, address(last)?)))
}

/// 64 bits are told apart: a line of IPv6 has no less. Where one is divided all the same, its
/// first address decides.
fn ipv6_ends(first: &str, last: &str) -> Option<Option<(u64, u64)>> {
    let address = |text: &str| Some(text.parse::<Ipv6Addr>().ok()?.to_bits());
    let line = |bits: u128| u64::try_from(bits >> 64).ok();
    let (first, last) = (address(first)?, line(address(last)?)?);
    let is_whole = first.trailing_zeros() >= 64;
    let first = line(first)?.checked_add(u64::from(!is_whole))?;
    Some((first <= last).then_some((first, last)))
}

/// As the image says whose the data are.
pub(crate) const SOURCE: &str = "IPFire Location database";
/// SPDX.
pub(crate) const LICENCE: &str = "CC-BY-SA-4.0";
/// Where they come from.
pub(crate) const ADDRESS: &str = "https://location.ipfire.org/";

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# This file has been converted from the IPFire Location database\n#\n\
        # Generated: Thu, 25 Jun 2026 04:33:59 GMT\n# Vendor:    IPFire Project\n\
        # License:   CC BY-SA 4.0\n";

    #[test]
    fn the_committed_lock_is_well_formed() {
        let lock: Pin = toml::from_str(include_str!("../countries.lock")).expect("parses");
        assert_eq!((&*lock.package, lock.sha256.len()), ("tor-geoipdb", 64));
    }

    #[test]
    fn the_data_say_whose_they_are_and_another_licence_is_refused() {
        let told = about(HEAD).expect("told");
        assert_eq!(told.made, 1_782_362_039);
        assert_eq!(told.licence, "CC-BY-SA-4.0");
        for (ours, other) in [
            ("CC BY-SA 4.0", "CC BY-NC 4.0"),
            ("IPFire Project", "Somebody"),
            ("Thu, 25 Jun", "Thu, 35 Jun"),
        ] {
            assert!(about(&HEAD.replace(ours, other)).is_err(), "{other}");
        }
    }

    #[test]
    fn lines_become_a_table_and_a_line_that_is_none_is_named() {
        let ipv4 = "16777216,16777471,AU\n16777472,16778239,??\n16778240,16779263,BR\n";
        let ipv6 = "2001:506:8::,2001:506:9::3,US\n2001:506:9::4,2001:506:9::5,BR\n\
                    2001:506:9::6,2001:506:9:1:ffff:ffff:ffff:ffff,PT\n";
        let ipv4 = ranges(&format!("{HEAD}{ipv4}"), ipv4_ends).expect("read");
        let ipv6 = ranges(ipv6, ipv6_ends).expect("read");
        let table = pack(&about(HEAD).expect("told"), &ipv4, &ipv6).expect("packed");
        let table = Table::parse(table).expect("a table");
        let check = |address: &str, code: Option<&str>| {
            let found = table.country(address.parse().expect("an address"));
            assert_eq!(found, code.and_then(Country::parse), "{address}");
        };
        check("1.0.0.255", Some("AU"));
        check("1.0.1.0", None);
        check("1.0.4.0", Some("BR"));
        check("2001:506:8:ffff::", Some("US"));
        // The line is divided: its first address decides.
        check("2001:506:9::4", Some("US"));
        check("2001:506:9:1::", Some("PT"));
        for (text, line) in [
            ("1,2", 1),
            ("1,2,BR,x", 1),
            ("1,2,BR\n\n3,4,PT", 2),
            ("a,2,BR", 1),
        ] {
            assert_eq!(
                ranges(text, ipv4_ends).map(drop).map_err(|it| it.0),
                Err(line)
            );
        }
    }
}
