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

/// A number for whoever may not see it whole: of its last eight digits the last two stay, and what
/// is before them, country, area and kind of line: `+55489••••••21`. One of six digits at most,
/// which nobody outside has, stays as it is; of a name the first letter does.
#[must_use]
pub fn masked(number: &str) -> String {
    if is_inside_number(number) {
        return number.to_owned();
    }
    let count = digits(number).len();
    if count <= INSIDE_DIGITS_MAX {
        let first: String = number.chars().take(1).collect();
        return format!("{first}•••");
    }
    let mut before = 0;
    let hidden = count.saturating_sub(KEY_DIGITS)..count.saturating_sub(SHOWN_DIGITS);
    let mask = |character: char| match character {
        digit if digit.is_ascii_digit() => {
            before += 1;
            if hidden.contains(&(before - 1)) {
                '•'
            } else {
                digit
            }
        }
        // Written with words, it may name somebody.
        letter if letter.is_alphabetic() => '•',
        other => other,
    };
    number.chars().map(mask).collect()
}

/// Whether it is so short that nobody outside has it: extensions, groups, codes, services.
#[must_use]
pub fn is_inside_number(number: &str) -> bool {
    number.len() <= INSIDE_DIGITS_MAX
        && number
            .chars()
            .all(|it| it.is_ascii_digit() || "*#".contains(it))
}

/// Whether it can be the number of a line outside, and so tell who calls: it has digits enough, and
/// is no name.
#[must_use]
pub fn is_outside_number(number: &str) -> bool {
    digits(number).len() > INSIDE_DIGITS_MAX && !number.chars().any(char::is_alphabetic)
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// A subscriber's number without area: eight digits in Brazil, seven to eight elsewhere.
const KEY_DIGITS: usize = 8;
/// Longest number that nobody outside has, in digits.
const INSIDE_DIGITS_MAX: usize = 6;
/// Digits at the end by which somebody who knows a number recognises it.
const SHOWN_DIGITS: usize = 2;
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

    #[test]
    fn a_line_outside_has_more_digits_than_any_inside_and_no_name() {
        let check = |number: &str, outside: bool| {
            assert_eq!(is_outside_number(number), outside, "{number}");
        };
        check("+5548999990021", true);
        check("(48) 3232-1010", true);
        check("9999021", true);
        check("100", false);
        check("999021", false);
        check("anonymous", false);
        check("maria 48999990021", false);
        check("", false);
    }

    #[test]
    fn a_masked_number_shows_where_it_is_and_its_last_two_digits() {
        let check = |number: &str, shown: &str| assert_eq!(masked(number), shown);
        check("+5548999990021", "+55489••••••21");
        check("0 21 48 99999-0021", "0 21 48 9••••-••21");
        check("4832321010", "48••••••10");
        check("9999021", "•••••21");
        check("100", "100");
        check("*72", "*72");
        check("", "");
        check("maria.silva", "m•••");
        check("maria 48999990021", "••••• 489••••••21");
    }
}
