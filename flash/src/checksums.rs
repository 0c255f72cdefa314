//! `SHA256SUMS`, as sha256sum writes and checks it.

use std::collections::BTreeMap;

/// The file's name.
pub const CHECKSUMS: &str = "SHA256SUMS";

/// SHA-256 by file name.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Checksums(BTreeMap<String, [u8; 32]>);

impl Checksums {
    /// Adds a file's.
    pub fn add(&mut self, name: &str, sha256: [u8; 32]) {
        self.0.insert(name.to_owned(), sha256);
    }

    /// That of a file.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<[u8; 32]> {
        self.0.get(name).copied()
    }

    /// Reads the lines that are some: `<64 hex digits>  <name>`, or ` *` before the name.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let line = |line: &str| {
            let (digest, name) = line.split_once(' ')?;
            let name = name.strip_prefix([' ', '*']).filter(|it| !it.is_empty())?;
            let mut sha256 = [0; 32];
            hex::decode_to_slice(digest, &mut sha256).ok()?;
            Some((name.to_owned(), sha256))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// Its text, by name.
    #[must_use]
    pub fn to_text(&self) -> String {
        let lines = self.0.iter();
        lines
            .map(|(name, sha256)| format!("{}  {name}\n", hex::encode(sha256)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_other_lines_are_passed_over() {
        let mut sums = Checksums::default();
        sums.add("ramal-1.2.3.img", [1; 32]);
        sums.add("ramal-1.2.3.img.zst", [0xab; 32]);
        let text = sums.to_text();
        assert!(text.starts_with(&format!("{}  ramal-1.2.3.img\n", "01".repeat(32))));
        assert_eq!(Checksums::parse(&text), sums);
        let signed = text.replace("  ", " *") + "\n# made by hand\nabc  short\n";
        assert_eq!(Checksums::parse(&signed), sums);
        assert_eq!(sums.of("ramal-1.2.4.img"), None);
    }
}
