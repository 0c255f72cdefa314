//! The report on exposure and health.

use serde_json::Value;

use super::render::{field, list, table};

/// What it comes to, then each finding that is not good, then who reaches which port.
pub(super) fn said(answer: &Value) -> String {
    let summary = answer.get("summary").unwrap_or(&Value::Null);
    let mut text = format!(
        "{} {}  {}\ndanger {}  look {}  not-checked {}  good {}\n",
        field(answer, "name"),
        field(answer, "version"),
        field(answer, "made"),
        field(summary, "danger"),
        field(summary, "look"),
        field(summary, "not_checked"),
        field(summary, "good"),
    );
    let is_open = |it: &&Value| field(it, "verdict") != "good";
    for finding in list(answer, "findings").iter().filter(is_open) {
        text.push_str(&one(finding));
    }
    let columns = [
        "ports",
        "transport",
        "what",
        "requirement",
        "lan",
        "vpn",
        "grid",
        "outside",
    ];
    text.push_str(&format!(
        "\n{}",
        table("ports", list(answer, "ports"), &columns)
    ));
    text
}

/// A finding: what it is about, what was found, which ones, and what to do.
fn one(finding: &Value) -> String {
    let requirements = field(finding, "requirements");
    let mut text = format!(
        "\n{}: {} ({requirements})\n  {}\n",
        field(finding, "verdict"),
        field(finding, "title"),
        field(finding, "found"),
    );
    for detail in list(finding, "details").iter().filter_map(Value::as_str) {
        // A name that somebody gave a route or a trunk must not command the terminal.
        let plain: String = detail.chars().filter(|it| !it.is_control()).collect();
        text.push_str(&format!("  - {plain}\n"));
    }
    text.push_str(&format!("  => {}\n", field(finding, "fix")));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_good_is_counted_and_the_rest_is_told_with_its_fix() {
        let answer = json!({
            "made": "2026-11-30T21:00:00Z", "name": "ramal.local", "version": "1.0.0",
            "summary": {"danger": 1, "look": 0, "not_checked": 0, "good": 1},
            "findings": [
                {"verdict": "danger", "title": "Routes", "found": "Too wide:",
                 "details": ["route \u{1b}[2Jx"], "fix": "Narrow them.",
                 "requirements": ["R64", "R65"]},
                {"verdict": "good", "title": "Services", "found": "Ready.", "details": [],
                 "fix": null, "requirements": ["R12"]},
            ],
            "ports": [{"ports": "5060", "transport": "UDP, TCP", "what": "SIP",
                "requirement": "R72", "lan": "open", "vpn": "open", "grid": "absent",
                "outside": "not-reached-yet"}],
        });
        let text = said(&answer);
        assert!(
            text.contains("danger 1  look 0  not-checked 0  good 1"),
            "{text}"
        );
        assert!(text.contains("danger: Routes (R64"), "{text}");
        assert!(text.contains("  => Narrow them."), "{text}");
        assert!(!text.contains("Services"), "{text}");
        assert!(text.contains("not-reached-yet"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
