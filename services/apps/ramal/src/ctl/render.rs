//! Answers of the API as lines for a terminal.

use serde_json::Value;

/// The state of the box.
pub(crate) fn status(answer: &Value) -> String {
    let mut text = format!(
        "firmware {}  kernel {}  up {} s  configuration {}  Secure Boot {}\n",
        field(answer, "version"),
        field(answer, "kernel"),
        field(answer, "uptime_secs"),
        field(answer, "config_version"),
        field(answer, "secure_boot"),
    );
    let store = answer.get("store").unwrap_or(&Value::Null);
    let warnings = list(answer, "warnings").iter().filter_map(Value::as_str);
    for warning in warnings.chain(store.get("warning").and_then(Value::as_str)) {
        if !warning.is_empty() {
            text.push_str(&format!("warning: {warning}\n"));
        }
    }
    let sections: [(&str, &[&str]); 7] = [
        (
            "services",
            &[
                "name",
                "state",
                "pid",
                "restarts",
                "resident_kib",
                "last_exit",
            ],
        ),
        (
            "phones",
            &[
                "extension",
                "address",
                "transport",
                "expires_secs",
                "user_agent",
            ],
        ),
        ("trunks", &["name", "up", "state", "calls"]),
        ("calls", &["from", "to", "state", "seconds"]),
        (
            "network",
            &["name", "up", "address", "gateway", "conflict_with"],
        ),
        ("boot", &["stage", "millis"]),
        ("runs", &["began", "end", "why"]),
    ];
    for (name, columns) in sections {
        text.push_str(&format!("\n{}", table(name, list(answer, name), columns)));
    }
    text
}

/// Where a number leads: every step on its own line, then the outcome.
pub(crate) fn explanation(answer: &Value) -> String {
    let steps = list(answer, "steps").iter().filter_map(Value::as_str);
    let steps: String = steps.map(|step| format!("- {step}\n")).collect();
    let worst = answer.get("worst_case").and_then(Value::as_str);
    let worst = worst.map(|worst| format!("\n{worst}")).unwrap_or_default();
    format!(
        "{}\n{steps}=> {}{worst}",
        field(answer, "dialled"),
        field(answer, "text")
    )
}

/// What is dangerous, then what stolen extensions cost, the dearest first.
pub(crate) fn warnings(answer: &Value) -> String {
    let texts = |name| {
        let texts = list(answer, name).iter().map(|one| field(one, "text"));
        texts.map(|text| format!("- {text}\n")).collect::<String>()
    };
    format!("{}\n{}", texts("warnings"), texts("worst_cases"))
}

/// The tunnel: the box's key, how it stands, and what is set.
pub(crate) fn grid(answer: &Value) -> String {
    let tunnel = answer.get("tunnel").unwrap_or(&Value::Null);
    let lines = [
        ("public key", answer, "public_key"),
        ("tunnel", answer, "state"),
        ("reason", answer, "reason"),
        ("for seconds", answer, "since_secs"),
        ("handshake", answer, "handshake_secs"),
        ("hub", tunnel, "endpoint"),
        ("hub key", tunnel, "hub_key"),
        ("addresses", tunnel, "addresses"),
        ("reaches", tunnel, "allowed"),
    ];
    let line = |(name, of, field_name)| format!("{name:<12} {}\n", field(of, field_name));
    lines.map(line).concat()
}

/// What was spent, by whom.
pub(crate) fn spending(answer: &Value) -> String {
    let money = [
        "payer",
        "name",
        "day_cents",
        "day_cap",
        "week_cents",
        "week_cap",
        "month_cents",
        "month_cap",
    ];
    let minutes = ["class", "today", "cap"];
    [
        table("spending", list(answer, "spending"), &money),
        table("minutes", list(answer, "minutes"), &minutes),
    ]
    .join("\n")
}

/// Extensions.
pub(crate) fn extensions(answer: &Value) -> String {
    table(
        "extensions",
        rows(answer),
        &["number", "display_name", "remote"],
    )
}

/// Call records.
pub(crate) fn calls(answer: &Value) -> String {
    let columns = [
        "started",
        "from",
        "to",
        "outcome",
        "status",
        "duration_secs",
        "dtmf_digits",
        "recordings",
    ];
    table("calls", rows(answer), &columns)
}

/// Recordings.
pub(crate) fn recordings(answer: &Value) -> String {
    let columns = ["name", "bytes", "modified", "open"];
    table("recordings", rows(answer), &columns)
}

/// Backups on the box.
pub(crate) fn backups(answer: &Value) -> String {
    let columns = [
        "name",
        "taken",
        "bytes",
        "proved",
        "needs_code",
        "config_version",
        "firmware",
    ];
    let backups = table("backups", list(answer, "backups"), &columns);
    let is = |name: &str| answer.get(name).and_then(Value::as_bool) == Some(true);
    let mut said = vec![backups];
    let stick = list(answer, "stick");
    if !stick.is_empty() {
        said.push(table("stick", stick, &["disk", "file", "bytes"]));
    }
    if is("running") {
        said.push("one is being made".to_owned());
    }
    if let Some(reason) = answer.get("failed").and_then(Value::as_str) {
        said.push(format!("the last one failed: {reason}"));
    }
    if !is("code_known") {
        let hint = "nobody has the backup code yet: make one on the page of backups";
        said.push(hint.to_owned());
    }
    said.join("\n")
}

/// Firmware slots, and why one was left.
pub(crate) fn firmware(answer: &Value) -> String {
    let slots = [
        "name",
        "version",
        "condition",
        "tries",
        "damaged",
        "running",
        "starts_next",
        "security",
    ];
    let journal = ["sequence", "slot", "reason", "detail"];
    [
        table("slots", list(answer, "slots"), &slots),
        table("left", list(answer, "journal"), &journal),
        table("stick", list(answer, "stick"), &["disk", "file", "bytes"]),
        format!("keys: {}", field(answer, "keys")),
        format!("key of the data: {}", field(answer, "data_key")),
        format!("recovery code: {}", field(answer, "recovery_code")),
        format!("Secure Boot: {}", field(answer, "secure_boot")),
    ]
    .join("\n")
}

/// Versions of the configuration.
pub(crate) fn history(answer: &Value) -> String {
    let columns = ["version", "at", "author", "action"];
    table("versions", rows(answer), &columns)
}

/// What changed in a version, and what going back to it changes.
pub(crate) fn version(answer: &Value) -> String {
    let told = |name: &str| {
        let lines = list(answer, name).iter().filter_map(Value::as_str);
        lines.map(|line| format!("\n  {line}")).collect::<String>()
    };
    format!(
        "version {}, the present one is {}\nchanged in it:{}\ngoing back would change:{}{}",
        field(answer, "version"),
        field(answer, "current"),
        told("changes"),
        told("back"),
        field(answer, "refused"),
    )
}

/// The audit trail.
pub(crate) fn audit(answer: &Value) -> String {
    table(
        "audit",
        rows(answer),
        &["sequence", "at", "who", "from", "action"],
    )
}

/// What a check of the whole audit trail found.
pub(crate) fn trail(answer: &Value) -> String {
    let names = ["entries", "first", "last", "head", "signed_by"];
    let lines = names.map(|name| format!("{name:<10}{}\n", field(answer, name)));
    let replaced = list(answer, "replaced").iter().map(|one| {
        let [name, first, last] = ["name", "first", "last"].map(|it| field(one, it));
        let found = match one.get("whole").and_then(Value::as_bool) {
            Some(true) => "whole",
            Some(false) | None => "NOT AS IT WAS WRITTEN",
        };
        format!("replaced  {name} entries {first} to {last}: {found}\n")
    });
    lines.into_iter().chain(replaced).collect()
}

/// The first of the trails that restores have replaced that is not as it was written.
pub(crate) fn altered(answer: &Value) -> Option<String> {
    let mut all = list(answer, "replaced").iter();
    let found = all.find(|it| it.get("whole").and_then(Value::as_bool) != Some(true))?;
    Some(field(found, "name"))
}

/// One field as text; a dash when it is absent or empty.
pub(crate) fn field(row: &Value, name: &str) -> String {
    match row.get(name) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        // What phones and people wrote must not command the terminal.
        Some(Value::String(text)) => text.chars().filter(|c| !c.is_control()).collect(),
        Some(Value::Array(texts)) => match texts.as_slice() {
            [] => "-".to_owned(),
            texts => texts
                .iter()
                .filter_map(Value::as_str)
                .flat_map(|text| text.chars().filter(|c| !c.is_control()).chain([' ']))
                .collect::<String>()
                .trim_end()
                .to_owned(),
        },
        Some(other) => other.to_string(),
    }
}

pub(super) fn list<'a>(answer: &'a Value, name: &str) -> &'a [Value] {
    answer.get(name).map_or(&[], rows)
}

fn rows(answer: &Value) -> &[Value] {
    answer.as_array().map_or(&[], Vec::as_slice)
}

/// Columns as wide as their widest cell.
pub(super) fn table(title: &str, rows: &[Value], columns: &[&str]) -> String {
    if rows.is_empty() {
        return format!("{title}: none\n");
    }
    let header: Vec<String> = columns.iter().map(|name| name.replace('_', " ")).collect();
    let cells = rows
        .iter()
        .map(|row| columns.iter().map(|name| field(row, name)).collect());
    let lines: Vec<Vec<String>> = std::iter::once(header).chain(cells).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = format!("{title}\n");
    for line in &lines {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(&format!("  {}\n", padded.join("  ").trim_end()));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_damaged_slot_is_shown_as_one() {
        let slot = json!({"name": "a", "running": true, "damaged": true});
        let shown = firmware(
            &json!({"slots": [slot], "journal": [], "keys": "acme", "data_key": "sealed-by-tpm",
                "recovery_code": "unseen", "secure_boot": "offered"}),
        );
        let end = "key of the data: sealed-by-tpm\nrecovery code: unseen\nSecure Boot: offered";
        assert!(shown.ends_with(end), "{shown}");
        let mut lines = shown.lines().skip(1);
        let (head, row) = (lines.next().expect("a head"), lines.next().expect("a slot"));
        let at = head.find("damaged").expect("a column");
        assert!(row[at..].starts_with("true"), "{shown}");
    }

    #[test]
    fn columns_line_up_and_control_characters_go() {
        let answer = json!([
            {"number": "100", "display_name": "Reception\u{1b}[2J", "remote": false},
            {"number": "1000", "display_name": "", "remote": true},
        ]);
        assert_eq!(
            extensions(&answer),
            "extensions\n  number  display name  remote\n  100     Reception[2J  false\n  \
             1000    -             true\n"
        );
        assert_eq!(calls(&json!([])), "calls: none\n");
    }
}
