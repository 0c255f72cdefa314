//! `;name=value` parameters of header fields and URIs.

use std::fmt;

use crate::list::{find_outside, is_token, quoted, quoted_length, trim};

/// One parameter, as sent: case and quotes are kept so that it goes out as it came in.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its value with any quotes; `None` for a flag such as `lr`.
    pub value: Option<String>,
}

/// Parameters in the order sent; names compare without case.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Params(Vec<Param>);

impl Params {
    /// No parameters.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads `;a=b;c`, with blanks allowed around `;` and `=` as header fields have them.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let mut params = Vec::new();
        let mut rest = trim(text);
        while let Some((param, next)) = next_param(rest)? {
            rest = next;
            params.push(param.to_owned());
        }
        Some(Self(params))
    }

    /// The value of `name`: `Some("")` for a flag, `None` when absent. Quotes are kept.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|param| param.name.eq_ignore_ascii_case(name))
            .map(|param| param.value.as_deref().unwrap_or_default())
    }

    /// The value of `name` without quotes and escapes.
    #[must_use]
    pub fn unquoted(&self, name: &str) -> Option<String> {
        let value = self.get(name)?;
        Some(match quoted(value.as_bytes()) {
            Some((content, _)) => content,
            None => value.to_owned(),
        })
    }

    /// Whether `name` is there, with or without a value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Sets `name`, in place when it is already there, else at the end.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(str::to_owned);
        match self
            .0
            .iter_mut()
            .find(|param| param.name.eq_ignore_ascii_case(name))
        {
            Some(param) => param.value = value,
            None => self.0.push(Param {
                name: name.to_owned(),
                value,
            }),
        }
    }

    /// Takes `name` away; nothing happens when it is absent.
    pub fn remove(&mut self, name: &str) {
        self.0
            .retain(|param| !param.name.eq_ignore_ascii_case(name));
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Param> {
        self.0.iter()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, param: Param) {
        self.0.push(param);
    }
}

/// One parameter, borrowed.
#[derive(Clone, Copy)]
pub(crate) struct ParamRef<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Option<&'a str>,
}

/// Parameters that are known to be legible, borrowed from the field they stand in.
#[derive(Clone, Copy)]
pub(crate) struct ParamsRef<'a>(&'a [u8]);

impl<'a> ParamsRef<'a> {
    /// Checks `;a=b;c` by the same rules as [`Params::parse`].
    pub(crate) fn parse(text: &'a [u8]) -> Option<Self> {
        let text = trim(text);
        let mut rest = text;
        while let Some((_, next)) = next_param(rest)? {
            rest = next;
        }
        Some(Self(text))
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = ParamRef<'a>> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (param, next) = next_param(rest)??;
            rest = next;
            Some(param)
        })
    }

    /// As [`Params::get`].
    pub(crate) fn get(self, name: &str) -> Option<&'a str> {
        self.iter()
            .find(|param| param.name.eq_ignore_ascii_case(name))
            .map(|param| param.value.unwrap_or_default())
    }

    pub(crate) fn to_owned(self) -> Params {
        Params(self.iter().map(ParamRef::to_owned).collect())
    }
}

impl<'a> ParamRef<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        let (name, value) = match find_outside(text, b'=') {
            Some(at) => (trim(text.get(..at)?), Some(trim(text.get(at + 1..)?))),
            None => (text, None),
        };
        if !is_token(name) {
            return None;
        }
        match value {
            Some(value @ [b'"', ..]) if quoted_length(value) != Some(value.len()) => return None,
            // An open quote or angle bracket would swallow what is written behind it: our tag, say.
            Some(value) if !closes(value) => return None,
            Some(_) | None => {}
        }
        Some(Self {
            name: str::from_utf8(name).ok()?,
            value: value.map(str::from_utf8).transpose().ok()?,
        })
    }

    fn to_owned(self) -> Param {
        Param {
            name: self.name.to_owned(),
            value: self.value.map(str::to_owned),
        }
    }
}

/// The parameter at the start of trimmed text and what follows it: `Some(None)` at the end, `None`
/// when what stands there is none.
#[expect(
    clippy::option_option,
    reason = "no parameter and a bad one are told apart"
)]
fn next_param(mut text: &[u8]) -> Option<Option<(ParamRef<'_>, &[u8])>> {
    loop {
        let tail = match text {
            [] => return Some(None),
            [b';', tail @ ..] => tail,
            _ => return None,
        };
        let end = find_outside(tail, b';').unwrap_or(tail.len());
        let (one, next) = tail.split_at_checked(end)?;
        text = next;
        let one = trim(one);
        if !one.is_empty() {
            return ParamRef::parse(one).map(|param| Some((param, next)));
        }
    }
}

/// Whether every quote and angle bracket that the text opens is closed in it.
fn closes(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'"', b'<', rest) {
        let opened = rest.get(at..).unwrap_or_default();
        let closed = match opened.first() {
            Some(b'"') => quoted_length(opened),
            Some(_) | None => memchr::memchr(b'>', opened).map(|at| at + 1),
        };
        let Some(length) = closed else { return false };
        rest = opened.get(length..).unwrap_or_default();
    }
    true
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Param { name, value } in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_swallow_what_follows_it() {
        let read = |text: &str| Params::parse(text.as_bytes()).map(|params| params.to_string());
        assert_eq!(read(";a=b\";c=d"), None);
        assert_eq!(read(";a=b<;c=d"), None);
        assert_eq!(read(";a=\"b\"x"), None);
        let instance = ";+sip.instance=<urn:x>";
        assert_eq!(read(instance).as_deref(), Some(instance));
    }
}
