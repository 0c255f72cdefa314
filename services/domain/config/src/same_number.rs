//! Whether two ways of writing a number mean the same line.
//!
//! A caller shows `+5548999990021`, the phone dialled `0 21 48 99999-0021`, a person types
//! `(48) 99999-0021`. What they have in common are the last digits: that is what is compared, and
//! no numbering plan, as call records outlive the plan they were made under.

/// What all ways of writing a number have in common: its last eight digits, where it has as many,
/// otherwise itself in small letters.
#[must_use]
pub fn number_key(number: &str) -> String {
    let digits = digits(number);
    match digits.len().checked_sub(KEY_DIGITS) {
        Some(from) => digits.get(from..).unwrap_or_default().to_owned(),
        None => number.trim().to_lowercase(),
    }
}

/// Whether both are one line, as far as numbers tell: the last ten digits are the same, or all of
/// the shorter one, which has eight at least. Shorter ones, and names, are the same as they stand.
#[must_use]
pub fn is_same_number(one: &str, other: &str) -> bool {
    let (a, b) = (digits(one), digits(other));
    let compared = a.len().min(b.len()).min(SAME_DIGITS);
    if compared < KEY_DIGITS {
        return number_key(one) == number_key(other);
    }
    let last = |digits: &str| digits.get(digits.len() - compared..).map(ToOwned::to_owned);
    last(&a) == last(&b)
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// A subscriber's number without area: eight digits in Brazil, seven to eight elsewhere.
const KEY_DIGITS: usize = 8;
/// With the area: ten or eleven in Brazil, ten in North America.
const SAME_DIGITS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        let check = |one: &str, other: &str, same: bool| {
            assert_eq!(is_same_number(one, other), same, "{one} {other}");
            assert_eq!(is_same_number(other, one), same, "{other} {one}");
            if same {
                assert_eq!(number_key(one), number_key(other), "{one} {other}");
            }
        };
        check("+5548999990021", "021 48 99999-0021", true);
        check("(48) 99999-0021", "005548999990021", true);
        check("99990021", "48999990021", true);
        check("48999990021", "11999990021", false);
        check("3232-1010", "4832321010", true);
        check("100", "100", true);
        check("100", "1100", false);
        check("100", "99999100", false);
        check("Anonymous", "anonymous ", true);
        check("", "48999990021", false);
    }
}
