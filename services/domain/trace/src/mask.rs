//! Numbers of people outside, for whoever may not see them whole (R18): in addresses, in the names
//! beside them, in what carriers vouch for, and in session descriptions. Every byte is replaced by
//! one, so that lengths stay true.

use crate::lines::{fields, header, lines, parts};

/// The message with numbers of people outside masked, wherever an address stands: of their last
/// eight digits the last two stay. Of a name the first letter does.
#[must_use]
pub fn masked(message: &[u8]) -> Vec<u8> {
    let mut clean = message.to_vec();
    for (scheme, ends) in SCHEMES {
        let mut from = 0;
        while let Some(found) = find_ignoring_case(message, scheme, from) {
            let start = found + scheme.len();
            let rest = message.get(start..).unwrap_or_default();
            let end = rest.iter().position(|byte| ends.contains(byte));
            let end = start + end.unwrap_or(rest.len());
            mask_number(clean.get_mut(start..end).unwrap_or_default());
            from = end.max(start);
        }
    }
    let (head, body) = parts(message);
    let mut at = 0;
    for field in fields(head) {
        mask_field(clean.get_mut(at..at + field.len()).unwrap_or_default());
        at += field.len();
    }
    for line in lines(body) {
        mask_description(clean.get_mut(at..at + line.len()).unwrap_or_default());
        at += line.len();
    }
    clean
}

/// Masks what a header says of people besides addresses: names before them, what a carrier vouches
/// for (RFC 8224), a subject, and numbers in headers of makers' own.
fn mask_field(field: &mut [u8]) {
    let Some((name, value)) = header(field) else {
        return;
    };
    let begin = field.len() - value.len();
    let is_one_of = |names: &[&str]| {
        let mut names = names.iter();
        names.any(|it| name.eq_ignore_ascii_case(it.as_bytes()))
    };
    let is_own = [&b"X-"[..], b"P-"].iter().any(|it| {
        let start = name.get(..it.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(it))
    });
    let (has_name, is_text) = (is_one_of(&NAMED), is_one_of(&TEXTS));
    let value = field.get_mut(begin..).unwrap_or_default();
    match (has_name, is_text, is_own) {
        (true, ..) => mask_names(value),
        (_, true, _) => mask_text(value),
        (.., true) => mask_runs(value),
        _ => {}
    }
}

/// Masks what a line of SDP says of people (RFC 8866 §5): who opened the session, and text.
fn mask_description(line: &mut [u8]) {
    let Some((kind, rest)) = line.split_at_mut_checked(2) else {
        return;
    };
    match &*kind {
        b"o=" => {
            let end = rest.iter().position(|it| *it == b' ').unwrap_or(rest.len());
            mask_runs(rest.get_mut(..end).unwrap_or_default());
        }
        b"s=" | b"i=" | b"p=" | b"e=" => mask_runs(rest),
        _ => {}
    }
}

/// Masks every run of digits that is too long for a number inside.
fn mask_runs(text: &mut [u8]) {
    for run in text.split_mut(|byte| !byte.is_ascii_digit()) {
        mask_number(run);
    }
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

/// Masks what stands before each address in angle brackets, in quotes or not (RFC 3261 §25.1,
/// name-addr). Where there are no brackets there is no name.
fn mask_names(value: &mut [u8]) {
    let mut rest = value;
    while let Some(open) = unquoted(rest, b"<,") {
        let is_address = rest.get(open) == Some(&b'<');
        let (before, behind) = rest.split_at_mut(open);
        if is_address {
            mask_text(before);
        }
        let next = match is_address {
            true => unquoted(behind, b","),
            false => Some(0),
        };
        let Some(next) = next else { return };
        rest = behind.get_mut(next + 1..).unwrap_or_default();
    }
}

/// Where one of these bytes stands that is in no quotes.
fn unquoted(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let (mut is_open, mut is_escaped) = (false, false);
    text.iter().position(|byte| {
        let is_it = !is_open && wanted.contains(byte);
        is_open ^= *byte == b'"' && !is_escaped;
        is_escaped = is_open && *byte == b'\\' && !is_escaped;
        is_it
    })
}

/// Masks every letter and digit but the first, also those that are not in our letters.
fn mask_text(text: &mut [u8]) {
    let is_told = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
    for byte in text.iter_mut().filter(|it| is_told(it)).skip(1) {
        *byte = HIDDEN;
    }
}

fn find_ignoring_case(text: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let mut windows = text.get(from..)?.windows(wanted.len());
    Some(from + windows.position(|it| it.eq_ignore_ascii_case(wanted))?)
}

/// What begins an address, and what ends its user part; also within another address, escaped.
const SCHEMES: [(&[u8], &[u8]); 6] = [
    (b"sip:", ENDS),
    (b"sips:", ENDS),
    (b"tel:", ENDS),
    (b"sip%3a", ENDS_ESCAPED),
    (b"sips%3a", ENDS_ESCAPED),
    (b"tel%3a", ENDS_ESCAPED),
];
const ENDS: &[u8] = b"@>;?, \"\r\n\t&<";
const ENDS_ESCAPED: &[u8] = b"%@>;?, \"\r\n\t&<";
const HIDDEN: u8 = b'x';
/// As `config::is_inside_number` has it.
const INSIDE_DIGITS_MAX: usize = 6;
/// Headers in which people have names.
const NAMED: [&str; 17] = [
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
    "Reply-To",
    "History-Info",
    "P-Called-Party-ID",
];
/// Headers of which every letter and digit may tell who somebody is.
const TEXTS: [&str; 4] = ["Subject", "s", "Identity", "y"];

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
        check(
            "INVITE sip:1@x SIP/2.0\r\nf: 48999990021 <sip:1@x>\r\nP-Asserted-Identity: Ana \
             <sip:2@x>;a=b,\r\n \"Bia \\\"B, C\" <tel:3>, sip:4@x\r\n\
             To: sip:48999990021@x;tag=ab\r\n",
            "INVITE sip:1@x SIP/2.0\r\nf: 4xxxxxxxxxx <sip:1@x>\r\nP-Asserted-Identity: Axx \
             <sip:2@x>;a=b,\r\n \"Bxx \\\"x, x\" <tel:3>, sip:4@x\r\n\
             To: sip:489xxxxxx21@x;tag=ab\r\n",
        );
        check(
            "INVITE sip:1@x SIP/2.0\r\nIdentity: eyJh.x;i=<y>\r\nX-From: 5548999990021\r\n\
             Refer-To: <sip:1@x?Replaces=sip%3A48999990021%40y>\r\n\r\n\
             o=48999990021 123456789 1 IN IP4 192.0.2.1\r\ns=4899999\r\n",
            "INVITE sip:1@x SIP/2.0\r\nIdentity: exxx.x;x=<x>\r\nX-From: 55489xxxxxx21\r\n\
             Refer-To: <sip:1@x?Replaces=sip%3A489xxxxxx21%40y>\r\n\r\n\
             o=489xxxxxx21 123456789 1 IN IP4 192.0.2.1\r\ns=xxxxx99\r\n",
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
