//! Sending a backup to the box and having it restored.

use std::error::Error;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use ipc::store::backup_file_millis;
use serde_json::{Value, json};

use super::{CtlError, language, refused};

/// Bytes: what the web admin takes at once, and some room.
const PIECE: u64 = 48 * 1024;

/// Restores a file, or a backup on the box or the stick in it; its code comes from standard input.
pub(super) fn restore(
    socket: &Path,
    file: &Path,
    with_code: bool,
    is_on_stick: bool,
) -> Result<(), Box<dyn Error>> {
    let code = match with_code {
        true => std::io::read_to_string(std::io::stdin())?,
        false => String::new(),
    };
    let wish = if is_on_stick {
        json!({ "stick": file.to_string_lossy(), "code": code })
    } else {
        let name = file.to_str().filter(|it| backup_file_millis(it).is_some());
        let name = name.filter(|_| !file.exists());
        if name.is_none() {
            send(socket, file)?;
        }
        json!({ "file": name.unwrap_or_default(), "code": code })
    };
    ask(socket, "/api/backups/restore", wish.to_string().as_bytes())?;
    watch(socket)
}

/// Says how far it is, until it is over.
fn watch(socket: &Path) -> Result<(), Box<dyn Error>> {
    let mut away = 0;
    loop {
        std::thread::sleep(LOOK);
        let language = language::of_the_terminal();
        let seen = web_server::control::call(socket, "GET", "/api/backups/restore", &[], language);
        // `web` may be started again meanwhile, and so may the store.
        let Ok((200, answer)) = seen else {
            away += 1;
            if away < AWAY_MAX {
                continue;
            }
            return Err(Box::new(CtlError::Refused(AWAY.to_owned())));
        };
        away = 0;
        let seen: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        match seen.get("state").and_then(Value::as_str) {
            Some("reading" | "joining" | "finishing") => say(&seen),
            Some("restored") => {
                let version = seen.get("restored").unwrap_or(&Value::Null);
                let mut out = std::io::stdout().lock();
                writeln!(
                    out,
                    "\nthe backup is restored, as version {version} of the configuration; the \
                     box starts anew"
                )?;
                return Ok(());
            }
            Some("refused" | "failed") => return Err(Box::new(refused(200, &seen))),
            Some(_) | None => return Err(Box::new(CtlError::Refused(AWAY.to_owned()))),
        }
    }
}

fn say(seen: &Value) {
    let number = |name: &str| seen.get(name).and_then(Value::as_u64).unwrap_or(0);
    let percent = number("read_bytes").saturating_mul(100) / number("bytes").max(1);
    // Without a terminal nobody needs to see it.
    let _ = match seen.get("state").and_then(Value::as_str) {
        Some("reading") => write!(std::io::stderr(), "\rreading the backup: {percent} %"),
        _ => write!(std::io::stderr(), "\rthe backup takes its place      "),
    };
}

/// Between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Looks in a row for which the box may be away.
const AWAY_MAX: u32 = 30;

const AWAY: &str = "the box does not say what became of the restore: look at its audit trail";

fn send(socket: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    let name = file.display();
    let opened = File::open(file).map_err(|error| format!("{name}: {error}"))?;
    let length = opened.metadata()?.len();
    let mut next = 0;
    loop {
        let mut piece = Vec::new();
        (&opened).take(PIECE).read_to_end(&mut piece)?;
        if piece.is_empty() && next > 0 {
            return Ok(());
        }
        ask(socket, &format!("/api/backups/upload/{next}"), &piece)?;
        if piece.is_empty() {
            return Ok(());
        }
        next += piece.len() as u64;
        let percent = next.saturating_mul(100) / length.max(1);
        // Without a terminal nobody needs to see it.
        let _ = write!(std::io::stderr(), "\rsending the backup: {percent} %");
    }
}

fn ask(socket: &Path, path: &str, body: &[u8]) -> Result<Value, Box<dyn Error>> {
    let language = language::of_the_terminal();
    let (status, answer) = web_server::control::call(socket, "POST", path, body, language)?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    match status {
        200..300 => Ok(answer),
        _ => Err(Box::new(refused(status, &answer))),
    }
}
