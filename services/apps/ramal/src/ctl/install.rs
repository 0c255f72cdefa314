//! Sending an update file to the box, each time the piece it asks for.

use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::{CtlError, language, refused};

/// Installs `file`, with its progress on standard error.
pub(super) fn install(socket: &Path, file: &Path) -> Result<(), Box<dyn Error>> {
    let name = file.display();
    let opened = File::open(file).map_err(|error| format!("{name}: {error}"))?;
    let version = send(&opened, &name.to_string(), &mut ControlSocket(socket))?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "\nversion {version} is installed; `ramal ctl reboot` starts it"
    )?;
    Ok(())
}

/// The box, and the time it is given.
trait Target {
    /// Sends a request; status and body of the answer.
    fn call(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), Box<dyn Error>>;

    /// Waits before a piece is sent again.
    fn pause(&mut self);
}

struct ControlSocket<'a>(&'a Path);

impl Target for ControlSocket<'_> {
    fn call(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<(u16, Vec<u8>), Box<dyn Error>> {
        let language = language::of_the_terminal();
        let answer = web_server::control::call(self.0, method, path, body, language)?;
        Ok(answer)
    }

    fn pause(&mut self) {
        std::thread::sleep(PAUSE);
    }
}

/// Sends a file until it is installed; as which version.
fn send(file: &File, name: &str, target: &mut impl Target) -> Result<String, Box<dyn Error>> {
    let length = file.metadata()?.len();
    let (mut furthest, mut tries) = (0, 0);
    let mut answer = ask(target, "POST", UPDATE, b"{}")?;
    loop {
        let value = match answer {
            Answer::Done(value) => value,
            // The updater or the store starts again: the box says where it was.
            Answer::Away(error) if tries >= TRIES => return Err(Box::new(error)),
            Answer::Away(_) => {
                tries += 1;
                target.pause();
                answer = resume(target)?;
                continue;
            }
        };
        if let Some(version) = value.get("installed").and_then(Value::as_str) {
            say(length, length);
            return Ok(version.to_owned());
        }
        let next = value.get("next").and_then(Value::as_u64);
        let next = next.ok_or(CtlError::Strange(200))?;
        // An updater that ends at the same place again and again is not helped for ever.
        if next > furthest {
            (furthest, tries) = (next, 0);
        }
        let bytes = value.get("bytes").and_then(Value::as_u64);
        let bytes = bytes.and_then(|it| usize::try_from(it).ok());
        let mut piece = vec![0; bytes.unwrap_or(PIECE).clamp(1, PIECE)];
        let read = file.read_at(&mut piece, next)?;
        if read == 0 {
            return Err(format!("{name} ends too soon; fetch it again").into());
        }
        say(next, length);
        let path = format!("{UPDATE}/{next}");
        answer = ask(target, "POST", &path, piece.get(..read).unwrap_or_default())?;
    }
}

/// Where the box wants to go on. One that has forgotten the update begins it anew, and finds again
/// what it has written.
fn resume(target: &mut impl Target) -> Result<Answer, Box<dyn Error>> {
    let seen = match ask(target, "GET", "/api/firmware", b"")? {
        Answer::Done(seen) => seen,
        Answer::Away(error) => return Ok(Answer::Away(error)),
    };
    match seen.get("update") {
        Some(update) if update.get("next").is_some_and(Value::is_u64) => {
            Ok(Answer::Done(update.clone()))
        }
        Some(_) | None => ask(target, "POST", UPDATE, b"{}"),
    }
}

enum Answer {
    /// What was asked for was done, or the box says where to go on.
    Done(Value),
    /// A part of the box does not answer now, and what it says to that.
    Away(CtlError),
}

/// An answer that says where to go on is one, also when a piece was refused.
fn ask(
    target: &mut impl Target,
    method: &str,
    path: &str,
    body: &[u8],
) -> Result<Answer, Box<dyn Error>> {
    let (status, answer) = target.call(method, path, body)?;
    let answer: Value = serde_json::from_slice(&answer).unwrap_or(Value::Null);
    if (200..300).contains(&status) || answer.get("next").is_some_and(Value::is_u64) {
        return Ok(Answer::Done(answer));
    }
    let error = refused(status, &answer);
    match status {
        SERVICE_UNAVAILABLE => Ok(Answer::Away(error)),
        _ => Err(Box::new(error)),
    }
}

fn say(done: u64, length: u64) {
    let percent = done.saturating_mul(100) / length.max(1);
    // Without a terminal nobody needs to see it.
    let _ = write!(std::io::stderr(), "\rsending the update: {percent} %");
}

const UPDATE: &str = "/api/firmware/update";

/// RFC 9110 §15.6.4.
const SERVICE_UNAVAILABLE: u16 = 503;

/// How often in a row a box that does not answer is asked again: longer than a service takes to be
/// started anew.
const TRIES: u32 = 20;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes: what the web admin takes at once, and some room.
const PIECE: usize = 48 * 1024;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// A box that answers as it is told, and then for ever as it did last.
    struct Script {
        answers: VecDeque<(u16, &'static str)>,
        asked: Vec<String>,
        pauses: u32,
    }

    impl Target for Script {
        fn call(
            &mut self,
            method: &str,
            path: &str,
            _: &[u8],
        ) -> Result<(u16, Vec<u8>), Box<dyn Error>> {
            self.asked.push(format!("{method} {path}"));
            let (status, body) = match self.answers.len() {
                1 => self.answers[0],
                _ => self.answers.pop_front().ok_or("no answer is left")?,
            };
            Ok((status, body.as_bytes().to_vec()))
        }

        fn pause(&mut self) {
            self.pauses += 1;
        }
    }

    fn run(answers: &[(u16, &'static str)]) -> (Result<String, String>, Script) {
        let mut script = Script {
            answers: answers.iter().copied().collect(),
            asked: Vec::new(),
            pauses: 0,
        };
        // Any file with some bytes.
        let file = File::open(std::env::current_exe().expect("a test")).expect("opened");
        let sent = send(&file, "file", &mut script).map_err(|error| error.to_string());
        (sent, script)
    }

    const AWAY: (u16, &str) = (503, r#"{"error": "the updater does not answer"}"#);

    #[test]
    fn a_piece_goes_on_where_the_box_was_when_a_service_was_away() {
        let (sent, script) = run(&[
            (200, r#"{"next": 0}"#),
            (200, r#"{"next": 9}"#),
            AWAY,
            AWAY,
            (200, r#"{"update": {"version": "1", "next": 5}}"#),
            (200, r#"{"next": 9}"#),
            AWAY,
            (200, r#"{"update": null}"#),
            (200, r#"{"next": 0}"#),
            (200, r#"{"installed": "1.5.0"}"#),
        ]);
        assert_eq!(sent.as_deref(), Ok("1.5.0"));
        assert_eq!(script.pauses, 3);
        let at = |place| format!("POST {UPDATE}/{place}");
        let seen = "GET /api/firmware".to_owned();
        let begin = format!("POST {UPDATE}");
        assert_eq!(
            script.asked,
            [
                begin.clone(),
                at(0),
                at(9),
                seen.clone(),
                seen.clone(),
                at(5),
                at(9),
                seen,
                begin,
                at(0)
            ]
        );
    }

    #[test]
    fn a_box_that_does_not_come_back_is_given_up() {
        let (sent, script) = run(&[(200, r#"{"next": 0}"#), AWAY]);
        assert_eq!(sent, Err("the updater does not answer".to_owned()));
        assert_eq!(script.pauses, TRIES);
    }

    #[test]
    fn what_is_refused_is_not_tried_again() {
        let (sent, script) = run(&[(200, r#"{"next": 0}"#), (409, r#"{"error": "not signed"}"#)]);
        assert_eq!((sent, script.pauses), (Err("not signed".to_owned()), 0));
    }
}
