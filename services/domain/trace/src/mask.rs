//! Numbers of people outside, for whoever may not see them whole (R18): in addresses and in the
//! names beside them. Every byte is replaced by one, so that lengths stay true.

use crate::lines::{lines, parts};

/// The message with numbers of people outside masked, wherever an address stands: of their last
/// eight digits the last two stay. Names in quotes keep their first letter.
#[must_use]
pub fn masked(message: &[u8]) -> Vec<u8> {
    let mut clean = message.to_vec();
    for scheme in SCHEMES {
        let mut from = 0;
        while let Some(found) = find_ignoring_case(message, scheme, from) {
            let start = found + scheme.len();
            let rest = message.get(start..).unwrap_or_default();
            let end = rest.iter().position(|byte| ENDS.contains(byte));
            let end = start + end.unwrap_or(rest.len());
            mask_number(clean.get_mut(start..end).unwrap_or_default());
            from = end.max(start);
        }
    }
    let (head, _) = parts(message);
    let mut at = 0;
    for line in lines(head) {
        if NAMED.iter().any(|it| begins(line, it)) {
            mask_names(clean.get_mut(at..at + line.len()).unwrap_or_default());
        }
        at += line.len();
    }
    clean
}

/// Masks a number in its place; what has six digits at most is nobody's outside, or no number.
fn mask_number(user: &mut [u8]) {
    let count = user.iter().filter(|byte| byte.is_ascii_digit()).count();
    if count <= INSIDE_DIGITS_MAX {
        return;
    }
    let hidden = count.saturating_sub(8)..count.saturating_sub(2);
    let digits = user.iter_mut().filter(|byte| byte.is_ascii_digit());
    for (place, digit) in digits.enumerate() {
        if hidden.contains(&place) {
            *digit = HIDDEN;
        }
    }
}

/// Masks what stands in quotes, before the address that it names.
fn mask_names(line: &mut [u8]) {
    let mut place = None;
    for byte in line {
        match (*byte, place) {
            (b'<', None) => return,
            (b'"', None) => place = Some(0),
            (b'"', Some(_)) => return,
            // Also of names that are not in our letters.
            (other, Some(before)) => {
                if before > 0 && (other.is_ascii_alphanumeric() || !other.is_ascii()) {
                    *byte = HIDDEN;
                }
                place = Some(before + 1);
            }
            (_, None) => {}
        }
    }
}

fn begins(line: &[u8], name: &str) -> bool {
    let (start, rest) = line.split_at(name.len().min(line.len()));
    let is_header = rest.trim_ascii_start().starts_with(b":");
    is_header && start.eq_ignore_ascii_case(name.as_bytes())
}

fn find_ignoring_case(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let mut windows = text.get(from..)?.windows(wanted.len());
    Some(from + windows.position(|it| it.eq_ignore_ascii_case(wanted))?)
}

const SCHEMES: [&[u8]; 3] = [b"sip:", b"sips:", b"tel:"];
/// What ends the user part of an address.
const ENDS: &[u8] = b"@>;?, \"\r\n\t&<";
const HIDDEN: u8 = b'x';
/// As `config::is_inside_number` has it.
const INSIDE_DIGITS_MAX: usize = 6;
/// Headers in which people have names.
const NAMED: [&str; 14] = [
    "From",
    "f",
    "To",
    "t",
    "Contact",
    "m",
    "P-Asserted-Identity",
    "P-Preferred-Identity",
    "Remote-Party-ID",
    "Diversion",
    "Referred-By",
    "b",
    "Refer-To",
    "r",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_of_people_outside_are_masked_and_nothing_gets_longer() {
        let check = |from: &str, to: &str| {
            let clean = masked(from.as_bytes());
            assert_eq!(String::from_utf8_lossy(&clean), to);
        };
        check(
            "INVITE sip:+5548999990021@host;user=phone SIP/2.0\r\n\
             From: \"Ana 7\" <sips:48999990021@carrier>;tag=12345678\r\n\
             t: <sip:101@box>\r\nCall-ID: 1234567890@x\r\n\r\nentity=\"TEL:33334444\"",
            "INVITE sip:+55489xxxxxx21@host;user=phone SIP/2.0\r\n\
             From: \"Axx x\" <sips:489xxxxxx21@carrier>;tag=12345678\r\n\
             t: <sip:101@box>\r\nCall-ID: 1234567890@x\r\n\r\nentity=\"TEL:xxxxxx44\"",
        );
        // A short number is as `config` has it, and an address without a user is nobody's number.
        assert!(config::is_inside_number("123456") && !config::is_inside_number("1234567"));
        check(
            "OPTIONS sip:123456@x SIP/2.0\r\n",
            "OPTIONS sip:123456@x SIP/2.0\r\n",
        );
        check(
            "OPTIONS sip:1234567 SIP/2.0\r\n",
            "OPTIONS sip:xxxxx67 SIP/2.0\r\n",
        );
        check("OPTIONS sip:", "OPTIONS sip:");
    }
}
