//! Whose a call is (R5, R6): one answer for calls in progress and for those on record.

use std::collections::BTreeMap;

use ipc::site::{Grant, Person, Site, Whose};
use ipc::store::CallsOf;

/// The calls that are somebody's own: of his extensions, since they are his.
#[must_use]
pub fn own_calls(person: &Person) -> Vec<CallsOf> {
    let since = |number: &String| person.extensions_since.get(number).copied();
    let own = person.extensions.iter().map(|number| CallsOf {
        number: number.clone(),
        since_millis: since(number).unwrap_or_default(),
    });
    own.collect()
}

/// The calls a person may see: of his own extensions, of those he was granted, and of the groups he
/// was granted with all who are members now. By number, each once.
#[must_use]
pub fn calls_seen_by(site: &Site, person: &Person) -> Vec<CallsOf> {
    let mut seen = BTreeMap::new();
    let mut see = |number: &str, since_millis: i64| {
        let known = seen.entry(number.to_owned()).or_insert(since_millis);
        *known = since_millis.min(*known);
    };
    for own in own_calls(person) {
        see(&own.number, own.since_millis);
    }
    for grant in &person.grants {
        let Grant {
            of, since_millis, ..
        } = grant;
        match of {
            Whose::Extension(number) => see(number, *since_millis),
            Whose::Group(number) => {
                see(number, *since_millis);
                let group = site.groups.iter().filter(|group| group.number == *number);
                for member in group.flat_map(|group| &group.members) {
                    see(&member.extension, *since_millis);
                }
            }
        }
    }
    let calls = seen.into_iter().map(|(number, since_millis)| CallsOf {
        number,
        since_millis,
    });
    calls.collect()
}

/// The numbers that a call has to do with. What its caller shows as his number is not among them:
/// that may be anything.
#[derive(Clone, Copy, Debug)]
pub struct InCall<'a> {
    /// When it began, milliseconds since 1970.
    pub began_millis: i64,
    /// The number it was to.
    pub to: &'a str,
    /// The extensions that were in it.
    pub joined: &'a [String],
    /// The extensions and groups it was for.
    pub rung: &'a [String],
}

impl InCall<'_> {
    /// Whether it is one of these.
    #[must_use]
    pub fn is_of(&self, calls: &[CallsOf]) -> bool {
        let is_for = |it: &&CallsOf| self.rung.contains(&it.number);
        self.may_be_heard_by(calls) || self.since(calls).any(|it| is_for(&it))
    }

    /// Whether a recording of it is for whom these calls are: a phone that rang, and whose owner
    /// did not take the call, gives no right to what was said.
    #[must_use]
    pub fn may_be_heard_by(&self, calls: &[CallsOf]) -> bool {
        let mut since = self.since(calls);
        since.any(|it| it.number == self.to || self.joined.contains(&it.number))
    }

    fn since<'a>(&self, calls: &'a [CallsOf]) -> impl Iterator<Item = &'a CallsOf> {
        let began = self.began_millis;
        calls.iter().filter(move |it| it.since_millis <= began)
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
            began_millis: 7,
            to: "33334444",
            joined: &joined,
            rung: &rung,
        };
        let check = |number: &str, is_of: bool, heard: bool| {
            let of = |since_millis| {
                let calls = ["999", number].map(|number| CallsOf {
                    number: number.to_owned(),
                    since_millis,
                });
                (call.is_of(&calls), call.may_be_heard_by(&calls))
            };
            assert_eq!((of(0), of(7)), ((is_of, heard), (is_of, heard)), "{number}");
            assert_eq!(of(8), (false, false), "{number}: somebody else's then");
        };
        check("102", true, true);
        check("101", true, false);
        check("600", true, false);
        check("33334444", true, true);
        check("100", false, false);
        assert!(!call.is_of(&[]));
    }
}
