//! Commands become requests of the API.

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

fn check(line: &str, method: &str, target: &str, body: Value) {
    let words = std::iter::once("ctl").chain(line.split(' '));
    let line = Line::try_parse_from(words).expect("a valid line");
    assert_eq!(
        request(&line.arguments.command),
        (method, target.to_owned(), body)
    );
}

#[test]
fn commands_become_requests_of_the_api() {
    check("status", "GET", "/api/status", Value::Null);
    check("extensions", "GET", "/api/extensions", Value::Null);
    check(
        "extensions list --json",
        "GET",
        "/api/extensions",
        Value::Null,
    );
    check(
        "extensions create 100 --name Ana --remote",
        "POST",
        "/api/extensions",
        json!({"number": "100", "display_name": "Ana", "remote": true}),
    );
    check(
        "extensions delete 100",
        "DELETE",
        "/api/extensions/100",
        Value::Null,
    );
    check(
        "explain 100 190 --at 2026-11-23T12:00",
        "POST",
        "/api/routes/explain",
        json!({"from": "100", "dialled": "190", "trunk": "", "at": "2026-11-23T12:00",
               "transferred_by": "", "language": "en"}),
    );
    check("api get /api/trunks", "GET", "/api/trunks", Value::Null);
    check(
        "api delete /api/routes/a%20b\r\nx",
        "DELETE",
        "/api/routes/a%20b__x",
        Value::Null,
    );
    check(
        "warnings",
        "GET",
        "/api/routes/warnings?language=en",
        Value::Null,
    );
    check(
        "resume 100",
        "POST",
        "/api/extensions/100/resume",
        json!({}),
    );
    check("history", "GET", "/api/history?limit=20", Value::Null);
    check("history show 41", "GET", "/api/history/41", Value::Null);
    check(
        "history back 41 --current 43 --reason x",
        "POST",
        "/api/history/41/back?reason=x",
        json!({"current": 43}),
    );
    check("recordings", "GET", "/api/recordings", Value::Null);
    check("grid", "GET", "/api/grid", Value::Null);
    check("report", "GET", "/api/report", Value::Null);
    check(
        "recordings delete 1-a.wav",
        "DELETE",
        "/api/recordings/1-a.wav",
        Value::Null,
    );
    check("calls --limit 5", "GET", "/api/calls?limit=5", Value::Null);
    check(
        "restart pbx",
        "POST",
        "/api/services/pbx/restart",
        json!({"kill": false}),
    );
}

#[test]
fn bans_are_listed_and_lifted() {
    check("masquerade", "GET", "/api/masquerade", Value::Null);
    check(
        "masquerade again",
        "POST",
        "/api/masquerade/again",
        json!({}),
    );
    check("guard", "GET", "/api/bans", Value::Null);
    let network = json!({"network": "192.0.2.7"});
    check("guard unban 192.0.2.7", "POST", "/api/bans/unban", network);
}

#[test]
fn the_audit_trail_is_listed_and_checked() {
    check("audit --limit 5", "GET", "/api/audit?limit=5", Value::Null);
    check("audit verify", "GET", "/api/audit/verify", Value::Null);
}

#[test]
fn captures_are_begun_ended_and_saved() {
    check("capture", "GET", "/api/capture", Value::Null);
    check("capture end", "DELETE", "/api/capture", Value::Null);
    let wish = |host: &str, port: u16, what: &str, whole: bool, confirm: &str| {
        json!({ "host": host, "port": port, "what": what, "link": "", "minutes": 5,
            "whole": whole, "confirm": confirm })
    };
    let usual = wish("", 0, "telephony", false, "");
    check("capture begin", "POST", "/api/capture", usual);
    let narrow = wish("10.0.0.2", 53, "telephony", false, "");
    check(
        "capture begin --host 10.0.0.2 --port 53",
        "POST",
        "/api/capture",
        narrow,
    );
    let whole = wish("", 0, "all", true, "capture voices");
    check(
        "capture begin --all --with-voices",
        "POST",
        "/api/capture",
        whole,
    );
    check(
        "capture save x.pcap",
        "GET",
        "/api/capture/file",
        Value::Null,
    );
}

#[test]
fn backups_are_asked_for() {
    check("backup", "GET", "/api/backups", Value::Null);
    check("backup now", "POST", "/api/backups", json!({}));
}

#[test]
fn an_argument_cannot_become_another_address() {
    check(
        "extensions delete ../audit?x",
        "DELETE",
        "/api/extensions/.._audit_x",
        Value::Null,
    );
}
