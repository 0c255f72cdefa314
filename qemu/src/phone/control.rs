//! The control connection of baresip (module `ctrl_tcp`): JSON objects in netstrings over TCP.

use std::io::{self, ErrorKind, Read, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::Event;
use super::board::{Answer, Board, State};

/// Sends one command. The token comes back with its answer.
pub(super) fn send(
    mut stream: &TcpStream,
    command: &str,
    parameters: Option<&str>,
    token: &str,
) -> io::Result<()> {
    let mut object = json!({ "command": command, "token": token });
    if let (Some(parameters), Some(map)) = (parameters, object.as_object_mut()) {
        map.insert("params".to_owned(), parameters.into());
    }
    let text = object.to_string();
    stream.write_all(format!("{}:{text},", text.len()).as_bytes())
}

/// Reads what the phone tells until the connection ends.
pub(super) fn read_all(mut stream: TcpStream, board: &Board) {
    let mut buffer = Vec::new();
    let mut chunk = [0; 4096];
    // A broken connection is an ended one: whoever waits is told either way.
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        buffer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        loop {
            match next_netstring(&mut buffer) {
                Ok(Some(text)) => board.change(|state| note(&text, state)),
                Ok(None) => break,
                Err(error) => {
                    board.change(|state| state.note_line(format!("control connection: {error}")));
                    return board.change(|state| state.ended = true);
                }
            }
        }
    }
    board.change(|state| state.ended = true);
}

/// Takes one netstring out of the buffer, when it is there whole.
fn next_netstring(buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let bad = |what| io::Error::new(ErrorKind::InvalidData, what);
    let Some(colon) = buffer
        .iter()
        .take(LENGTH_DIGITS_MAX + 1)
        .position(|byte| *byte == b':')
    else {
        let waiting = buffer.len() <= LENGTH_DIGITS_MAX;
        return if waiting {
            Ok(None)
        } else {
            Err(bad("no length of a netstring"))
        };
    };
    let digits = buffer
        .get(..colon)
        .and_then(|digits| str::from_utf8(digits).ok());
    let size: Option<usize> = digits.and_then(|digits| digits.parse().ok());
    let size = size.ok_or_else(|| bad("not the length of a netstring"))?;
    let end = colon + 1 + size;
    match buffer.get(end) {
        None => Ok(None),
        Some(b',') => {
            let text = buffer.get(colon + 1..end).unwrap_or_default().to_vec();
            buffer.drain(..=end);
            Ok(Some(text))
        }
        Some(_other) => Err(bad("a netstring without its comma")),
    }
}

/// Notes one message of the phone: an answer, an event, or what only the state keeps.
fn note(text: &[u8], state: &mut State) {
    let Ok(object) = serde_json::from_slice::<Value>(text) else {
        return state.note_line("control connection: not JSON".to_owned());
    };
    let field = |name: &str| {
        object
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    if object.get("response").is_some() {
        let ok = object
            .get("ok")
            .and_then(Value::as_bool)
            .unwrap_or_default();
        return state.note_answer(Answer {
            token: field("token"),
            ok,
            text: field("data"),
        });
    }
    let detail = field("param");
    let event = match field("type").as_str() {
        "REGISTER_OK" => Event::Registered,
        "REGISTER_FAIL" => Event::RegisterFailed { reason: detail },
        "CALL_INCOMING" => Event::Incoming {
            from: field("peeruri"),
        },
        "CALL_RINGING" => Event::Ringing,
        "CALL_PROGRESS" => Event::Progress,
        "CALL_ESTABLISHED" => Event::Established {
            peer: field("peeruri"),
        },
        "CALL_CLOSED" => Event::Closed { reason: detail },
        "AUDIO_ERROR" => Event::SoundFailed { reason: detail },
        "CALL_DTMF_START" => return state.digits.push_str(&detail),
        "VU_RX_REPORT" => return state.sound_reports = state.sound_reports.saturating_add(1),
        // The rest tells what its own commands do, or what nobody asks for.
        _other => return,
    };
    state.note(event);
}

/// baresip writes lengths of at most six digits.
const LENGTH_DIGITS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::{Event, State, next_netstring, note};

    #[test]
    fn netstrings_are_taken_out_one_by_one_and_waited_for() {
        let mut buffer = b"5:hello,3:yo".to_vec();
        assert_eq!(next_netstring(&mut buffer).unwrap().unwrap(), b"hello");
        assert!(next_netstring(&mut buffer).unwrap().is_none());
        buffer.extend_from_slice(b"u,");
        assert_eq!(next_netstring(&mut buffer).unwrap().unwrap(), b"you");
        assert!(next_netstring(&mut buffer).unwrap().is_none());
    }

    #[test]
    fn a_broken_netstring_ends_the_connection() {
        for broken in [
            &b"1234567:"[..],
            b"x:",
            b"2:abc,",
            b"-1:,",
            b"{\"event\":true}",
        ] {
            assert!(next_netstring(&mut broken.to_vec()).is_err());
        }
    }

    #[test]
    fn events_answers_and_digits_are_told_apart() {
        let mut state = State::default();
        let mut tell = |text: &str| note(text.as_bytes(), &mut state);
        tell(r#"{"event":true,"type":"CALL_ESTABLISHED","peeruri":"sip:101@10.0.0.1"}"#);
        tell(r#"{"event":true,"type":"CALL_DTMF_START","param":"4"}"#);
        tell(r#"{"event":true,"type":"CALL_DTMF_END"}"#);
        tell(r#"{"event":true,"type":"CALL_DTMF_START","param":"2"}"#);
        tell(r#"{"event":true,"type":"CALL_CLOSED","param":"486 Busy Here"}"#);
        tell(r#"{"response":true,"ok":false,"data":"no","token":"7"}"#);
        tell("{");
        assert_eq!(state.digits, "42");
        let peer = "sip:101@10.0.0.1".to_owned();
        let closed = Event::Closed {
            reason: "486 Busy Here".to_owned(),
        };
        assert_eq!(state.events, [Event::Established { peer }, closed]);
        let answer = state.answers.pop_front().unwrap();
        assert_eq!(
            (answer.ok, answer.text.as_str(), answer.token.as_str()),
            (false, "no", "7")
        );
        assert!(state.log().contains("not JSON"));
    }
}
