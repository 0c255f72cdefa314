//! Whose a call is (R5, R6): one answer for calls in progress and for those on record.

use std::collections::BTreeSet;

use ipc::site::{Grant, Person, Site, Whose};

/// The numbers whose calls a person may see: of his own extensions, of those he was granted, and of
/// the groups he was granted with all who are members now. In order, each once.
#[must_use]
pub fn calls_seen_by(site: &Site, person: &Person) -> Vec<String> {
    let mut numbers: BTreeSet<String> = person.extensions.iter().cloned().collect();
    for Grant { of, .. } in &person.grants {
        match of {
            Whose::Extension(number) => {
                numbers.insert(number.clone());
            }
            Whose::Group(number) => {
                numbers.insert(number.clone());
                let group = site.groups.iter().filter(|group| group.number == *number);
                let members = group.flat_map(|group| &group.members);
                numbers.extend(members.map(|it| it.extension.clone()));
            }
        }
    }
    numbers.into_iter().collect()
}

/// The numbers that a call has to do with. What its caller shows as his number is not among them:
/// that may be anything.
#[derive(Clone, Copy, Debug)]
pub struct InCall<'a> {
    /// The number it was to.
    pub to: &'a str,
    /// The extensions that were in it.
    pub joined: &'a [String],
    /// The extensions and groups it was for.
    pub rung: &'a [String],
}

impl InCall<'_> {
    /// Whether it is a call of one of these.
    #[must_use]
    pub fn is_of(&self, numbers: &[String]) -> bool {
        self.may_be_heard_by(numbers) || self.rung.iter().any(|it| numbers.contains(it))
    }

    /// Whether a recording of it is for one of these: a phone that rang, and whose owner did not
    /// take the call, gives no right to what was said.
    #[must_use]
    pub fn may_be_heard_by(&self, numbers: &[String]) -> bool {
        self.joined.iter().any(|it| numbers.contains(it)) || numbers.iter().any(|it| it == self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_of_who_was_in_it_or_rung_and_heard_by_who_was_in_it() {
        let strings = |all: &[&str]| -> Vec<String> { all.iter().map(|it| (*it).into()).collect() };
        let (joined, rung) = (strings(&["102"]), strings(&["600", "101", "102"]));
        let call = InCall {
            to: "33334444",
            joined: &joined,
            rung: &rung,
        };
        let check = |number: &str, is_of: bool, heard: bool| {
            let numbers = strings(&["999", number]);
            let found = (call.is_of(&numbers), call.may_be_heard_by(&numbers));
            assert_eq!(found, (is_of, heard), "{number}");
        };
        check("102", true, true);
        check("101", true, false);
        check("600", true, false);
        check("33334444", true, true);
        check("100", false, false);
        assert!(!call.is_of(&[]));
    }
}
