//! Which parts of an image hold something, and their SHA-256: the block maps of bmaptool.
//!
//! Format 2.0 (bmap-tools, `BmapCreate.py` and `BmapCopy.py`), so that people who know bmaptool can
//! use it on our images. Parts that are not mapped may hold anything after the image was written.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use disks::Extents;

/// Bytes of a block.
pub const BLOCK: u64 = 4096;

/// A block map.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockMap {
    /// Bytes of the whole image.
    pub image_size: u64,
    /// What holds something, in ascending order.
    pub ranges: Vec<MappedRange>,
}

/// A part that holds something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MappedRange {
    /// First block.
    pub first: u64,
    /// Last block.
    pub last: u64,
    /// Of its bytes; the last block of an image may be short.
    pub sha256: [u8; 32],
}

/// Why a text is no block map.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BlockMapFault {
    /// A field is missing or not a number.
    #[error("<{0}> is missing or not as it should be")]
    Field(&'static str),
    /// Of another version.
    #[error("version {0} is not supported, only 2.0; make the map with bmaptool 3 or newer")]
    Version(String),
    /// Blocks of another size.
    #[error("blocks of {0} bytes are not supported, only of {BLOCK}")]
    BlockSize(u64),
    /// Other check values than SHA-256.
    #[error("check values of type {0} are not supported, only sha256")]
    ChecksumType(String),
    /// The text was changed after it was made.
    #[error("it is damaged: its own check value is another one")]
    Damaged,
    /// A range is none, overlaps the one before or lies outside.
    #[error("the range `{0}` is none, or not in order")]
    Range(String),
}

impl BlockMap {
    /// What is mapped, in bytes.
    #[must_use]
    pub fn extents(&self) -> Extents {
        let mut extents = Extents::default();
        for range in &self.ranges {
            extents.add(range.bytes(self.image_size));
        }
        extents
    }

    /// Its text.
    #[must_use]
    pub fn to_xml(&self) -> String {
        let without = self.xml_with(NO_CHECKSUM);
        self.xml_with(&hex::encode(Sha256::digest(&without)))
    }

    fn xml_with(&self, checksum: &str) -> String {
        let blocks = self.image_size.div_ceil(BLOCK);
        let mapped: u64 = self.ranges.iter().map(|it| it.last - it.first + 1).sum();
        let mut ranges = String::new();
        for range in &self.ranges {
            let digest = hex::encode(range.sha256);
            let written = if range.first == range.last {
                writeln!(
                    ranges,
                    "        <Range chksum=\"{digest}\"> {} </Range>",
                    range.first
                )
            } else {
                let MappedRange { first, last, .. } = range;
                writeln!(
                    ranges,
                    "        <Range chksum=\"{digest}\"> {first}-{last} </Range>"
                )
            };
            debug_assert!(written.is_ok(), "a string takes everything");
        }
        format!(
            "<?xml version=\"1.0\" ?>\n\
             <bmap version=\"2.0\">\n    \
                 <ImageSize> {} </ImageSize>\n    \
                 <BlockSize> {BLOCK} </BlockSize>\n    \
                 <BlocksCount> {blocks} </BlocksCount>\n    \
                 <MappedBlocksCount> {mapped} </MappedBlocksCount>\n    \
                 <ChecksumType> sha256 </ChecksumType>\n    \
                 <BmapFileChecksum> {checksum} </BmapFileChecksum>\n    \
                 <BlockMap>\n{ranges}    </BlockMap>\n\
             </bmap>\n",
            self.image_size
        )
    }

    /// Reads a map.
    ///
    /// # Errors
    /// The text is none.
    pub fn parse(text: &str) -> Result<Self, BlockMapFault> {
        let plain = without_comments(text);
        let version = attribute(&plain, "bmap", "version");
        let version = version.ok_or(BlockMapFault::Field("bmap"))?;
        if version.split('.').next() != Some("2") {
            return Err(BlockMapFault::Version(version.to_owned()));
        }
        let block_size = number(&plain, "BlockSize")?;
        if block_size != BLOCK {
            return Err(BlockMapFault::BlockSize(block_size));
        }
        let kind = field(&plain, "ChecksumType")?;
        if kind != "sha256" {
            return Err(BlockMapFault::ChecksumType(kind.to_owned()));
        }
        let stated = field(&plain, "BmapFileChecksum")?;
        let blank = text.replacen(stated, NO_CHECKSUM, 1);
        if stated.len() != NO_CHECKSUM.len() || hex::encode(Sha256::digest(blank)) != stated {
            return Err(BlockMapFault::Damaged);
        }
        let image_size = number(&plain, "ImageSize")?;
        let list = field(&plain, "BlockMap")?;
        let ranges = ranges(list, image_size.div_ceil(BLOCK))?;
        Ok(Self { image_size, ranges })
    }
}

impl MappedRange {
    /// The bytes of an image of so many.
    #[must_use]
    pub fn bytes(&self, image_size: u64) -> std::ops::Range<u64> {
        let end = self.last.saturating_add(1).saturating_mul(BLOCK);
        self.first.saturating_mul(BLOCK)..end.min(image_size)
    }
}

fn ranges(list: &str, blocks: u64) -> Result<Vec<MappedRange>, BlockMapFault> {
    let mut found: Vec<MappedRange> = Vec::new();
    let mut rest = list;
    while let Some((_, after)) = rest.split_once("<Range") {
        let wrong = || BlockMapFault::Range(after.chars().take(90).collect());
        let (element, next) = after.split_once("</Range>").ok_or_else(wrong)?;
        rest = next;
        let range = range(element).ok_or_else(wrong)?;
        let free = found.last().map_or(0, |before| before.last + 1);
        if range.first < free || range.last < range.first || range.last >= blocks {
            return Err(wrong());
        }
        found.push(range);
    }
    Ok(found)
}

/// ` chksum="..."> 5-7 `
fn range(element: &str) -> Option<MappedRange> {
    let (attributes, blocks) = element.split_once('>')?;
    let (_, digest) = attributes.split_once("chksum=\"")?;
    let (digest, _) = digest.split_once('"')?;
    let blocks = blocks.trim();
    let (first, last) = blocks.split_once('-').unwrap_or((blocks, blocks));
    let mut sha256 = [0; 32];
    hex::decode_to_slice(digest, &mut sha256).ok()?;
    Some(MappedRange {
        first: first.trim().parse().ok()?,
        last: last.trim().parse().ok()?,
        sha256,
    })
}

fn field<'a>(text: &'a str, name: &'static str) -> Result<&'a str, BlockMapFault> {
    let inner = || {
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        let (inner, _) = after.split_once(&format!("</{name}>"))?;
        Some(inner.trim())
    };
    inner().ok_or(BlockMapFault::Field(name))
}

fn number(text: &str, name: &'static str) -> Result<u64, BlockMapFault> {
    field(text, name)?
        .parse()
        .map_err(|_| BlockMapFault::Field(name))
}

fn attribute<'a>(text: &'a str, element: &str, name: &str) -> Option<&'a str> {
    let (_, after) = text.split_once(&format!("<{element} "))?;
    let (attributes, _) = after.split_once('>')?;
    let (_, value) = attributes.split_once(&format!("{name}=\""))?;
    value.split('"').next()
}

fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<!--") {
        plain.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain
}

/// What stands for the map's own check value while that is computed.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map() -> BlockMap {
        let range = |first, last, byte| MappedRange {
            first,
            last,
            sha256: [byte; 32],
        };
        BlockMap {
            image_size: 10 * BLOCK + 100,
            ranges: vec![range(0, 3, 1), range(5, 5, 2), range(10, 10, 3)],
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let xml = map().to_xml();
        assert_eq!(BlockMap::parse(&xml), Ok(map()));
        let extents: Vec<_> = map().extents().ranges().collect();
        let end = 10 * BLOCK..10 * BLOCK + 100;
        assert_eq!(extents, [0..4 * BLOCK, 5 * BLOCK..6 * BLOCK, end]);
    }

    /// As bmaptool 3.6 writes it: with words about every field, which name fields.
    #[test]
    fn a_map_with_comments_is_read() {
        let xml = map().to_xml();
        let lively = xml
            .replace(
                "    <BlockSize>",
                "\n    <!-- a <BlockSize> of 7 -->\n    <BlockSize>",
            )
            .replace(" </MappedBlocksCount>", "   </MappedBlocksCount>");
        assert_eq!(BlockMap::parse(&sealed(&lively)), Ok(map()));
    }

    /// With a check value that fits the text.
    fn sealed(text: &str) -> String {
        let (before, after) = text.split_once("<BmapFileChecksum> ").expect("there");
        let blank = format!("{before}<BmapFileChecksum> {NO_CHECKSUM}{}", &after[64..]);
        let digest = hex::encode(Sha256::digest(&blank));
        blank.replacen(NO_CHECKSUM, &digest, 1)
    }

    #[test]
    fn a_changed_map_is_refused() {
        let xml = map().to_xml();
        let changed = xml.replace(" 5 ", " 6 ");
        assert_eq!(BlockMap::parse(&changed), Err(BlockMapFault::Damaged));
    }

    #[test]
    fn what_is_no_map_is_refused_by_name() {
        let xml = map().to_xml();
        let check = |from: &str, to: &str, expected: BlockMapFault| {
            let changed = sealed(&xml.replace(from, to));
            assert_eq!(BlockMap::parse(&changed), Err(expected), "{from} {to}");
        };
        check("\"2.0\"", "\"1.3\"", BlockMapFault::Version("1.3".into()));
        check("> 4096 <", "> 512 <", BlockMapFault::BlockSize(512));
        check("sha256", "sha1", BlockMapFault::ChecksumType("sha1".into()));
        check("ImageSize", "Size", BlockMapFault::Field("ImageSize"));
        for (from, to) in [
            (" 5 ", " 3 "),
            (" 5 ", " 7-6 "),
            (" 5 ", " x "),
            (" 10 ", " 11 "),
        ] {
            let fault = BlockMap::parse(&sealed(&xml.replace(from, to)));
            assert!(
                matches!(fault, Err(BlockMapFault::Range(_))),
                "{to}: {fault:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,300}", cut in 0..1200_usize) {
            prop_assert!(BlockMap::parse(&text).is_err());
            let xml = map().to_xml();
            let _ = BlockMap::parse(xml.get(..cut).unwrap_or_default());
        }
    }
}
