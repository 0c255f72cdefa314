//! The data partition decrypted, as dm-crypt does it: `aes-xts-plain64` with sectors of 4096 bytes.
//!
//! Source: IEEE 1619 §5; Linux drivers/md/dm-crypt.c: without `iv_large_sectors` the tweak is the
//! number of the first 512 bytes, little-endian.

use aes::cipher::{BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};
use aes::{Aes256, Block};

/// Bytes that are encrypted as one.
pub(crate) const BLOCK: usize = 4096;

/// Opens blocks.
pub(crate) struct Crypt {
    data: Aes256,
    tweak: Aes256,
}

impl Crypt {
    /// With two keys of 32 bytes, as the kernel is given them.
    pub(crate) fn new(key: &[u8]) -> Option<Self> {
        let (data, tweak) = key.split_at_checked(32)?;
        Some(Self {
            data: Aes256::new_from_slice(data).ok()?,
            tweak: Aes256::new_from_slice(tweak).ok()?,
        })
    }

    /// Opens the block with this number.
    pub(crate) fn open(&self, number: u64, block: &mut [u8]) {
        let mut tweak = self.first_tweak(number);
        for piece in block.as_chunks_mut::<16>().0 {
            let mixed = u128::from_le_bytes(*piece) ^ tweak;
            let mut opened = Block::from(mixed.to_le_bytes());
            self.data.decrypt_block(&mut opened);
            *piece = (u128::from_le_bytes(opened.into()) ^ tweak).to_le_bytes();
            tweak = double(tweak);
        }
    }

    fn first_tweak(&self, number: u64) -> u128 {
        let sector = number.saturating_mul(BLOCK as u64 / 512);
        let mut tweak = Block::from(u128::from(sector).to_le_bytes());
        self.tweak.encrypt_block(&mut tweak);
        u128::from_le_bytes(tweak.into())
    }
}

/// Multiplies by x in GF(2^128) (IEEE 1619 §5.2).
const fn double(tweak: u128) -> u128 {
    let carry = if tweak >> 127 == 1 { 0x87 } else { 0 };
    (tweak << 1) ^ carry
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IEEE 1619-2007 annex B, vector 10: AES-256, data unit 0xff, 512 bytes 00..ff twice. The unit
    /// is a multiple of 8 here, so the tweak is set by hand.
    #[test]
    fn blocks_are_opened_as_the_standard_says() {
        let key: Vec<u8> = [
            "2718281828459045235360287471352662497757247093699959574966967627",
            "3141592653589793238462643383279502884197169399375105820974944592",
        ]
        .iter()
        .flat_map(|half| {
            let digits = half.as_bytes().chunks(2);
            digits.map(|it| u8::from_str_radix(std::str::from_utf8(it).unwrap(), 16).unwrap())
        })
        .collect();
        let crypt = Crypt::new(&key).unwrap();
        let mut first = Block::from(u128::from(0xff_u8).to_le_bytes());
        crypt.tweak.encrypt_block(&mut first);
        let tweak = u128::from_le_bytes(first.into());
        let sealed = 0x1c3b_3a10_2f77_0386_e483_6c99_e370_cf9b_u128.to_be_bytes();
        let mut block = Block::from((u128::from_le_bytes(sealed) ^ tweak).to_le_bytes());
        crypt.data.decrypt_block(&mut block);
        let opened = (u128::from_le_bytes(block.into()) ^ tweak).to_le_bytes();
        assert_eq!(opened, std::array::from_fn(|it| u8::try_from(it).unwrap()));
    }
}
