//! Writes DER, as far as certificates and signatures of programs need it (ITU-T X.690).

/// A value of this tag.
pub(crate) fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length = content.len().to_be_bytes();
    let digits: Vec<u8> = length.into_iter().skip_while(|digit| *digit == 0).collect();
    match (digits.as_slice(), u8::try_from(digits.len())) {
        ([], _) => bytes.push(0),
        ([short], _) if *short < 0x80 => bytes.push(*short),
        (long, count) => {
            bytes.push(0x80 | count.unwrap_or_default());
            bytes.extend_from_slice(long);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// SEQUENCE.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    value(0x30, &parts.concat())
}

/// SET; the caller knows the order that DER asks for.
pub(crate) fn set(parts: &[&[u8]]) -> Vec<u8> {
    value(0x31, &parts.concat())
}

/// A tag of the context, with values inside.
pub(crate) fn context(number: u8, content: &[u8]) -> Vec<u8> {
    value(0xa0 | number, content)
}

/// INTEGER of big-endian bytes, which is not negative.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let mut content: Vec<u8> = bytes
        .iter()
        .copied()
        .skip_while(|byte| *byte == 0)
        .collect();
    if content.first().is_none_or(|first| *first >= 0x80) {
        content.insert(0, 0);
    }
    value(0x02, &content)
}

/// OBJECT IDENTIFIER. Its first two numbers are below 3 and 40.
pub(crate) fn object(numbers: &[u32]) -> Vec<u8> {
    let mut content = Vec::new();
    let (head, tail) = numbers.split_at(2.min(numbers.len()));
    let first = head.iter().fold(0, |sum, number| sum * 40 + number);
    for number in std::iter::once(&first).chain(tail) {
        let mut digits = [0, 7, 14, 21, 28]
            .map(|shift| (number >> shift & 0x7f) as u8)
            .to_vec();
        while digits.len() > 1 && digits.last() == Some(&0) {
            digits.pop();
        }
        digits.reverse();
        if let Some((_, leading)) = digits.split_last_mut() {
            leading.iter_mut().for_each(|digit| *digit |= 0x80);
        }
        content.extend_from_slice(&digits);
    }
    value(0x06, &content)
}

/// NULL.
pub(crate) fn null() -> Vec<u8> {
    value(0x05, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_numbers_are_the_shortest() {
        assert_eq!(value(4, &[]), [4, 0]);
        assert_eq!(value(4, &[9; 0x7f])[..2], [4, 0x7f]);
        assert_eq!(value(4, &[9; 0x80])[..3], [4, 0x81, 0x80]);
        assert_eq!(value(4, &[9; 0x1234])[..4], [4, 0x82, 0x12, 0x34]);
        assert_eq!(unsigned(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
        // RFC 8017 appendix A.2.4: id-sha256 and rsaEncryption.
        let sha256 = [6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
        assert_eq!(object(&[2, 16, 840, 1, 101, 3, 4, 2, 1]), sha256);
        let rsa = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
        assert_eq!(object(&[1, 2, 840, 113_549, 1, 1, 1]), rsa);
    }
}
