//! Patches: the compressed parts of a new slot, made of the programs that a box runs and of what
//! changed in them.
//!
//! A change of one line moves the code of all behind it, and in a compressed file nothing is where
//! it was. So a patch says what changed in the programs as they are before compression. The box
//! applies it to the programs it runs, and compresses the result as the makers of the slot have:
//! the same compressor makes the same bytes.
//!
//! What this crate must never do: decide what is written. What comes out is offered chunk by chunk,
//! and one whose hash is not in the signed list is not taken: a patch that does not fit costs time.
//! Read first: [`make`], then [`apply`].
//!
//! ```text
//! u32 runs   per run: u64 place in the slot, u32 bytes of a block, u32 bytes before compression
//! then all runs before compression, one behind the other, as a zstd frame whose prefix is the
//! programs that run
//! ```
//! All numbers are little-endian.

use zstd::zstd_safe::{CCtx, CParameter, DCtx, compress_bound, get_error_name, version_number};

/// Why a patch could not be made or applied.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatchError {
    /// Its head is cut off, or says what cannot be.
    #[error("the patch is damaged")]
    Damaged,
    /// The compressor says no.
    #[error("the compressor says: {0}")]
    Compressor(&'static str),
    /// Nothing of a content is in the slot as it would be compressed here.
    #[error("a part of the slot is not compressed as the box would compress it")]
    NotFound,
}

/// A part of a slot before its compression.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// It is compressed in blocks of so many bytes, each by itself.
    pub block: usize,
}

/// The patch by which a box that runs `old` makes these contents as they lie in `slot`.
///
/// # Errors
/// A content is not to be found in the slot.
pub fn make(slot: &[u8], old: &[u8], contents: &[Content<'_>]) -> Result<Vec<u8>, PatchError> {
    let count = u32::try_from(contents.len()).map_err(|_| PatchError::Damaged)?;
    let mut patch = count.to_le_bytes().to_vec();
    for content in contents {
        let run = Run::of(slot, content)?;
        patch.extend_from_slice(&run.place.to_le_bytes());
        patch.extend_from_slice(&run.block.to_le_bytes());
        patch.extend_from_slice(&run.length.to_le_bytes());
    }
    let new: Vec<u8> = contents.iter().flat_map(|it| it.bytes).copied().collect();
    let mut frame = Vec::with_capacity(compress_bound(new.len()));
    let mut context = CCtx::try_create().ok_or(NO_MEMORY)?;
    for parameter in [
        CParameter::CompressionLevel(LEVEL_OF_PATCHES),
        CParameter::WindowLog(WINDOW),
        CParameter::EnableLongDistanceMatching(true),
    ] {
        context.set_parameter(parameter).map_err(compressor)?;
    }
    context.ref_prefix(old).map_err(compressor)?;
    context.compress2(&mut frame, &new).map_err(compressor)?;
    patch.extend_from_slice(&frame);
    Ok(patch)
}

/// Applies a patch to the programs that run: parts of the new slot, and where each begins in it.
///
/// # Errors
/// The patch is for other programs, or damaged.
pub fn apply(old: Vec<u8>, patch: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, PatchError> {
    let (runs, frame) = read_head(patch)?;
    let new = decompress(&old, frame, &runs)?;
    // The compressor needs the room.
    drop(old);
    let mut rest = new.as_slice();
    let mut parts = Vec::new();
    for run in runs {
        let length = usize::try_from(run.length).map_err(|_| PatchError::Damaged)?;
        let (bytes, after) = rest.split_at_checked(length).ok_or(PatchError::Damaged)?;
        rest = after;
        let block = usize::try_from(run.block).map_err(|_| PatchError::Damaged)?;
        parts.push((run.place, compress_in_blocks(bytes, block)?));
    }
    Ok(parts)
}

/// One block as it lies in a slot: compressed, or as it is when that would be longer.
///
/// # Errors
/// There is not enough memory.
pub fn compress(block: &[u8]) -> Result<Vec<u8>, PatchError> {
    let mut bytes = Vec::with_capacity(compress_bound(block.len()));
    let mut context = CCtx::try_create().ok_or(NO_MEMORY)?;
    let compressed = context.compress(&mut bytes, block, LEVEL);
    compressed.map_err(compressor)?;
    if bytes.len() > block.len() {
        return Ok(block.to_vec());
    }
    Ok(bytes)
}

/// Which version of the compressor this is: another one may compress to other bytes.
#[must_use]
pub fn compressor_version() -> u32 {
    version_number()
}

/// A content in a slot.
struct Run {
    place: u64,
    block: u32,
    length: u32,
}

impl Run {
    fn of(slot: &[u8], content: &Content<'_>) -> Result<Self, PatchError> {
        let bytes = compress_in_blocks(content.bytes, content.block)?;
        let first = bytes.get(..FIRST).ok_or(PatchError::NotFound)?;
        let mut places = slot.windows(FIRST).enumerate();
        let is_there = |at: usize| slot.get(at..).is_some_and(|it| it.starts_with(&bytes));
        let place = places.find(|(at, window)| *window == first && is_there(*at));
        let (place, _) = place.ok_or(PatchError::NotFound)?;
        let number = |it: usize| u32::try_from(it).map_err(|_| PatchError::NotFound);
        Ok(Self {
            place: place as u64,
            block: number(content.block)?,
            length: number(content.bytes.len())?,
        })
    }
}

fn read_head(patch: &[u8]) -> Result<(Vec<Run>, &[u8]), PatchError> {
    let (count, mut rest) = patch.split_first_chunk().ok_or(PatchError::Damaged)?;
    let count = u32::from_le_bytes(*count);
    if count > RUNS_MAX {
        return Err(PatchError::Damaged);
    }
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(Run {
            place: u64::from_le_bytes(take(&mut rest)?),
            block: u32::from_le_bytes(take(&mut rest)?),
            length: u32::from_le_bytes(take(&mut rest)?),
        });
    }
    Ok((runs, rest))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], PatchError> {
    let (first, after) = rest.split_first_chunk().ok_or(PatchError::Damaged)?;
    *rest = after;
    Ok(*first)
}

fn decompress(old: &[u8], frame: &[u8], runs: &[Run]) -> Result<Vec<u8>, PatchError> {
    let length: u64 = runs.iter().map(|it| u64::from(it.length)).sum();
    if length > CONTENTS_MAX {
        return Err(PatchError::Damaged);
    }
    let length = usize::try_from(length).map_err(|_| PatchError::Damaged)?;
    let mut new = Vec::with_capacity(length);
    let mut context = DCtx::try_create().ok_or(NO_MEMORY)?;
    context.ref_prefix(old).map_err(compressor)?;
    context.decompress(&mut new, frame).map_err(compressor)?;
    Ok(new)
}

fn compress_in_blocks(bytes: &[u8], block: usize) -> Result<Vec<u8>, PatchError> {
    if block == 0 {
        return Err(PatchError::Damaged);
    }
    let blocks = bytes.chunks(block).map(compress);
    Ok(blocks.collect::<Result<Vec<_>, _>>()?.concat())
}

fn compressor(code: usize) -> PatchError {
    PatchError::Compressor(get_error_name(code))
}

/// The programs that a patch begins with, in their order: paths in the root.
pub const PROGRAMS: [&str; 2] = ["/sbin/init", "/usr/bin/ramal"];

/// How hard what lies in a slot is compressed: squashfs-tools' own default for zstd. More gains
/// little, and the box would need memory for it.
pub const LEVEL: i32 = 15;

/// Patches are compressed once and downloaded often.
const LEVEL_OF_PATCHES: i32 = 19;

/// 2^27 bytes: from the end of the new programs to the beginning of the old ones.
const WINDOW: u32 = 27;

/// Bytes by which the place of a content is looked for, before all of it is compared.
const FIRST: usize = 64;

/// Most runs of a patch.
const RUNS_MAX: u32 = 64;

/// Most bytes of all contents together: three times what they are, and what the box has room for.
const CONTENTS_MAX: u64 = 48 * 1024 * 1024;

const NO_MEMORY: PatchError = PatchError::Compressor("there is not enough memory");

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that cannot be compressed.
    fn noise(length: usize, seed: u64) -> Vec<u8> {
        let mut state = seed;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    /// Text that can be, of so many words.
    fn program(words: usize) -> Vec<u8> {
        let word = |at: usize| format!("{:x} ", at.wrapping_mul(at).wrapping_add(77) % 9973);
        (0..words).flat_map(|at| word(at).into_bytes()).collect()
    }

    fn applied(old: &[u8], patch: &[u8]) -> Result<Vec<(u64, Vec<u8>)>, PatchError> {
        apply(old.to_vec(), patch)
    }

    #[test]
    fn a_box_makes_the_parts_of_the_slot_of_its_own_programs_and_little_more() {
        let old = program(100_000);
        // A line is added in the middle.
        let (before, after) = old.split_at(old.len() / 2);
        let new = [before, b"one more line", after].concat();
        let stiff = noise(3000, 1);
        let parts = [(new.as_slice(), 4096), (stiff.as_slice(), 1000)];
        let contents = parts.map(|(bytes, block)| Content { bytes, block });
        let packed = contents.map(|it| compress_in_blocks(it.bytes, it.block).unwrap());
        assert_eq!(packed[1], stiff);
        let slot = [&noise(5000, 2)[..], &packed[0], b"between", &packed[1]].concat();
        let patch = make(&slot, &old, &contents).unwrap();
        assert!(patch.len() < 3000 + 500, "{} bytes", patch.len());
        assert!(packed[0].len() > 100_000);
        let places = [5000, 5000 + packed[0].len() as u64 + 7];
        let expected: Vec<_> = places.into_iter().zip(packed).collect();
        assert_eq!(applied(&old, &patch), Ok(expected));
    }

    #[test]
    fn what_does_not_lie_in_the_slot_as_it_is_compressed_here_gets_no_patch() {
        let new = program(10_000);
        let content = Content {
            bytes: &new,
            block: 4096,
        };
        let mut slot = compress_in_blocks(&new, 4096).unwrap();
        *slot.last_mut().unwrap() ^= 1;
        assert_eq!(make(&slot, &[], &[content]), Err(PatchError::NotFound));
    }

    #[test]
    fn a_patch_that_does_not_fit_is_refused_and_no_byte_of_it_is_believed() {
        let old = program(10_000);
        let new = [b"first", &old[..]].concat();
        let content = Content {
            bytes: &new,
            block: 4096,
        };
        let slot = compress_in_blocks(&new, 4096).unwrap();
        let patch = make(&slot, &old, &[content]).unwrap();
        assert!(applied(&old, &patch).is_ok());
        for cut in 0..patch.len() {
            assert!(applied(&old, &patch[..cut]).is_err(), "{cut}");
        }
        for at in 0..20 {
            let mut changed = patch.clone();
            changed[at] ^= 0x80;
            // It may end well, with bytes whose hashes nobody asks for.
            let _ = applied(&old, &changed);
        }
        let mut endless = patch.clone();
        endless[16..20].fill(0xff);
        assert_eq!(applied(&old, &endless), Err(PatchError::Damaged));
    }
}
