//! Countries.

use serde_json::Value;

use super::render::{list, table};

/// What is asked.
pub(super) const ARRIVALS: &str = "/api/countries/arrivals";

/// Whether anybody is refused for his country, then who came.
pub(super) fn said(answer: &Value) -> String {
    let is = |name: &str| answer.get(name).and_then(Value::as_bool) == Some(true);
    let has_data = answer.get("data").is_some_and(Value::is_object);
    let state = match (is("on"), is("ineffective"), has_data) {
        (_, _, false) => "warning: there is no table of countries: nobody is refused for his",
        (true, true, true) => "warning: a router hides where anybody comes from: nobody is refused",
        (true, false, true) => "countries that are not let in are refused",
        (false, _, true) => "nobody is refused for his country",
    };
    let code = |it: &Value| {
        it.get("code")
            .and_then(Value::as_str)
            .unwrap_or("?")
            .to_owned()
    };
    let allowed = list(answer, "allowed").iter().map(code).collect::<Vec<_>>();
    let rows: Vec<Value> = list(answer, "arrivals")
        .iter()
        .map(|row| {
            let mut row = row.clone();
            let country = row.get("country").map(code);
            if let (Some(fields), Some(country)) = (row.as_object_mut(), country) {
                fields.insert("country".into(), country.into());
            }
            row
        })
        .collect();
    let columns = ["country", "allowed", "connections", "datagrams", "refused"];
    format!(
        "{state}\nlet in: {}\n\n{}",
        allowed.join(" "),
        table("arrivals", &rows, &columns)
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_came_is_a_table_and_what_is_without_effect_a_warning() {
        let mut answer = json!({
            "on": true, "ineffective": false, "data": {"source": "s"},
            "allowed": [{"code": "BR"}, {"code": "PT"}],
            "arrivals": [
                {"country": {"code": "DE"}, "allowed": false, "connections": 7, "datagrams": 0,
                    "refused": 7},
                {"country": null, "allowed": false, "connections": 1, "datagrams": 0,
                    "refused": 1},
            ],
        });
        let text = said(&answer);
        assert!(text.starts_with("countries that are not let in are refused\nlet in: BR PT"));
        assert!(text.contains("DE") && text.contains('?'), "{text}");
        answer["ineffective"] = true.into();
        assert!(said(&answer).starts_with("warning: a router"));
        answer["data"] = Value::Null;
        assert!(said(&answer).starts_with("warning: there is no table"));
    }
}
