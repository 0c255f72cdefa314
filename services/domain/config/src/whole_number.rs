//! A number that tells one line from every other, and the ways in which records have it.
//!
//! Where data are handed out or gone for good a guess hits somebody else: `(11) 99999-0021` and
//! `(21) 99999-0021` end in the same ten digits. So a number is given whole here, with its area,
//! and compared whole. What a search finds is for [`crate::is_same_number`].

use std::collections::BTreeSet;
use std::fmt;

use ipc::site::{Country, Dialling};

use crate::plan::NumberingPlan;

/// A number of somebody outside, whole.
#[derive(Clone, PartialEq, Eq)]
pub struct WholeNumber {
    /// In international form, with the plus.
    e164: String,
    /// How records have it, as [`recorded_form`] says.
    forms: BTreeSet<String>,
}

/// Why a number does not tell whom it is of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotWhole {
    /// It is a word, as of callers who show no number.
    Word,
    /// The area code is missing.
    Area,
    /// No number looks like that.
    Shape,
    /// The site is in a country whose numbers have to be given with that country's code.
    Country,
    /// It is the site's own.
    Own,
}

impl WholeNumber {
    /// Reads a number as somebody types it: E.164, or in Brazil with the area code (DDD).
    ///
    /// # Errors
    /// Why it could be that of somebody else.
    pub fn parse(text: &str, dialling: &Dialling) -> Result<Self, NotWhole> {
        let number = Self::read(text, dialling)?;
        let mut own = dialling.owned_numbers.iter();
        match own.any(|own| number.is(own)) {
            true => Err(NotWhole::Own),
            false => Ok(number),
        }
    }

    fn read(text: &str, dialling: &Dialling) -> Result<Self, NotWhole> {
        let form =
            recorded_form(text).ok_or_else(|| match text.chars().any(char::is_alphabetic) {
                true => NotWhole::Word,
                false => NotWhole::Area,
            })?;
        let home = match &dialling.plan {
            Some(plan) => plan.calling_code.clone(),
            None => NumberingPlan::of(dialling.country)
                .calling_code()
                .to_owned(),
        };
        let is_brazil = dialling.plan.is_none() && dialling.country == Country::Brazil;
        let e164 = match form.strip_prefix('+') {
            Some(digits) => digits.to_owned(),
            None if !is_brazil => return Err(NotWhole::Country),
            None if form.len() < NATIONAL_MIN => return Err(NotWhole::Area),
            None => [BRAZIL, &new_mobile(&form)].concat(),
        };
        if !(E164_MIN..=E164_MAX).contains(&e164.len()) {
            return Err(NotWhole::Shape);
        }
        let mut forms = BTreeSet::from([format!("+{e164}")]);
        match e164.strip_prefix(BRAZIL) {
            Some(national) if !is_brazilian(national) => return Err(NotWhole::Shape),
            Some(national) if is_brazil => {
                let own_area = Some(dialling.area_code.as_str()).filter(|it| !it.is_empty());
                for way in ways(national) {
                    let local = own_area.and_then(|area| way.strip_prefix(area));
                    forms.extend(local.map(ToOwned::to_owned));
                    forms.insert(way);
                }
            }
            Some(_) => {}
            None => {
                if e164.len() > NATIONAL_MAX || e164.starts_with(&home) {
                    forms.insert(e164.clone());
                }
                let national = e164.strip_prefix(&home).filter(|_| !home.is_empty());
                let whole = national.filter(|it| it.len() >= LOCAL_MAX);
                forms.extend(whole.map(ToOwned::to_owned));
            }
        }
        let e164 = format!("+{e164}");
        Ok(Self { e164, forms })
    }

    /// Whether this is how a record has it.
    #[must_use]
    pub fn is(&self, recorded: &str) -> bool {
        recorded_form(recorded).is_some_and(|form| self.forms.contains(&form))
    }

    /// With the plus: `+5548999990021`.
    #[must_use]
    pub fn e164(&self) -> &str {
        &self.e164
    }

    /// What a search finds at least all of its records by: its last eight digits.
    #[must_use]
    pub fn searched(&self) -> &str {
        let from = self.e164.len().saturating_sub(LOCAL_MIN);
        self.e164.get(from..).unwrap_or_default()
    }

    /// How records have it, as [`recorded_form`] says; some five.
    #[must_use]
    pub fn forms(&self) -> Vec<String> {
        self.forms.iter().cloned().collect()
    }
}

/// It stands in no log.
impl fmt::Debug for WholeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::masked(&self.e164))
    }
}

/// One way of writing for all that mean the same wherever the site is: digits, behind a plus in
/// international form. `None` of what is no number of somebody outside: words, and what is shorter
/// than one without area.
#[must_use]
pub fn recorded_form(text: &str) -> Option<String> {
    let text = text.trim();
    let is_part = |it: char| it.is_ascii_digit() || " ().-/".contains(it);
    let (is_international, rest) = match text.strip_prefix('+') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    if !rest.chars().all(is_part) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    let whole = match is_international {
        true => Some(digits.as_str()),
        false => digits.strip_prefix("00"),
    };
    let national = digits.strip_prefix('0').unwrap_or(&digits);
    // Behind a zero, two digits choose the carrier: no number in Brazil is that long without.
    let behind_carrier = digits.strip_prefix('0').and_then(|it| it.get(2..));
    let is_with_carrier = |it: &&str| NATIONAL_MIN <= it.len() && is_brazilian(it);
    let form = if let Some(whole) = whole {
        international(whole)
    } else if let Some(brazilian) = behind_carrier.filter(is_with_carrier) {
        international(&[BRAZIL, brazilian].concat())
    } else if national.len() > NATIONAL_MAX
        && let Some(brazilian) = national.strip_prefix(BRAZIL)
        && is_brazilian(brazilian)
    {
        international(national)
    } else {
        national.to_owned()
    };
    (form.len() >= LOCAL_MIN).then_some(form)
}

fn international(digits: &str) -> String {
    match digits.strip_prefix(BRAZIL) {
        Some(national) => format!("+{BRAZIL}{}", new_mobile(national)),
        None => format!("+{digits}"),
    }
}

/// Whether it has an area code and is one of a fixed or of a mobile line (Anatel, resolution
/// 749/2022: areas have no zero, mobiles of nine digits begin with 9).
fn is_brazilian(national: &str) -> bool {
    let mut digits = national.chars();
    let is_area = digits.by_ref().take(2).all(|it| ('1'..='9').contains(&it));
    let first = digits.next();
    match national.len() {
        NATIONAL_MIN => is_area && first.is_some_and(|it| ('2'..='9').contains(&it)),
        NATIONAL_MAX => is_area && first == Some('9'),
        _ => false,
    }
}

/// A mobile of eight digits has had a 9 in front since 2016. With a 7 it may be one of a radio
/// network, which has none: that is not certain.
fn new_mobile(national: &str) -> String {
    let (area, line) = national.split_at_checked(2).unwrap_or((national, ""));
    let is_old = national.len() == NATIONAL_MIN && line.starts_with(['6', '8', '9']);
    match is_old && is_brazilian(national) {
        true => format!("{area}9{line}"),
        false => national.to_owned(),
    }
}

/// How a Brazilian number is written with its area: as it is, and as it was with eight digits.
fn ways(national: &str) -> Vec<String> {
    let (area, line) = national.split_at_checked(2).unwrap_or((national, ""));
    let old = line.strip_prefix('9').map(|it| [area, it].concat());
    let is_certain = |old: &String| new_mobile(old) == national;
    std::iter::once(national.to_owned())
        .chain(old.filter(is_certain))
        .collect()
}

const BRAZIL: &str = "55";
/// Digits of a subscriber's number without area.
const LOCAL_MIN: usize = 8;
const LOCAL_MAX: usize = 9;
/// Digits of a Brazilian number with its area.
const NATIONAL_MIN: usize = 10;
const NATIONAL_MAX: usize = 11;
/// Digits of a number with its country (E.164); the shortest that is not a service.
const E164_MIN: usize = 10;
const E164_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn site(area: &str) -> Dialling {
        Dialling {
            area_code: area.into(),
            owned_numbers: vec!["+554832321010".into()],
            ..Dialling::default()
        }
    }

    fn whole(text: &str) -> WholeNumber {
        WholeNumber::parse(text, &site("48")).expect("it is whole")
    }

    #[test]
    fn a_whole_number_is_known_however_it_is_written_with_its_area() {
        let maria = [
            "+5548999990021",
            "+55 (48) 99999-0021",
            "(48) 99999-0021",
            "048 99999-0021",
            "0 21 48 99999-0021",
            "005548999990021",
            "5548999990021",
            // Of eight digits, as before 2016.
            "(48) 9999-0021",
            "+554899990021",
        ];
        for typed in maria {
            assert_eq!(whole(typed).e164(), "+5548999990021", "{typed}");
            for recorded in maria.into_iter().chain(["99999-0021", "9999-0021"]) {
                assert!(whole(typed).is(recorded), "{typed} {recorded}");
            }
        }
        assert!(whole("+12125550199").is("0012125550199"));
        assert_eq!(whole("+5548999990021").searched(), "99990021");
    }

    #[test]
    fn the_same_last_digits_in_another_area_or_country_are_somebody_else() {
        let maria = whole("+5548999990021");
        for other in [
            "+5511999990021",
            "(18) 99999-0021",
            "+5518999990021",
            "+48999990021",
            "+54899990021",
            "8999990021",
            "100",
            "",
            "anonymous",
            "erased",
        ] {
            assert!(!maria.is(other), "{other}");
        }
        assert!(!whole("+12125550199").is("2125550199"), "that is Rio's");
        assert!(!whole("(21) 2555-0199").is("+12125550199"));
        // A radio's has no 9 in front, so with one it is another's.
        assert!(!whole("(48) 7812-3456").is("(48) 97812-3456"));
        // Without an area it is of the site's own, and of none where that is not known.
        let elsewhere = WholeNumber::parse("+5548999990021", &site("11")).expect("whole");
        assert!(!elsewhere.is("999990021"));
        let nowhere = WholeNumber::parse("+5548999990021", &site("")).expect("whole");
        assert!(!nowhere.is("999990021"));
    }

    #[test]
    fn a_number_that_may_be_anybodys_is_refused_and_so_is_the_sites_own() {
        let check = |text: &str, why: NotWhole| {
            assert_eq!(WholeNumber::parse(text, &site("48")), Err(why), "{text}");
        };
        check("99999-0021", NotWhole::Area);
        check("99990021", NotWhole::Area);
        check("100", NotWhole::Area);
        check("anonymous", NotWhole::Word);
        check("maria 48999990021", NotWhole::Word);
        check("(48) 89999-0021", NotWhole::Shape);
        check("+5548", NotWhole::Area);
        check("+55489999", NotWhole::Shape);
        check("+5548999990021000", NotWhole::Shape);
        check("+554832321010", NotWhole::Own);
        check("(48) 3232-1010", NotWhole::Own);
        let abroad = Dialling {
            country: Country::Portugal,
            ..Dialling::default()
        };
        let typed = WholeNumber::parse("912345678", &abroad);
        assert_eq!(typed, Err(NotWhole::Country));
        let whole = WholeNumber::parse("+351912345678", &abroad).expect("whole");
        assert!(whole.is("912345678") && !whole.is("12345678"));
        assert!(!format!("{whole:?}").contains("345678"));
    }
}
