//! Fields of a configuration that a newer firmware has written and this one does not know: they are
//! kept when this one changes something else, so that a rollback loses none of them.
//!
//! What belongs together is told by what people call it (number, login, name, id), and a rule of
//! the guard by its offence. Where nothing, or more than one, is called so, it is told by its place
//! in a list that is as long as before, where all that is known of it is as before. A thing that
//! was taken away takes its unknown fields with it, and so does one that nobody can tell.

use serde_json::{Map, Value};

use crate::rows::ConfigRow;
use crate::tables::{Fault, decode};

/// What a thing is told by, where it has several the first.
const NAMES: [&str; 5] = ["login", "number", "name", "id", "offence"];

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
            let is_as_long = written.len() == known.len() && known.len() == next.len();
            for (place, thing) in next.iter_mut().enumerate() {
                let found = same_name(written, known, thing).or_else(|| {
                    let found = written.get(place).zip(known.get(place));
                    found.filter(|(_, known)| is_as_long && *known == thing)
                });
                if let Some((written, known)) = found {
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

/// What was written of the one thing of this name, and what of that is known.
fn same_name<'a>(
    written: &'a [Value],
    known: &'a [Value],
    thing: &Value,
) -> Option<(&'a Value, &'a Value)> {
    let name = name_of(thing)?;
    named(written, &name).zip(named(known, &name))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `lamp` is what this firmware does not know.
    fn check(written: Value, next: Value, expected: Value) {
        let mut known = written.clone();
        for thing in known.as_array_mut().expect("a list") {
            thing.as_object_mut().expect("a thing").remove("lamp");
        }
        let mut carried = next;
        carry(&written, &known, &mut carried);
        assert_eq!(carried, expected);
    }

    #[test]
    fn things_without_a_name_are_told_by_their_place_while_nothing_of_them_changed() {
        let member = |extension: &str, secs: u8, lamp: Option<&str>| {
            let mut member = json!({ "extension": extension, "delay_secs": secs });
            if let Some(lamp) = lamp {
                member["lamp"] = lamp.into();
            }
            member
        };
        let (red, blue) = (Some("red"), Some("blue"));
        let written = json!([member("100", 0, red), member("101", 5, blue)]);
        check(
            written.clone(),
            json!([member("100", 0, None), member("101", 5, None)]),
            written.clone(),
        );
        // One was changed: nobody knows whether its lamp is still right.
        check(
            written.clone(),
            json!([member("100", 0, None), member("101", 9, None)]),
            json!([member("100", 0, red), member("101", 9, None)]),
        );
        // Another order, or another length: nobody knows which is which.
        let swapped = json!([member("101", 5, None), member("100", 0, None)]);
        check(written.clone(), swapped.clone(), swapped);
        for fewer in [json!([member("100", 0, None)]), json!([])] {
            check(written.clone(), fewer.clone(), fewer);
        }
        let more = json!([
            member("100", 0, None),
            member("101", 5, None),
            member("102", 0, None)
        ]);
        check(written, more.clone(), more);
    }

    #[test]
    fn things_of_one_name_are_told_by_their_place_and_one_alone_by_its_name() {
        let rule = |name: &str, prefix: &str| json!({ "name": name, "prefix": prefix });
        let lit = |name: &str, prefix: &str| {
            let mut rule = rule(name, prefix);
            rule["lamp"] = prefix.into();
            rule
        };
        check(
            json!([
                lit("Bank", "+5511"),
                lit("Bank", "+5521"),
                lit("Shop", "+351")
            ]),
            json!([
                rule("Bank", "+5511"),
                rule("Bank", "+5531"),
                rule("Shop", "+34")
            ]),
            json!([lit("Bank", "+5511"), rule("Bank", "+5531"), {
                "name": "Shop", "prefix": "+34", "lamp": "+351"
            }]),
        );
    }
}
