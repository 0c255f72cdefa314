//! Calling codes of the world (ITU-T E.164 assigned country codes).

/// Codes of one and two digits; every other code has three.
const SHORT: [&str; 46] = [
    "1", "7", "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45",
    "46", "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
    "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
];

/// Areas of +1 that are not the United States or Canada. They are dialled alike, priced like the
/// far end of the world and a favourite of fraud, so each counts as a country: `1876`.
const ISLANDS: [&str; 27] = [
    "1242", "1246", "1264", "1268", "1284", "1340", "1345", "1441", "1473", "1649", "1658", "1664",
    "1670", "1671", "1684", "1721", "1758", "1767", "1784", "1787", "1809", "1829", "1849", "1868",
    "1869", "1876", "1939",
];

/// The calling code an international number begins with; `None` when it is too short or too long
/// to be one.
pub(super) fn calling_code(digits: &str) -> Option<&str> {
    let digital = digits.bytes().all(|byte| byte.is_ascii_digit());
    if !digital || !(8..=15).contains(&digits.len()) || digits.starts_with('0') {
        return None;
    }
    let begins = |code: &&&str| digits.starts_with(**code);
    let listed = ISLANDS.iter().find(begins);
    let length = listed.or_else(|| SHORT.iter().find(begins));
    digits.get(..length.map_or(3, |code| code.len()))
}
