//! `ramal audit-verify`: whether an exported audit trail is as the box wrote it. It needs no box,
//! and asks none.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use trail::{Heading, LINE_BYTES_MAX, Verifier, Wrong};

/// Command line of `ramal audit-verify`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  ramal audit-verify ramal-audit-1-4711.jsonl
  ramal audit-verify ramal-audit-1-4711.jsonl --key 3f0c...
  ramal audit-verify october.jsonl --earlier september.jsonl

The page of the audit trail exports it, and `ramal ctl audit verify` or the page shows the key.
Without --key nobody knows who signed: whoever changed a file can sign it with a key of his own.

Exit codes: 0 the box of that key wrote the file; 3 nothing was changed since somebody signed it,
and no --key says who; 1 it is not good, and the first line that is wrong is named; 2 a file cannot
be read, or the command line is wrong.")]
pub(crate) struct Arguments {
    /// The exported trail.
    file: PathBuf,
    /// The key of the box it has to be from, 64 hexadecimal digits.
    #[arg(long, value_name = "HEX", value_parser = key)]
    key: Option<[u8; 32]>,
    /// A file exported earlier, which it has to go on from: what was taken away since, or replaced,
    /// shows.
    #[arg(long, value_name = "FILE")]
    earlier: Option<PathBuf>,
}

/// Why a file is not good.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// It cannot be read.
    #[error("{0}: {1}")]
    Unread(String, std::io::Error),
    /// It is not as a box wrote it.
    #[error("{0}: {1}")]
    Wrong(String, Wrong),
}

/// Checks the files, and says so.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match verify(arguments) {
        Ok(heading) => {
            // A reader that has seen enough (`| head`) is no failure.
            let _ = writeln!(
                std::io::stdout(),
                "{}",
                said(&heading, arguments.key.is_some())
            );
            match arguments.key {
                Some(_) => ExitCode::SUCCESS,
                None => ExitCode::from(3),
            }
        }
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "{failure}");
            match failure {
                Failure::Wrong(..) => ExitCode::from(1),
                Failure::Unread(..) => ExitCode::from(2),
            }
        }
    }
}

fn said(heading: &Heading, is_key_known: bool) -> String {
    let of_box = hex::encode(heading.of_box);
    let (found, by) = match is_key_known {
        true => (
            "good",
            format!("signed by the box that was named, {of_box}"),
        ),
        false => (
            "unchanged",
            format!(
                "signed by whoever has the key {of_box}. This proves nothing before that is the \
                 key that the box shows: say it with --key"
            ),
        ),
    };
    format!(
        "{found}: entries {} to {}, each fits the one before; exported {} by the clock of whoever \
         signed; {by}",
        heading.first,
        heading.last,
        admin::rfc3339(heading.exported_millis)
    )
}

fn verify(arguments: &Arguments) -> Result<Heading, Failure> {
    let key = arguments.key;
    let earlier = arguments.earlier.as_deref();
    let earlier = earlier.map(|file| read(file, Verifier::new(key, None)));
    read(&arguments.file, Verifier::new(key, earlier.transpose()?))
}

fn read(path: &Path, mut verifier: Verifier) -> Result<Heading, Failure> {
    let name = || path.display().to_string();
    let unread = |error| Failure::Unread(name(), error);
    let mut file = BufReader::new(File::open(path).map_err(unread)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A line is no longer; the rest of one that is would be wrong as well.
        let mut limited = (&mut file).take(LINE_BYTES_MAX as u64);
        if limited.read_until(b'\n', &mut line).map_err(unread)? == 0 {
            break;
        }
        let taken = verifier.line(&line);
        taken.map_err(|wrong| Failure::Wrong(name(), wrong))?;
    }
    verifier
        .end()
        .map_err(|wrong| Failure::Wrong(name(), wrong))
}

fn key(text: &str) -> Result<[u8; 32], Box<dyn Error + Send + Sync>> {
    let mut key = [0; 32];
    hex::decode_to_slice(text.trim(), &mut key)
        .map_err(|_| "write the 64 hexadecimal digits that the box shows")?;
    Ok(key)
}
