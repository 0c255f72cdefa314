//! Passwords made by the box (R7): 16 characters, always with digit, upper, lower and symbol.

/// Characters of a generated password: about 95 bits.
pub const PASSWORD_LENGTH: usize = 16;

/// Without 0, 1, I, O and l, which people mistake for each other on a phone's screen.
const DIGITS: &[u8] = b"23456789";
const UPPER: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
const LOWER: &[u8] = b"abcdefghijkmnopqrstuvwxyz";
/// Safe unquoted in SIP URIs and parameters, INI files and the account lines of soft phones.
const SYMBOLS: &[u8] = b"!*+-._~^";
const CLASSES: [&[u8]; 4] = [DIGITS, UPPER, LOWER, SYMBOLS];

/// Draws a password, uniform among all that hold every class of character.
///
/// `fill` writes fresh secret bytes from the operating system's generator. Both steps reject
/// instead of folding: a byte that would favour some characters is drawn again, and so is a whole
/// password that lacks a class; patching a class in afterwards would make some positions
/// predictable. A source that never varies would therefore keep this from returning.
pub fn generate_password(fill: &mut impl FnMut(&mut [u8])) -> String {
    let alphabet = CLASSES.concat();
    loop {
        let password: String = (0..PASSWORD_LENGTH)
            .map(|_| char::from(draw(&alphabet, fill)))
            .collect();
        if CLASSES
            .iter()
            .all(|class| password.bytes().any(|byte| class.contains(&byte)))
        {
            return password;
        }
    }
}

fn draw(alphabet: &[u8], fill: &mut impl FnMut(&mut [u8])) -> u8 {
    let fair = 256 - 256 % alphabet.len().max(1);
    loop {
        let mut byte = [0];
        fill(&mut byte);
        let index = usize::from(byte[0]);
        if index < fair
            && let Some(drawn) = alphabet.get(index % alphabet.len())
        {
            return *drawn;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator for tests only (xorshift).
    fn source(mut state: u32) -> impl FnMut(&mut [u8]) {
        move |bytes| {
            for byte in bytes {
                state ^= state << 13;
                state ^= state >> 17;
                state ^= state << 5;
                *byte = state.to_le_bytes()[1];
            }
        }
    }

    #[test]
    fn every_password_has_sixteen_characters_of_all_four_classes() {
        let mut fill = source(1);
        for _ in 0..2000 {
            let password = generate_password(&mut fill);
            assert_eq!(password.len(), PASSWORD_LENGTH);
            for class in CLASSES {
                assert!(
                    password.bytes().any(|byte| class.contains(&byte)),
                    "{password}"
                );
            }
        }
    }

    #[test]
    fn no_character_would_need_quoting() {
        for forbidden in b"\"'`;<>\\@: ,#%&/?=[](){}|$" {
            assert!(!CLASSES.concat().contains(forbidden));
        }
    }

    #[test]
    fn every_character_is_equally_likely_to_be_drawn() {
        let alphabet = CLASSES.concat();
        let mut next = 0u8;
        let mut every_byte_in_turn = |bytes: &mut [u8]| {
            bytes.fill(next);
            next = next.wrapping_add(1);
        };
        let rounds = 256 / alphabet.len() * alphabet.len();
        let mut counts = [0; 256];
        for _ in 0..rounds {
            counts[usize::from(draw(&alphabet, &mut every_byte_in_turn))] += 1;
        }
        for character in &alphabet {
            assert_eq!(counts[usize::from(*character)], rounds / alphabet.len());
        }
    }

    #[test]
    fn passwords_do_not_repeat() {
        let mut fill = source(7);
        assert_ne!(generate_password(&mut fill), generate_password(&mut fill));
    }
}
