//! Bans.

use clap::Subcommand;
use serde_json::{Value, json};

use super::render::{field, list, table};

#[derive(Subcommand)]
pub(super) enum Guard {
    /// Show whether bans are on, who is banned, and what was found (the default).
    Show,
    /// Ban an address or a network no more.
    #[command(after_help = "Example:\n  ramal ctl guard unban 203.0.113.7")]
    Unban {
        /// As the list has it, or an address.
        network: String,
    },
}

/// What is asked.
pub(super) fn request(command: Option<&Guard>) -> (&'static str, String, Value) {
    match command {
        None | Some(Guard::Show) => ("GET", "/api/bans".into(), Value::Null),
        Some(Guard::Unban { network }) => (
            "POST",
            "/api/bans/unban".into(),
            json!({ "network": network }),
        ),
    }
}

/// Whether bans are on, then who is banned, then what was found.
pub(super) fn said(command: Option<&Guard>, answer: &Value) -> String {
    let is = |name: &str| answer.get(name).and_then(Value::as_bool) == Some(true);
    if let Some(Guard::Unban { network }) = command {
        let lifted = list(answer, "lifted").iter().filter_map(Value::as_str);
        let lifted: Vec<_> = lifted.map(|it| format!("{it} is banned no more")).collect();
        return match lifted.as_slice() {
            [] => format!("nobody was banned in {network}"),
            lines => lines.join("\n"),
        };
    }
    let state = match (is("on"), is("reachable_from_outside")) {
        (true, _) => "bans are on",
        (false, true) => "warning: bans are off, and the box can be reached from outside",
        (false, false) => "bans are off",
    };
    let bans = [
        "network",
        "offence",
        "count",
        "within_secs",
        "since",
        "left_secs",
        "times",
        "tried",
    ];
    let lately = [
        "at", "source", "offence", "count", "fate", "measure", "tried",
    ];
    format!(
        "{state}\n\n{}\n{}banned in all: {}\n",
        table("bans", list(answer, "bans"), &bans),
        table("lately", list(answer, "lately"), &lately),
        field(answer, "banned"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_requests_and_answers_lines_without_what_a_terminal_obeys() {
        assert_eq!(request(None).0, "GET");
        let unban = Guard::Unban {
            network: "203.0.113.7".into(),
        };
        let (method, target, body) = request(Some(&unban));
        assert_eq!((method, &*target), ("POST", "/api/bans/unban"));
        assert_eq!(body, json!({"network": "203.0.113.7"}));
        let around = json!({"was_banned": true, "lifted": ["203.0.113.0/24", "203.0.113.7/32"]});
        assert_eq!(
            said(Some(&unban), &around),
            "203.0.113.0/24 is banned no more\n203.0.113.7/32 is banned no more"
        );
        let not = said(Some(&unban), &json!({"was_banned": false, "lifted": []}));
        assert_eq!(not, "nobody was banned in 203.0.113.7");
        let answer = json!({
            "on": false, "reachable_from_outside": true, "banned": 1,
            "bans": [{"network": "192.0.2.7/32", "offence": "web-path", "count": 30,
                "within_secs": 60, "since": "2026-11-30T12:00:00Z", "left_secs": 540, "times": 2,
                "tried": ["/\u{1b}[2Jx"]}],
            "lately": [],
        });
        let text = said(None, &answer);
        assert!(text.starts_with("warning: bans are off"), "{text}");
        assert!(
            text.contains("192.0.2.7/32") && text.contains("web-path"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
