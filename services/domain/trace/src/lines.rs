//! The lines of a message as they stand, also of one that no parser would take.

/// The bytes up to the end of the header block, that end included, and the body.
pub(crate) fn parts(message: &[u8]) -> (&[u8], &[u8]) {
    let end = |text: &[u8], mark: &[u8]| Some(find(text, mark)? + mark.len());
    let whole = end(message, b"\r\n\r\n").unwrap_or(message.len());
    // Not beyond: the body may be long, and has been looked at by then.
    let (head, _) = message.split_at(whole);
    message.split_at(end(head, b"\n\n").unwrap_or(whole))
}

/// Where `wanted` begins in `text`.
pub(crate) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|it| it == wanted)
}

/// The lines of a text, each with its end.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

/// The lines of a header block, each with those that go on with it (RFC 3261 §7.3.1).
pub(crate) fn fields(head: &[u8]) -> Vec<&[u8]> {
    let mut fields = Vec::new();
    let (mut begun, mut at) = (0, 0);
    for line in lines(head) {
        let goes_on = line.first().is_some_and(|it| b" \t".contains(it));
        if !goes_on && at > begun {
            fields.extend(head.get(begun..at));
            begun = at;
        }
        at += line.len();
    }
    fields.extend(head.get(begun..at).filter(|it| !it.is_empty()));
    fields
}

/// Name and value of a header line; `None` for the first line and for one that goes on with the
/// line before (RFC 3261 §7.3.1).
pub(crate) fn header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
    let name = name.trim_ascii_end();
    let is_name = !name.is_empty() && name.iter().all(|it| it.is_ascii_graphic());
    is_name.then_some((name, value))
}

/// The value of the first header of a name, or of its short one.
pub(crate) fn value<'a>(message: &'a [u8], name: &str, short: &str) -> Option<&'a [u8]> {
    let (head, _) = parts(message);
    let mut headers = lines(head).skip(1).filter_map(header);
    let is_it = |it: &[u8]| {
        [name, short]
            .iter()
            .any(|known| it.eq_ignore_ascii_case(known.as_bytes()))
    };
    let (_, value) = headers.find(|(it, _)| is_it(it))?;
    Some(value.trim_ascii())
}

/// Whether the first line is one of SIP (RFC 3261 §7.1, §7.2), or means to be: what is answered as
/// faulty is what one looks for.
pub(crate) fn is_sip(message: &[u8]) -> bool {
    let first = lines(message).next().unwrap_or_default();
    let first = first.to_ascii_uppercase();
    first.starts_with(b"SIP/") || find(&first, b" SIP/").is_some()
}

/// Without the blank lines that may stand before a message (RFC 3261 §7.5).
pub(crate) fn without_blank(bytes: &[u8]) -> &[u8] {
    let blank = bytes.iter().take_while(|it| b"\r\n".contains(it)).count();
    bytes.get(blank..).unwrap_or_default()
}
