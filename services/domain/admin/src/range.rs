//! Which part of a body was asked for (RFC 9110 §14): what lets a player seek, and a download that
//! broke off go on.

/// Some bytes of a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part {
    /// The first of them, from 0.
    pub(crate) from: u64,
    /// How many.
    pub(crate) bytes: u64,
}

/// The part begins behind the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotThere;

impl Part {
    /// All of a body of that length.
    pub(crate) const fn whole(length: u64) -> Self {
        Self {
            from: 0,
            bytes: length,
        }
    }
}

/// Reads a Range field for a body of that length. `None`: the whole body; so is the answer to
/// anything that is not one range of bytes, which a server may ignore (§14.2).
///
/// # Errors
/// [`NotThere`] when nothing of the body is in the range: 416.
pub(crate) fn part(range: &str, length: u64) -> Result<Option<Part>, NotThere> {
    let Some((first, last)) = range
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Ok(None);
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // What does not fit is behind every end.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let (from, to) = match (number(first.trim()), number(last.trim())) {
        (Some(from), Some(to)) if from <= to => (from, to.saturating_add(1)),
        (Some(from), None) if last.trim().is_empty() => (from, length),
        (None, Some(count)) if first.trim().is_empty() => (length.saturating_sub(count), length),
        _ => return Ok(None),
    };
    let to = to.min(length);
    if from >= to {
        return Err(NotThere);
    }
    let bytes = to.saturating_sub(from);
    Ok(Some(Part { from, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_of_bytes_is_a_part_and_anything_else_the_whole() {
        let check = |range: &str, expected: Result<Option<(u64, u64)>, NotThere>| {
            let seen = part(range, 100).map(|part| part.map(|it| (it.from, it.bytes)));
            assert_eq!(seen, expected, "{range}");
        };
        check("bytes=0-", Ok(Some((0, 100))));
        check("bytes=0-0", Ok(Some((0, 1))));
        check("bytes=90-200", Ok(Some((90, 10))));
        check("bytes=99-", Ok(Some((99, 1))));
        check("bytes=-10", Ok(Some((90, 10))));
        check("bytes=-1000", Ok(Some((0, 100))));
        check("bytes=5-99999999999999999999999", Ok(Some((5, 95))));
        check("bytes=100-", Err(NotThere));
        check("bytes=-0", Err(NotThere));
        check("bytes=99999999999999999999999-", Err(NotThere));
        for other in [
            "",
            "bytes=",
            "bytes=-",
            "bytes=9-1",
            "bytes=0-1,5-6",
            "bits=0-",
            "bytes=+1-2",
        ] {
            check(other, Ok(None));
        }
        assert_eq!(part("bytes=0-", 0), Err(NotThere));
    }
}
