//! AES-256-XTS as dm-crypt does it, to look into the data of a box that is switched off.
//!
//! Source: IEEE 1619-2018 §5.3; Linux Documentation/admin-guide/device-mapper/dm-crypt.rst
//! (`plain64`, `sector_size`). Whole blocks only: disks have no half ones.

use aes::Aes256;
use aes::cipher::{Array, BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};

/// The cipher of a device whose sectors are [`SECTOR`] bytes.
pub(crate) struct Xts {
    data: Aes256,
    tweak: Aes256,
}

/// Encrypted as one, bytes.
pub(crate) const SECTOR: usize = 4096;

/// `plain64` counts these, however large the encrypted sectors are.
const COUNTED: u64 = 512;

#[derive(Clone, Copy)]
enum Direction {
    Encrypt,
    Decrypt,
}

impl Xts {
    /// From both keys, one after the other.
    pub(crate) fn new(key: &[u8; 64]) -> Self {
        let (data, tweak) = key.split_at(32);
        let cipher = |key: &[u8]| {
            let mut array = [0; 32];
            array.copy_from_slice(key);
            Aes256::new(&Array::from(array))
        };
        Self {
            data: cipher(data),
            tweak: cipher(tweak),
        }
    }

    /// Encrypts the sector that begins at this byte of the device.
    pub(crate) fn encrypt(&self, place: u64, sector: &mut [u8]) {
        self.run(place, sector, Direction::Encrypt);
    }

    /// Decrypts it.
    pub(crate) fn decrypt(&self, place: u64, sector: &mut [u8]) {
        self.run(place, sector, Direction::Decrypt);
    }

    fn run(&self, place: u64, sector: &mut [u8], direction: Direction) {
        let mut tweak = Array::from(u128::from(place / COUNTED).to_le_bytes());
        self.tweak.encrypt_block(&mut tweak);
        let mut tweak = u128::from_le_bytes(tweak.into());
        for block in sector.as_chunks_mut::<16>().0 {
            let mut text = Array::from((u128::from_le_bytes(*block) ^ tweak).to_le_bytes());
            match direction {
                Direction::Encrypt => self.data.encrypt_block(&mut text),
                Direction::Decrypt => self.data.decrypt_block(&mut text),
            }
            *block = (u128::from_le_bytes(text.into()) ^ tweak).to_le_bytes();
            // Times x in GF(2^128), x^128 + x^7 + x^2 + x + 1.
            let carry = tweak >> 127;
            tweak = (tweak << 1) ^ (carry * 0x87);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IEEE 1619-2018 annex B, vector 10: AES-256, data unit 0xff.
    #[test]
    fn the_vector_of_the_standard_comes_out() {
        let key = "2718281828459045235360287471352662497757247093699959574966967627\
                   3141592653589793238462643383279502884197169399375105820974944592";
        let mut bytes = [0; 64];
        for (byte, place) in bytes.iter_mut().zip((0..128).step_by(2)) {
            *byte = u8::from_str_radix(&key[place..place + 2], 16).expect("digits");
        }
        let xts = Xts::new(&bytes);
        let plain: Vec<u8> = (0..=255).chain(0..=255).collect();
        let mut text = plain.clone();
        xts.encrypt(0xff * COUNTED, &mut text);
        assert_eq!(
            text[..16],
            [
                0x1c, 0x3b, 0x3a, 0x10, 0x2f, 0x77, 0x03, 0x86, 0xe4, 0x83, 0x6c, 0x99, 0xe3, 0x70,
                0xcf, 0x9b
            ]
        );
        assert_eq!(
            text[496..],
            [
                0xc4, 0xf3, 0x6f, 0xfd, 0xa9, 0xfc, 0xea, 0x70, 0xb9, 0xc6, 0xe6, 0x93, 0xe1, 0x48,
                0xc1, 0x51
            ]
        );
        xts.decrypt(0xff * COUNTED, &mut text);
        assert_eq!(text, plain);
    }
}
