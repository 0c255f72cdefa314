//! Sending an update file to the box, each time the piece it asks for.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use serde_json::Value;

use super::{CtlError, language, refused};

/// Installs `file`, with its progress on standard error.
pub(super) fn install(socket: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    let name = file.display();
    let opened = File::open(file).map_err(|error| format!("{name}: {error}"))?;
    let length = opened.metadata()?.len();
    let mut answer = post(socket, "/api/firmware/update", b"{}")?;
    loop {
        if let Some(version) = answer.get("installed").and_then(Value::as_str) {
            say(length, length);
            let mut out = std::io::stdout().lock();
            writeln!(
                out,
                "\nversion {version} is installed; `ramal ctl reboot` starts it"
            )?;
            return Ok(());
        }
        let next = answer.get("next").and_then(Value::as_u64);
        let next = next.ok_or(CtlError::Strange(200))?;
        let mut piece = vec![0; PIECE];
        let read = opened.read_at(&mut piece, next)?;
        if read == 0 {
            return Err(format!("{name} ends too soon; fetch it again").into());
        }
        say(next, length);
        let path = format!("/api/firmware/update/{next}");
        answer = post(socket, &path, piece.get(..read).unwrap_or_default())?;
    }
}

/// An answer that says where to go on is one, also when a piece was refused.
fn post(socket: &Path, path: &str, body: &[u8]) -> Result<Value, Box<dyn Error>> {
    let language = language::of_the_terminal();
    let (status, answer) = web_server::control::call(socket, "POST", path, body, language)?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    if (200..300).contains(&status) || answer.get("next").is_some_and(Value::is_u64) {
        return Ok(answer);
    }
    Err(Box::new(refused(status, &answer)))
}

fn say(done: u64, length: u64) {
    let percent = done.saturating_mul(100) / length.max(1);
    // Without a terminal nobody needs to see it.
    let _ = write!(std::io::stderr(), "\rsending the update: {percent} %");
}

/// Bytes: what the web admin takes at once, and some room.
const PIECE: usize = 48 * 1024;
