//! The number that a call back is for, and whether a record is of it: compared whole, as a guess
//! puts somebody through to a person who talked with another.

use config::{NotWhole, WholeNumber, recorded_form};
use ipc::site::Dialling;

/// A number outside, as the carrier shows it.
pub(crate) enum Sought {
    /// It is known in every way of writing it.
    Whole(WholeNumber),
    /// In a country whose numbers are not told apart by their shape, without the country's code:
    /// what is written in the same way is the same.
    AsWritten(String),
}

impl Sought {
    /// `None` of what may be anybody's, as a number without its area or one digit again and again,
    /// which some carriers put in place of a number that is not shown; and of the site's own.
    pub(crate) fn new(shown: &str, dialling: &Dialling) -> Option<Self> {
        let mut digits = shown.chars().filter(char::is_ascii_digit);
        let first = digits.next();
        if digits.all(|it| Some(it) == first) {
            return None;
        }
        match WholeNumber::parse(shown, dialling) {
            Ok(number) => Some(Self::Whole(number)),
            Err(NotWhole::Country) => recorded_form(shown).map(Self::AsWritten),
            Err(NotWhole::Word | NotWhole::Area | NotWhole::Shape | NotWhole::Own) => None,
        }
    }

    /// Whether this is how a record has it.
    pub(crate) fn is(&self, recorded: &str) -> bool {
        match self {
            Self::Whole(number) => number.is(recorded),
            Self::AsWritten(form) => recorded_form(recorded).as_ref() == Some(form),
        }
    }
}

#[cfg(test)]
mod tests {
    use ipc::site::Country;

    use super::*;

    #[test]
    fn abroad_a_number_without_its_country_is_the_one_that_is_written_so() {
        let portugal = Dialling {
            country: Country::Portugal,
            ..Dialling::default()
        };
        let shown = Sought::new("912345678", &portugal).expect("a number");
        assert!(shown.is("912 345 678"));
        assert!(!shown.is("212345678") && !shown.is("12345678") && !shown.is("+34912345678"));
        let whole = Sought::new("+351912345678", &portugal).expect("a number");
        assert!(whole.is("912345678") && !whole.is("+34912345678"));
    }

    #[test]
    fn what_may_be_anybodys_and_the_sites_own_is_nobodys() {
        let site = Dialling {
            area_code: "48".into(),
            owned_numbers: vec!["+554832321010".into()],
            ..Dialling::default()
        };
        for shown in ["99999-0021", "000000000000", "maria", "101", "4832321010"] {
            assert!(Sought::new(shown, &site).is_none(), "{shown}");
        }
    }
}
