//! What can be changed by a form, as tables: each field says where it stands in the thing, what
//! people call it, and how it is asked for. Pages are drawn and answers read by the same table.

mod answers;
mod choices;
mod countries;
mod extension;
mod group;
mod guard;
mod person;
mod prompt;
mod route;
mod sections;
mod times;
mod trunk;

use ipc::site::Site;
use serde_json::Value;

pub(crate) use answers::{Answers, patch};
pub(crate) use countries::COUNTRIES;
pub(crate) use extension::EXTENSION;
pub(crate) use group::GROUP;
pub(crate) use guard::GUARD;
pub(crate) use person::{PERSON, ROLES};
pub(crate) use prompt::PROMPT;
pub(crate) use route::ROUTE;
pub(crate) use sections::{
    DIALLING, FEATURES, LIMITS, NETWORKS, PARKING, RECORDING, RETENTION, SIGN_IN,
};
pub(crate) use times::TIMES;
pub(crate) use trunk::TRUNK;

use crate::text::Language;

/// A sentence or word in English and in Portuguese.
pub(crate) type Said = (&'static str, &'static str);

/// Everything that is asked for about one thing.
pub(crate) struct Form {
    pub(crate) groups: &'static [Group],
}

impl Form {
    /// What people call the field that stands at this path, or at its end.
    pub(crate) fn label(&self, path: &str) -> Option<Said> {
        let is_at = |field: &&Field| {
            let before = field.path.strip_suffix(path);
            before.is_some_and(|it| it.is_empty() || it.ends_with('.'))
        };
        let mut fields = self.groups.iter().flat_map(|it| it.fields);
        fields.find(is_at).map(|field| field.label)
    }
}

/// Fields that belong together.
pub(crate) struct Group {
    pub(crate) title: Said,
    pub(crate) fields: &'static [Field],
}

/// One field.
pub(crate) struct Field {
    /// Where it stands in the thing: `forward.busy`.
    pub(crate) path: &'static str,
    pub(crate) label: Said,
    /// More about it; empty for nothing.
    pub(crate) hint: Said,
    pub(crate) kind: Kind,
}

/// How a field is asked for.
pub(crate) enum Kind {
    /// A line of text.
    Text,
    /// Some lines that are one text: a certificate.
    LongText,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
    /// A list of texts, each on a line.
    Lines,
    /// A list of whole numbers on one line.
    Numbers,
    /// Something that is written and never shown; left empty it stays as it is.
    Secret,
    /// One of these.
    One(Choices),
    /// Any of these, in no order.
    Any(Choices),
    /// Some of these, in an order.
    Ordered(Choices),
    /// A list of things with these fields; a row left empty is none.
    Rows(&'static [Field]),
    /// A thing with these fields, or nothing when all are left empty.
    Maybe(&'static [Field]),
    /// One of several shapes, each with a name of its own in the thing.
    Shape(&'static [Shape]),
}

/// One of the shapes a field may have.
pub(crate) struct Shape {
    pub(crate) tag: &'static str,
    pub(crate) label: Said,
    pub(crate) inner: Inner,
}

/// What a shape has in it.
pub(crate) enum Inner {
    Nothing,
    /// One value.
    Value(Kind),
    Fields(&'static [Field]),
}

/// What there is to choose from.
pub(crate) enum Choices {
    Fixed(&'static [(&'static str, Said)]),
    /// Things of the site.
    Of(fn(&Site, Language) -> Vec<(String, String)>),
}

impl Choices {
    /// What is sent, and what people read.
    pub(crate) fn all(&self, site: &Site, language: Language) -> Vec<(String, String)> {
        match self {
            Self::Fixed(all) => {
                let all = all.iter();
                all.map(|(key, said)| ((*key).to_owned(), language.said(*said).to_owned()))
                    .collect()
            }
            Self::Of(all) => all(site, language),
        }
    }
}

impl Language {
    /// One of the two.
    pub(crate) const fn said(self, (english, portuguese): Said) -> &'static str {
        match self {
            Self::English => english,
            Self::Portuguese => portuguese,
        }
    }
}

/// What stands for a value where one is chosen: `park`, `trunk:Carrier`, `hang-up:486`; empty for
/// none.
pub(crate) fn key(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Object(fields) => {
            let mut fields = fields.iter();
            let first = fields.next();
            first.map_or_else(String::new, |(tag, inner)| format!("{tag}:{}", key(inner)))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) => String::new(),
    }
}

/// The field of a thing at a path; null when there is none.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    let mut steps = path.split('.');
    steps
        .try_fold(value, |value, name| value.get(name))
        .unwrap_or(&Value::Null)
}

const fn field(path: &'static str, label: Said, kind: Kind) -> Field {
    hinted(path, label, ("", ""), kind)
}

const fn hinted(path: &'static str, label: Said, hint: Said, kind: Kind) -> Field {
    Field {
        path,
        label,
        hint,
        kind,
    }
}

#[cfg(test)]
mod tests;
