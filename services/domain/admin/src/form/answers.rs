//! What was typed into a form, as the change it asks for.

use serde_json::{Map, Value, json};

use super::{Field, Form, Inner, Kind, Shape};
use crate::fault::Fault;
use crate::http::form_fields;
use crate::text::Language;

/// What came from a form, in its order.
#[derive(Clone, Default)]
pub(crate) struct Answers(Vec<(String, String)>);

impl Answers {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`Fault::BadBody`] when it is none of a form.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Fault> {
        let broken = || Fault::BadBody("this is no form".into());
        let text = std::str::from_utf8(body).map_err(|_| broken())?;
        form_fields(text).map(Self).ok_or_else(broken)
    }

    /// The answer to a question; empty when there is none.
    pub(crate) fn one(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.trim())
    }

    /// Every answer to a question that may have several, without empty ones.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named
            .map(|(_, value)| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// Whether anything below a name was answered.
    fn has_below(&self, name: &str) -> bool {
        let below = |key: &str| {
            key.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('.'))
        };
        self.0
            .iter()
            .any(|(key, value)| below(key) && !value.trim().is_empty())
    }

    /// How many rows a list was drawn with.
    fn rows(&self, name: &str) -> usize {
        let place = |key: &str| {
            let rest = key.strip_prefix(name)?.strip_prefix('.')?;
            rest.split('.').next()?.parse::<usize>().ok()
        };
        let last = self.0.iter().filter_map(|(key, _)| place(key)).max();
        last.map_or(0, |last| last.saturating_add(1).min(ROWS_MAX))
    }
}

/// The change that the answers to a form ask for: a patch as the API takes it.
///
/// # Errors
/// [`Fault::BadBody`] names the field that is no number.
pub(crate) fn patch(form: &Form, answers: &Answers, language: Language) -> Result<Value, Fault> {
    let fields = form.groups.iter().flat_map(|group| group.fields);
    let reading = Reading { answers, language };
    Ok(Value::Object(reading.fields("", fields)?))
}

struct Reading<'a> {
    answers: &'a Answers,
    language: Language,
}

impl Reading<'_> {
    fn fields<'f>(
        &self,
        below: &str,
        fields: impl IntoIterator<Item = &'f Field>,
    ) -> Result<Map<String, Value>, Fault> {
        let mut thing = Map::new();
        for field in fields {
            let name = joined(below, field.path);
            if let Some(value) = self.value(&name, field.label, &field.kind)? {
                put(&mut thing, field.path, value);
            }
        }
        Ok(thing)
    }

    /// `None` leaves the field as it is.
    fn value(&self, name: &str, label: super::Said, kind: &Kind) -> Result<Option<Value>, Fault> {
        let answers = self.answers;
        let said = answers.one(name);
        Ok(Some(match kind {
            Kind::Text | Kind::LongText => json!(said),
            Kind::Number if said.is_empty() => Value::Null,
            Kind::Number => self.number(said, label)?,
            Kind::Flag => json!(!said.is_empty()),
            Kind::Lines => {
                let parts = said.split(['\n', ',']).map(str::trim);
                parts.filter(|part| !part.is_empty()).collect()
            }
            Kind::Numbers => {
                let parts = said.split([' ', ',']).filter(|part| !part.is_empty());
                parts
                    .map(|part| self.number(part, label))
                    .collect::<Result<_, _>>()?
            }
            Kind::Secret if said.is_empty() => return Ok(None),
            Kind::Secret => json!(said),
            Kind::One(_) => unkey(said),
            Kind::Any(_) | Kind::Ordered(_) => answers.all(name).map(unkey).collect(),
            Kind::Rows(fields) => self.rows(name, fields)?,
            Kind::Maybe(_) if !answers.has_below(name) => Value::Null,
            Kind::Maybe(fields) => Value::Object(self.fields(name, *fields)?),
            Kind::Shape(shapes) => self.shape(name, said, shapes)?,
        }))
    }

    fn rows(&self, name: &str, fields: &'static [Field]) -> Result<Value, Fault> {
        let mut rows = Vec::new();
        for place in 0..self.answers.rows(name) {
            let name = format!("{name}.{place}");
            if self.answers.has_below(&name) {
                let mut row = self.fields(&name, fields)?;
                // A row is a new thing: what is left empty is as it comes.
                row.retain(|_, value| !value.is_null());
                rows.push(Value::Object(row));
            }
        }
        Ok(Value::Array(rows))
    }

    fn shape(&self, name: &str, said: &str, shapes: &[Shape]) -> Result<Value, Fault> {
        let chosen = shapes
            .iter()
            .find(|shape| shape.tag == said)
            .or_else(|| shapes.first());
        let Some(shape) = chosen else {
            return Ok(Value::Null);
        };
        let name = format!("{name}.{}", shape.tag);
        let inner = match &shape.inner {
            Inner::Nothing => return Ok(json!(shape.tag)),
            Inner::Value(kind) => self.value(&name, shape.label, kind)?.unwrap_or_default(),
            Inner::Fields(fields) => Value::Object(self.fields(&name, *fields)?),
        };
        Ok(json!({ shape.tag: inner }))
    }

    fn number(&self, said: &str, label: super::Said) -> Result<Value, Fault> {
        let number = said.parse::<u64>();
        number.map(Value::from).map_err(|_| {
            let label = self.language.said(label);
            Fault::BadBody(format!("{label}: {said:?} is not a whole number"))
        })
    }
}

/// What a chosen [`super::key`] stands for.
fn unkey(said: &str) -> Value {
    match said.split_once(':') {
        None if said.is_empty() => Value::Null,
        None => json!(said),
        Some((tag, inner)) => match inner.parse::<u16>() {
            // The one choice with a number in it; numbers of extensions are text.
            Ok(status) if tag == "hang-up" => json!({ tag: status }),
            Ok(_) | Err(_) => json!({ tag: inner }),
        },
    }
}

fn joined(below: &str, path: &str) -> String {
    match below {
        "" => path.to_owned(),
        below => format!("{below}.{path}"),
    }
}

/// Puts a value at a path, making what is above it.
fn put(thing: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            thing.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let above = thing.entry(first).or_insert_with(|| json!({}));
            if let Value::Object(above) = above {
                put(above, rest, value);
            }
        }
    }
}

/// Most rows of a list in one form: bounds what a forged one costs.
const ROWS_MAX: usize = 1_000;
