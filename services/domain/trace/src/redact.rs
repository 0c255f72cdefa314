//! Takes out of a message what authenticates, and what encrypts sound. Every byte that goes is
//! replaced, so that lengths stay true.

use crate::lines::{fields, find, header, lines, parts, value};

/// The message without secrets: of credentials and challenges everything but name, realm, address
/// and manner stays out; so do keys of sound in SDP (RFC 4568, RFC 4567, RFC 8839), keys pressed
/// that are told by INFO or KPML, which may be a PIN, and what people write to each other
/// (RFC 3428).
#[must_use]
pub fn redacted(message: &[u8]) -> Vec<u8> {
    let (head, body) = parts(message);
    let mut clean = Vec::with_capacity(message.len());
    for field in fields(head) {
        clean.extend(of_line(field));
    }
    hide_passwords_of_addresses(&mut clean);
    let is_of = |method: &[u8]| head.starts_with(method);
    let kind = value(message, "Content-Type", "c").unwrap_or_default();
    if is_of(b"MESSAGE ") || starts_with(kind, b"application/kpml") {
        clean.extend(body.iter().map(|byte| starred(*byte)));
        return clean;
    }
    for line in lines(body) {
        // Devices tell keys in many ways; how long one was pressed is no secret.
        match is_of(b"INFO ") && !starts_with(line.trim_ascii_start(), b"duration") {
            true => {
                let name = line.iter().position(|byte| *byte == b'=');
                star_from(&mut clean, line, name.map_or(0, |at| at + 1));
            }
            false => clean.extend(of_line(line)),
        }
    }
    clean
}

/// A line as it may be kept, wherever it stands: a header block may end sooner or later than
/// whoever wrote it thought.
fn of_line(line: &[u8]) -> Vec<u8> {
    if header(line).is_some_and(|(name, _)| is_credential(name)) {
        return credentials(line);
    }
    let mut clean = Vec::with_capacity(line.len());
    star_from(&mut clean, line, secret_of_sdp(line).unwrap_or(line.len()));
    clean
}

/// An address may have a password in it (RFC 3261 §19.1.1), though none should.
fn hide_passwords_of_addresses(head: &mut [u8]) {
    let mut colon = None;
    let mut is_address = false;
    for place in 0..head.len() {
        match head.get(place) {
            Some(b':') if is_address => colon = colon.or(Some(place)),
            Some(b':') => is_address = ends_with_scheme(head.get(..place).unwrap_or_default()),
            Some(b'@') => {
                let secret = colon.and_then(|colon| head.get_mut(colon + 1..place));
                for byte in secret.into_iter().flatten() {
                    *byte = b'*';
                }
                (colon, is_address) = (None, false);
            }
            // `;` and `?` may stand within a user (RFC 3261 §25.1, user-unreserved).
            Some(b'>' | b'<' | b'"' | b' ' | b'\r' | b'\n') => {
                (colon, is_address) = (None, false);
            }
            _ => {}
        }
    }
}

fn ends_with_scheme(before: &[u8]) -> bool {
    let word = before.rsplit(|byte| !byte.is_ascii_alphabetic()).next();
    let word = word.unwrap_or_default();
    word.eq_ignore_ascii_case(b"sip") || word.eq_ignore_ascii_case(b"sips")
}

fn is_credential(name: &[u8]) -> bool {
    CREDENTIALS
        .iter()
        .any(|it| name.eq_ignore_ascii_case(it.as_bytes()))
}

/// A line of credentials with the values of all parameters replaced but of those that tell no
/// secret; of another scheme than Digest nothing is known.
fn credentials(line: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(line.len());
    let rest = match header(line) {
        Some((_, value)) => {
            let (name, _) = line.split_at(line.len() - value.len());
            clean.extend_from_slice(name);
            value
        }
        None => line,
    };
    let (mut is_open, mut is_escaped) = (false, false);
    let mut piece: Vec<u8> = Vec::new();
    for byte in rest {
        is_open ^= *byte == b'"' && !is_escaped;
        // RFC 3261 §25.1, quoted-pair.
        is_escaped = is_open && *byte == b'\\' && !is_escaped;
        piece.push(*byte);
        if *byte == b',' && !is_open {
            clean.extend(parameter(&piece));
            piece.clear();
        }
    }
    clean.extend(parameter(&piece));
    clean
}

/// One parameter, with the name of the scheme before the first.
fn parameter(piece: &[u8]) -> Vec<u8> {
    let Some(equals) = piece.iter().position(|byte| *byte == b'=') else {
        // A word alone names a scheme; what follows one without a name is a secret.
        let words = piece.trim_ascii().split(|byte| *byte == b' ').count();
        let from = if words > 1 { 0 } else { piece.len() };
        let mut clean = Vec::new();
        star_from(&mut clean, piece, from);
        return clean;
    };
    let (before, _) = piece.split_at(equals);
    let name = before.rsplit(|it| it.is_ascii_whitespace()).next();
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let is_harmless = HARMLESS.iter().any(|it| it.as_bytes() == name) && is_single(piece, equals);
    let words = before.trim_ascii().split(|it| it.is_ascii_whitespace());
    let scheme = words.filter(|it| !it.is_empty()).count() > 1;
    let is_digest = before
        .trim_ascii()
        .to_ascii_lowercase()
        .starts_with(b"digest");
    if is_harmless && (!scheme || is_digest) {
        return piece.to_vec();
    }
    let mut clean = Vec::new();
    let from = if scheme && !is_digest { 0 } else { equals + 1 };
    star_from(&mut clean, piece, from);
    clean
}

/// Whether behind the equals sign of a piece there is one word, or one quoted text, and no more.
fn is_single(piece: &[u8], equals: usize) -> bool {
    let value = piece.get(equals + 1..).unwrap_or_default().trim_ascii();
    let value = value.strip_suffix(b",").unwrap_or(value).trim_ascii();
    let Some(text) = value.strip_prefix(b"\"") else {
        return !value.iter().any(|it| b" \t\r\n\"=;".contains(it));
    };
    let mut is_escaped = false;
    let end = text.iter().position(|byte| {
        let is_end = *byte == b'"' && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        is_end
    });
    end.is_some_and(|end| end + 1 == text.len())
}

/// Where the secret of a line of SDP begins.
fn secret_of_sdp(line: &[u8]) -> Option<usize> {
    let known = SDP.iter().find(|it| starts_with(line, it.as_bytes()));
    let begin = known.map(|it| it.len());
    // Also where something else is offered by it (RFC 5939).
    let within = ["inline:", "mikey "].map(|it| find(&line.to_ascii_lowercase(), it.as_bytes()));
    begin.or_else(|| within.into_iter().flatten().min())
}

fn starts_with(line: &[u8], word: &[u8]) -> bool {
    let start = line.get(..word.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// Adds a line with what stands from a place on replaced.
fn star_from(clean: &mut Vec<u8>, line: &[u8], from: usize) {
    let (before, secret) = line.split_at(from.min(line.len()));
    clean.extend_from_slice(before);
    clean.extend(secret.iter().map(|byte| starred(*byte)));
}

/// What tells nothing and keeps the shape.
const fn starred(byte: u8) -> u8 {
    match byte {
        b'\r' | b'\n' | b' ' | b'"' | b',' | b'=' => byte,
        _ => b'*',
    }
}

/// Headers whose values prove something.
const CREDENTIALS: [&str; 6] = [
    "Authorization",
    "Proxy-Authorization",
    "WWW-Authenticate",
    "Proxy-Authenticate",
    "Authentication-Info",
    "Proxy-Authentication-Info",
];
/// Parameters that prove nothing: without the rest of them no password can be guessed.
const HARMLESS: [&str; 7] = [
    "username",
    "realm",
    "uri",
    "algorithm",
    "qop",
    "nc",
    "stale",
];
/// How lines of SDP begin whose rest is a secret.
const SDP: [&str; 4] = ["a=crypto:", "a=key-mgmt:", "a=ice-pwd:", "k="];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(from: &str, to: &str) {
        let clean = redacted(from.as_bytes());
        assert_eq!(String::from_utf8_lossy(&clean), to);
        assert_eq!(clean.len(), from.len(), "lengths stay true");
    }

    #[test]
    fn of_credentials_name_and_realm_stay_and_nothing_that_a_password_could_be_guessed_by() {
        check(
            "REGISTER sip:box SIP/2.0\r\nauthorization : Digest username=\"1,01\", \
             realm=\"ramal\",\r\n nonce=\"abc,d\", response=\"0f0f\", qop=auth, cnonce=\"77\"\r\n\
             Via: x\r\n\r\n",
            "REGISTER sip:box SIP/2.0\r\nauthorization : Digest username=\"1,01\", \
             realm=\"ramal\",\r\n nonce=\"***,*\", response=\"****\", qop=auth, cnonce=\"**\"\r\n\
             Via: x\r\n\r\n",
        );
        check(
            "SIP/2.0 401 No\r\nWWW-Authenticate: Digest nonce=\"abc\", realm=\"r\"\r\n\r\n",
            "SIP/2.0 401 No\r\nWWW-Authenticate: Digest nonce=\"***\", realm=\"r\"\r\n\r\n",
        );
        check(
            "OPTIONS x SIP/2.0\r\nProxy-Authorization: Basic dXNlcjpwYXNz\r\n\r\n",
            "OPTIONS x SIP/2.0\r\nProxy-Authorization: ***** ************\r\n\r\n",
        );
        check(
            "OPTIONS x SIP/2.0\r\nAuthorization: Bearer realm=\"abc\", x=y\r\n\r\n",
            "OPTIONS x SIP/2.0\r\nAuthorization: ****** *****=\"***\", x=*\r\n\r\n",
        );
    }

    #[test]
    fn neither_an_escaped_quote_nor_a_fold_nor_a_missing_comma_hides_a_secret() {
        check(
            "INVITE x SIP/2.0\r\nAuthorization: Digest realm=\"x\\\"y\", response=\"0f\"\r\n\r\n",
            "INVITE x SIP/2.0\r\nAuthorization: Digest realm=\"x\\\"y\", response=\"**\"\r\n\r\n",
        );
        check(
            "INVITE x SIP/2.0\r\nAuthorization: Digest realm=\"a\r\n b\", response=\"0f\"\r\n\r\n",
            "INVITE x SIP/2.0\r\nAuthorization: Digest realm=\"a\r\n b\", response=\"**\"\r\n\r\n",
        );
        check(
            "INVITE x SIP/2.0\r\nAuthorization: Digest username=\"1\" response=\"0f\"\r\n\r\n",
            "INVITE x SIP/2.0\r\nAuthorization: Digest username=\"*\" ********=\"**\"\r\n\r\n",
        );
        check(
            "INVITE x SIP/2.0\r\nX: y\n\nAuthorization: Digest response=\"0f\"\r\n\r\n",
            "INVITE x SIP/2.0\r\nX: y\n\nAuthorization: Digest response=\"**\"\r\n\r\n",
        );
    }

    #[test]
    fn a_password_within_an_address_goes_and_a_port_stays() {
        check(
            "INVITE sip:101;x=1:5ecret@box;y=a:b SIP/2.0\r\n\r\n",
            "INVITE sip:101;x=1:******@box;y=a:b SIP/2.0\r\n\r\n",
        );
        check(
            "INVITE sip:101:5ecret@box:5060;x=a:b SIP/2.0\r\nf: <sips:7@[::1]:5061>;t=1:2\r\n\r\n",
            "INVITE sip:101:******@box:5060;x=a:b SIP/2.0\r\nf: <sips:7@[::1]:5061>;t=1:2\r\n\r\n",
        );
    }

    #[test]
    fn keys_of_sound_go_and_the_rest_of_the_description_stays() {
        check(
            "INVITE x SIP/2.0\r\nX: y\r\n\r\nm=audio 4000 RTP/SAVP 8\r\n\
             a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0|2^20\r\na=sendrecv\r\n",
            "INVITE x SIP/2.0\r\nX: y\r\n\r\nm=audio 4000 RTP/SAVP 8\r\n\
             a=crypto:* *********************** ********************\r\na=sendrecv\r\n",
        );
        check(
            "INFO x SIP/2.0\r\n\r\nSignal=7\r\nDuration=100\r\n",
            "INFO x SIP/2.0\r\n\r\nSignal=*\r\nDuration=100\r\n",
        );
        check(
            "INFO x SIP/2.0\r\n\r\n Signal = 5\r\n",
            "INFO x SIP/2.0\r\n\r\n Signal = *\r\n",
        );
        check("INFO x SIP/2.0\r\n\r\n1234", "INFO x SIP/2.0\r\n\r\n****");
        check(
            "NOTIFY x SIP/2.0\r\nc: application/kpml-response+xml\r\n\r\n<a digits=\"12\"/>",
            "NOTIFY x SIP/2.0\r\nc: application/kpml-response+xml\r\n\r\n** ******=\"**\"**",
        );
        check(
            "INVITE x SIP/2.0\r\n\r\na=acap:1 crypto:1 AES inline:c2V\r\n",
            "INVITE x SIP/2.0\r\n\r\na=acap:1 crypto:1 AES **********\r\n",
        );
        check("INFO x SIP/2.0\r\n\r\n7", "INFO x SIP/2.0\r\n\r\n*");
        check(
            "MESSAGE x SIP/2.0\r\n\r\nhi, you\r\n",
            "MESSAGE x SIP/2.0\r\n\r\n**, ***\r\n",
        );
    }
}
