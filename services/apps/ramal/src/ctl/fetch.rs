//! Having the box fetch an update, from a server or the memory stick in it, and watching it.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::{CtlError, language, refused};

/// Fetches and installs what is at `url`, with its progress on standard error.
pub(super) fn fetch(socket: &Path, url: &str, fingerprint: &str) -> Result<(), Box<dyn Error>> {
    let wish = json!({ "url": url, "fingerprint": fingerprint });
    answered(call(socket, "POST", "/api/firmware/fetch", &wish)?)?;
    watch(socket)
}

/// The same with a file on the memory stick in the box; the only one where none is named.
pub(super) fn from_stick(socket: &Path, file: Option<&str>) -> Result<(), Box<dyn Error>> {
    let wish = json!({ "file": file.unwrap_or_default() });
    answered(call(socket, "POST", "/api/firmware/stick", &wish)?)?;
    watch(socket)
}

fn watch(socket: &Path) -> Result<(), Box<dyn Error>> {
    let mut away = 0;
    loop {
        std::thread::sleep(LOOK);
        let (status, seen) = call(socket, "GET", "/api/firmware", &Value::Null)?;
        // A service that starts anew is back in a moment.
        if status == 503 && away < AWAY_MAX {
            away += 1;
            continue;
        }
        away = 0;
        let seen = answered((status, seen))?;
        let fetch = seen.get("fetch").unwrap_or(&Value::Null);
        match fetch.get("state").and_then(Value::as_str) {
            Some("running") => say(&seen),
            Some("installed") => {
                let version = fetch.get("version").and_then(Value::as_str);
                let version = version.unwrap_or_default();
                let mut out = std::io::stdout().lock();
                writeln!(
                    out,
                    "\nversion {version} is installed; `ramal ctl reboot` starts it"
                )?;
                return Ok(());
            }
            Some("failed") => return Err(Box::new(refused(200, fetch))),
            Some(_) | None => return Err(Box::new(CtlError::Refused(ENDED.to_owned()))),
        }
    }
}

fn call(
    socket: &Path,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<(u16, Value), Box<dyn Error>> {
    let language = language::of_the_terminal();
    let body = body.to_string();
    let answer = web_server::control::call(socket, method, path, body.as_bytes(), language)?;
    let (status, answer) = answer;
    Ok((
        status,
        serde_json::from_slice(&answer).unwrap_or(Value::Null),
    ))
}

fn answered((status, answer): (u16, Value)) -> Result<Value, CtlError> {
    match status {
        200..300 => Ok(answer),
        status => Err(refused(status, &answer)),
    }
}

fn say(seen: &Value) {
    let number = |path: &str| seen.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let (there, length) = (number("/update/received"), number("/update/length"));
    let percent = there.saturating_mul(100) / length.max(1);
    let kib = number("/fetch/fetched") / 1024;
    // Without a terminal nobody needs to see it.
    let _ = write!(std::io::stderr(), "\r{percent} % there, {kib} KiB read");
}

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Looks in a row for which a service may be away.
const AWAY_MAX: u32 = 20;

const ENDED: &str = "somebody else gave the update up, or `web` was restarted; begin it again";
