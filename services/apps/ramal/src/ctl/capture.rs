//! `ramal ctl capture`: packets that pass the box's network card.

use std::error::Error;
use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{language, refused, render};

/// What is done with it.
#[derive(Subcommand)]
pub(super) enum Capture {
    /// Show how it stands (the default).
    Show,
    /// Begin one; the one before is forgotten.
    Begin {
        /// Only packets from or to this address.
        #[arg(long, default_value = "", hide_default_value = true)]
        host: String,
        /// Only packets from or to this port, of TCP or UDP.
        #[arg(long, conflicts_with = "all")]
        port: Option<u16>,
        /// Everything on the card, and not SIP and sound alone.
        #[arg(long)]
        all: bool,
        /// The network card; the first with a cable when it is left out.
        #[arg(long, default_value = "", hide_default_value = true)]
        link: String,
        /// It ends by itself after so long, 10 at most.
        #[arg(long, default_value_t = 5)]
        minutes: u32,
        /// Whole packets, in which people can be heard.
        #[arg(long)]
        with_voices: bool,
    },
    /// End it; its packets stay for a quarter of an hour.
    End,
    /// Write its packets into a file for Wireshark.
    Save {
        /// The file; one that is there is overwritten.
        file: PathBuf,
    },
}

/// As a request of the API.
pub(super) fn request(command: Option<&Capture>) -> (&'static str, String, Value) {
    let path = "/api/capture".to_owned();
    match command {
        None | Some(Capture::Show) => ("GET", path, Value::Null),
        Some(Capture::End) => ("DELETE", path, Value::Null),
        Some(Capture::Save { .. }) => ("GET", format!("{path}/file"), Value::Null),
        Some(Capture::Begin {
            host,
            port,
            all,
            link,
            minutes,
            with_voices,
        }) => {
            let confirm = if *with_voices { "capture voices" } else { "" };
            let wish = json!({
                "host": host,
                "port": port.unwrap_or_default(),
                "what": if *all { "all" } else { "telephony" },
                "link": link,
                "minutes": minutes,
                "whole": with_voices,
                "confirm": confirm,
            });
            ("POST", path, wish)
        }
    }
}

/// What an answer says.
pub(super) fn show(command: Option<&Capture>, answer: &Value) -> String {
    let field = |name| render::field(answer, name);
    match command {
        Some(Capture::Begin { .. }) => "it begins; `ramal ctl capture save FILE` takes it".into(),
        Some(Capture::End) => "it is over".into(),
        None | Some(Capture::Show | Capture::Save { .. }) => {
            let state = match answer.get("left_secs").and_then(Value::as_u64) {
                Some(left) => format!("on, {left} s left"),
                None => "off".to_owned(),
            };
            format!(
                "{state}\n{} packets kept, {} made room, {} missed",
                field("kept"),
                field("dropped"),
                field("missed")
            )
        }
    }
}

/// Writes the packets into a file.
pub(super) fn save(socket: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    let language = language::of_the_terminal();
    let path = "/api/capture/file";
    let (status, answer) = web_server::control::call(socket, "GET", path, b"", language)?;
    if status != 200 {
        let answer = serde_json::from_slice(&answer).unwrap_or(Value::Null);
        return Err(Box::new(refused(status, &answer)));
    }
    keep(file, &answer)?;
    Ok(())
}

/// For whoever asked alone: people may be heard in it.
fn keep(file: &Path, packets: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(file)?;
    // One that was there has the mode of before.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(packets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_may_be_heard_in_is_for_its_owner_alone() {
        let name = format!("ramal-capture-{}", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, "one of before, which is longer").expect("a file");
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("a mode");
        for _ in 0..2 {
            keep(&file, b"packets").expect("it is written");
            let mode = std::fs::metadata(&file).expect("it is there").permissions();
            assert_eq!(mode.mode() & 0o777, 0o600);
            assert_eq!(std::fs::read(&file).expect("it is there"), b"packets");
            std::fs::remove_file(&file).expect("it is there");
        }
    }
}
