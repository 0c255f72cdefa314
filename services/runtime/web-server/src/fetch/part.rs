//! What a server answers when it is asked for a part of a file (RFC 9110 §14), judged.

use admin::FetchFault;
use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_RANGE, ETAG, HeaderName, LAST_MODIFIED, LOCATION};

/// By what a file is known to be the same one: no two of ours have all of these alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    total: Option<u64>,
    tag: Option<String>,
    modified: Option<String>,
}

/// What an answer means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// So many bytes follow, from where they were asked for.
    Part(u64, Stamp),
    /// The file is there.
    Elsewhere(String),
}

/// Judges the answer to a request for the bytes `from` to `last`.
pub(super) fn judge(
    status: u16,
    headers: &HeaderMap,
    from: u64,
    last: u64,
) -> Result<Verdict, FetchFault> {
    match status {
        206 => {}
        200 => return Err(FetchFault::NoRanges),
        416 => return Err(FetchFault::TooShort),
        301 | 302 | 303 | 307 | 308 => {
            let to = text(headers, &LOCATION).ok_or(FetchFault::Status(status))?;
            return Ok(Verdict::Elsewhere(to));
        }
        status => return Err(FetchFault::Status(status)),
    }
    if text(headers, &CONTENT_ENCODING).is_some_and(|it| it != "identity") {
        return Err(FetchFault::WrongPart);
    }
    let range = text(headers, &CONTENT_RANGE).unwrap_or_default();
    let (first, end, total) = content_range(&range).ok_or(FetchFault::WrongPart)?;
    let fits = first == from && (first..=last).contains(&end) && total.is_none_or(|it| end < it);
    if !fits {
        return Err(FetchFault::WrongPart);
    }
    let stamp = Stamp {
        total,
        tag: text(headers, &ETAG),
        modified: text(headers, &LAST_MODIFIED),
    };
    Ok(Verdict::Part(end - first + 1, stamp))
}

/// `bytes 0-99/200`, or `/*` for an unknown length.
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = match total {
        "*" => None,
        total => Some(total.parse().ok()?),
    };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(status: u16, fields: &[(&'static str, &str)]) -> Result<Verdict, FetchFault> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(*name, value.parse().expect("a value"));
        }
        judge(status, &headers, 100, 199)
    }

    #[test]
    fn only_the_part_that_was_asked_for_is_taken() {
        let length = |range| match judged(206, &[("content-range", range)]) {
            Ok(Verdict::Part(length, _)) => Some(length),
            Ok(Verdict::Elsewhere(_)) | Err(_) => None,
        };
        assert_eq!(length("bytes 100-199/1000"), Some(100));
        assert_eq!(length("bytes 100-199/*"), Some(100));
        // Fewer than asked for: the rest is asked for next.
        assert_eq!(length("bytes 100-149/150"), Some(50));
        for lie in [
            "bytes 0-99/1000",
            "bytes 100-200/1000",
            "bytes 199-100/1000",
            "bytes 100-199/150",
            "bytes 100-18446744073709551615/*",
            "bytes */1000",
            "100-199/1000",
            "",
        ] {
            assert_eq!(length(lie), None, "{lie}");
        }
        let packed = [
            ("content-range", "bytes 100-199/*"),
            ("content-encoding", "gzip"),
        ];
        assert_eq!(judged(206, &packed), Err(FetchFault::WrongPart));
        assert_eq!(judged(206, &[]), Err(FetchFault::WrongPart));
    }

    #[test]
    fn other_answers_say_what_is_wrong() {
        assert_eq!(judged(200, &[]), Err(FetchFault::NoRanges));
        assert_eq!(judged(416, &[]), Err(FetchFault::TooShort));
        assert_eq!(judged(404, &[]), Err(FetchFault::Status(404)));
        assert_eq!(judged(302, &[]), Err(FetchFault::Status(302)));
        let moved = judged(302, &[("location", "/there")]);
        assert_eq!(moved, Ok(Verdict::Elsewhere("/there".into())));
    }

    #[test]
    fn another_file_has_another_stamp() {
        let stamp = |tag: &str, range: &str| {
            judged(206, &[("content-range", range), ("etag", tag)]).expect("a part")
        };
        let one = stamp("\"a\"", "bytes 100-199/1000");
        assert_eq!(one, stamp("\"a\"", "bytes 100-199/1000"));
        assert_ne!(one, stamp("\"b\"", "bytes 100-199/1000"));
        assert_ne!(one, stamp("\"a\"", "bytes 100-199/1001"));
    }
}
