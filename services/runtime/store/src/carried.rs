//! Fields of a configuration that a newer firmware has written and this one does not know: they are
//! kept when this one changes something else, so that a rollback loses none of them.
//!
//! What belongs together is told by what people call it (number, login, name, id). A thing that was
//! taken away, or that has no such word, takes its unknown fields with it.

use serde_json::{Map, Value};

use crate::rows::ConfigRow;
use crate::tables::{Fault, decode};

/// What a thing is told by, where it has several the first.
const NAMES: [&str; 4] = ["login", "number", "name", "id"];

/// `next` with what the row before has and this firmware does not know; `None` where that is
/// nothing.
pub(crate) fn with_unknown(before: &[u8], next: &ConfigRow) -> Result<Option<Value>, Fault> {
    let written: Value = decode("config", before)?;
    let known: ConfigRow = decode("config", before)?;
    let (Ok(known), Ok(mut row)) = (serde_json::to_value(&known), serde_json::to_value(next))
    else {
        return Ok(None);
    };
    if written == known {
        return Ok(None);
    }
    if let (Some(written), Some(known), Some(site)) =
        (written.get("site"), known.get("site"), row.get_mut("site"))
    {
        carry(written, known, site);
    }
    Ok(Some(row))
}

/// Puts into `next` what `written` has and a firmware that understood `known` of it does not know.
pub(crate) fn carry(written: &Value, known: &Value, next: &mut Value) {
    match (written, known, next) {
        (Value::Object(written), Value::Object(known), Value::Object(next)) => {
            carry_fields(written, known, next);
        }
        (Value::Array(written), Value::Array(known), Value::Array(next)) => {
            for thing in next {
                let Some(name) = name_of(thing) else { continue };
                if let (Some(written), Some(known)) = (named(written, &name), named(known, &name)) {
                    carry(written, known, thing);
                }
            }
        }
        _ => {}
    }
}

fn carry_fields(
    written: &Map<String, Value>,
    known: &Map<String, Value>,
    next: &mut Map<String, Value>,
) {
    for (field, value) in written {
        match (known.get(field), next.get_mut(field)) {
            (Some(known), Some(next)) => carry(value, known, next),
            (None, None) => {
                next.insert(field.clone(), value.clone());
            }
            // Known, and taken away or set since.
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
}

fn name_of(thing: &Value) -> Option<(&'static str, String)> {
    NAMES.into_iter().find_map(|name| {
        let value = thing.get(name)?;
        Some((
            name,
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        ))
    })
}

/// The one thing of that name.
fn named<'a>(things: &'a [Value], name: &(&'static str, String)) -> Option<&'a Value> {
    let mut found = things
        .iter()
        .filter(|it| name_of(it).as_ref() == Some(name));
    let one = found.next()?;
    found.next().is_none().then_some(one)
}
