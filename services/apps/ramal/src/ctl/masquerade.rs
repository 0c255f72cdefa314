//! Whether a router hides who comes in.

use clap::Subcommand;
use serde_json::{Value, json};

use super::render::{field, list};

#[derive(Subcommand)]
pub(super) enum Masquerade {
    /// Show how sure it is, and why (the default).
    Show,
    /// Forget what was seen, after the router was changed, and look anew.
    Again,
}

/// What is asked.
pub(super) fn request(command: Option<&Masquerade>) -> (&'static str, String, Value) {
    match command {
        None | Some(Masquerade::Show) => ("GET", "/api/masquerade".into(), Value::Null),
        Some(Masquerade::Again) => ("POST", "/api/masquerade/again".into(), json!({})),
    }
}

/// How sure it is, and then each case with its reasons.
pub(super) fn said(command: Option<&Masquerade>, answer: &Value) -> String {
    if let Some(Masquerade::Again) = command {
        return "what was seen is forgotten; the next packet from outside shows how it is now\n"
            .to_owned();
    }
    let state = field(answer, "state");
    let mut text = match &*state {
        "confirmed" => {
            "warning: a router writes its own address as the sender of who comes in from outside; \
             have it redirect ports without masquerade\n"
                .to_owned()
        }
        "suspect" => "warning: a router seems to hide who comes in from outside\n".to_owned(),
        _ => "no router hides who comes in\n".to_owned(),
    };
    for case in list(answer, "cases") {
        let of = |name| field(case, name);
        text += &format!(
            "\n{} at {}: {}\n",
            of("address"),
            of("listener"),
            of("state")
        );
        for one in list(case, "evidence") {
            let values = list(one, "values").iter().map(|it| format!(" {it}"));
            text += &format!(
                "  {}{}: {} times, last {} s ago\n",
                field(one, "signal"),
                values.collect::<String>(),
                field(one, "count"),
                field(one, "last_secs"),
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_sure_it_is_comes_first_and_then_why() {
        let answer = json!({
            "state": "confirmed",
            "cases": [{"listener": "sip-udp", "address": "192.168.1.1", "state": "confirmed",
                "evidence": [{"signal": "distances", "count": 3, "first_secs": 9, "last_secs": 4,
                    "values": [52, 117]}]}],
        });
        let text = said(None, &answer);
        assert!(
            text.starts_with("warning: a router writes its own address"),
            "{text}"
        );
        assert!(text.contains("192.168.1.1 at sip-udp: confirmed"), "{text}");
        assert!(
            text.contains("  distances 52 117: 3 times, last 4 s ago"),
            "{text}"
        );
        let quiet = said(None, &json!({"state": "none", "cases": []}));
        assert_eq!(quiet, "no router hides who comes in\n");
    }
}
