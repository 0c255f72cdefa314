//! Takes the plain ELF kernel out of a bzImage, so an emulator can start it without the guest
//! spending seconds on decompression (PVH entry).
//!
//! Source: Linux Documentation/arch/x86/boot.rst, fields `setup_sects`, `payload_offset`,
//! `payload_length`.

use std::io::Read;

/// Why there is no plain kernel in it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum VmlinuxError {
    /// Not a bzImage, or cut short.
    #[error("this is not a bzImage: {0}")]
    NotBzImage(&'static str),
    /// Compressed in a way we do not read.
    #[error("the kernel is compressed in an unknown way (first bytes {0}); zstd is known")]
    Compression(String),
    /// Damaged.
    #[error("the kernel does not decompress: {0}")]
    Damaged(String),
}

/// The ELF kernel of a bzImage.
pub(crate) fn extract(image: &[u8]) -> Result<Vec<u8>, VmlinuxError> {
    if image.get(0x202..0x206) != Some(b"HdrS") {
        return Err(VmlinuxError::NotBzImage("the header magic is missing"));
    }
    let short = VmlinuxError::NotBzImage("it ends early");
    let setup_sectors = match image.get(0x1f1) {
        Some(0) | None => 4,
        Some(count) => usize::from(*count),
    };
    let (Some(offset), Some(length)) = (read_u32(image, 0x248), read_u32(image, 0x24c)) else {
        return Err(short);
    };
    let begin = (setup_sectors + 1) * 512 + offset;
    let Some(payload) = image.get(begin..begin + length) else {
        return Err(short);
    };
    if !payload.starts_with(&ZSTD_MAGIC) {
        let first = payload.get(..8).unwrap_or_default();
        return Err(VmlinuxError::Compression(hex::encode(first)));
    }
    let damaged = |error: std::io::Error| VmlinuxError::Damaged(error.to_string());
    let mut kernel = Vec::new();
    // The payload ends with the plain length as four bytes, so only one frame is read.
    let decoder = zstd::Decoder::with_buffer(payload).map_err(damaged)?;
    decoder
        .single_frame()
        .read_to_end(&mut kernel)
        .map_err(damaged)?;
    if !kernel.starts_with(b"\x7fELF") {
        return Err(VmlinuxError::Damaged(
            "the result is not an ELF file".to_owned(),
        ));
    }
    Ok(kernel)
}

fn read_u32(bytes: &[u8], at: usize) -> Option<usize> {
    let field = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*field)).ok()
}

/// RFC 8878 §3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

#[cfg(test)]
mod tests {
    use super::*;

    fn bz_image(payload: &[u8]) -> Vec<u8> {
        let mut image = vec![0; 1024];
        image[0x1f1] = 1;
        image[0x202..0x206].copy_from_slice(b"HdrS");
        let length = u32::try_from(payload.len()).unwrap();
        image[0x24c..0x250].copy_from_slice(&length.to_le_bytes());
        image.extend_from_slice(payload);
        image
    }

    #[test]
    fn the_payload_comes_out_although_its_length_follows_it() {
        let kernel = b"\x7fELF and the rest".to_vec();
        let mut payload = zstd::encode_all(kernel.as_slice(), 1).unwrap();
        payload.extend_from_slice(&[16, 0, 0, 0]);
        assert_eq!(extract(&bz_image(&payload)), Ok(kernel));
    }

    #[test]
    fn other_files_are_refused_with_a_reason() {
        assert!(matches!(
            extract(b"short"),
            Err(VmlinuxError::NotBzImage(_))
        ));
        assert!(matches!(
            extract(&bz_image(b"????????")),
            Err(VmlinuxError::Compression(_))
        ));
        let text = zstd::encode_all(b"not a kernel".as_slice(), 1).unwrap();
        assert!(matches!(
            extract(&bz_image(&text)),
            Err(VmlinuxError::Damaged(_))
        ));
    }
}
