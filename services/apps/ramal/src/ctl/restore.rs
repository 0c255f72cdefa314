//! Sending a backup to the box and having it restored.

use std::error::Error;
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use ipc::store::backup_file_millis;
use serde_json::{Value, json};
use web_server::control::CallError;

use super::{language, refused};

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
    let answer = ask(socket, "/api/backups/restore", wish.to_string().as_bytes());
    let mut out = std::io::stdout().lock();
    let version = match answer {
        Err(error) if is_slow(&*error) => {
            writeln!(
                out,
                "the box is still at it, and starts anew when it is done"
            )?;
            return Ok(());
        }
        answer => answer?,
    };
    writeln!(
        out,
        "the backup is restored, as version {} of the configuration; the box starts anew",
        version.get("restored").unwrap_or(&Value::Null)
    )?;
    Ok(())
}

/// A large backup takes longer than a control socket waits; the box goes on.
fn is_slow(error: &(dyn Error + 'static)) -> bool {
    let broken = error.downcast_ref::<CallError>();
    broken.is_some_and(|it| match it {
        CallError::Broken { source, .. } => {
            matches!(source.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
        }
        CallError::Missing { .. } | CallError::Forbidden { .. } | CallError::Incomplete { .. } => {
            false
        }
    })
}

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
