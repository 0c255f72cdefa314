//! Causes and wishes as they are printed: without bytes of messages and rows, which hold digests of
//! passwords and the keys of the media.

use std::fmt;

use super::{Input, Output, SoundEvent, SoundRequest};

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(version, _) => write!(f, "Config({version})"),
            Self::Datagram(datagram) => datagram.fmt(f),
            Self::StreamOpened {
                stream,
                transport,
                remote,
                local,
            } => write!(f, "StreamOpened({stream}, {transport} {remote} -> {local})"),
            Self::StreamBytes { stream, bytes } => {
                write!(f, "StreamBytes({stream}, {} bytes)", bytes.len())
            }
            Self::StreamClosed { stream } => write!(f, "StreamClosed({stream})"),
            Self::Resolved { id, hops, ttl_secs } => {
                write!(f, "Resolved({id}, {hops:?}, {ttl_secs})")
            }
            Self::LastWith { id, extension } => write!(f, "LastWith({id}, {extension:?})"),
            Self::Sound { endpoint, reply } => write!(f, "Sound({endpoint}, {reply:?})"),
            // Which key it was may be a part of somebody's PIN.
            Self::SoundEvent(SoundEvent::Digit { id, .. }) => write!(f, "SoundEvent(key at {id})"),
            Self::SoundEvent(event) => write!(f, "SoundEvent({event:?})"),
            Self::StoredCalls(rows) => write!(f, "StoredCalls({} rows)", rows.len()),
            Self::Stored(stored) => write!(f, "Stored({stored:?})"),
            Self::StoredRegistrations(rows) => {
                write!(f, "StoredRegistrations({} rows)", rows.len())
            }
            Self::StoredSpent(spent) => write!(f, "StoredSpent({spent:?})"),
            Self::Neighbours(networks) => write!(f, "Neighbours({networks:?})"),
            Self::Around(around) => write!(f, "Around({around:?})"),
            Self::Seen(sight) => write!(f, "Seen({sight:?})"),
            Self::Bans(bans) => write!(f, "Bans({bans:?})"),
            Self::WallClock(unix) => write!(f, "WallClock({unix:?})"),
            Self::Shutdown => f.write_str("Shutdown"),
            Self::Timer => f.write_str("Timer"),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit { flow, bytes } => {
                write!(f, "Transmit({} bytes to {})", bytes.len(), flow.remote)
            }
            Self::CloseStream(stream) => write!(f, "CloseStream({stream})"),
            Self::Connect {
                stream,
                hop,
                server_name,
                ..
            } => write!(f, "Connect({stream}, {hop:?}, {server_name})"),
            Self::Resolve { id, query } => write!(f, "Resolve({id}, {query:?})"),
            // Whose number it is, is nobody's business but the store's.
            Self::LastWith { id, .. } => write!(f, "LastWith({id}, a number)"),
            Self::Sound(SoundRequest::Dial { id, .. }) => write!(f, "Sound(keys at {id})"),
            Self::Sound(request) => write!(f, "Sound({request:?})"),
            Self::Checkpoint { key, call } => {
                let length = call.as_ref().map(Vec::len);
                write!(f, "Checkpoint({key}, {length:?} bytes)")
            }
            Self::Persist(records) => write!(f, "Persist({records:?})"),
            Self::PersistSpent(spent) => write!(f, "PersistSpent({spent:?})"),
            Self::PersistRegistrations(rows) => {
                write!(f, "PersistRegistrations({} rows)", rows.len())
            }
            Self::Change(change) => write!(f, "Change({change:?})"),
            Self::Found(finding) => write!(f, "Found({finding:?})"),
            Self::Seen(sighting) => write!(f, "Seen({sighting:?})"),
            Self::Outsider(source) => write!(f, "Outsider({source})"),
            Self::Protect(guests) => write!(f, "Protect({guests:?})"),
            Self::Event(event) => write!(f, "Event({event:?})"),
            Self::Stopped => f.write_str("Stopped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_messages_and_rows_are_not_printed() {
        let stream = Input::StreamBytes {
            stream: 7,
            bytes: b"secret".to_vec(),
        };
        assert_eq!(format!("{stream:?}"), "StreamBytes(7, 6 bytes)");
        let rows = Input::StoredCalls(vec![(1, b"secret".to_vec())]);
        assert_eq!(format!("{rows:?}"), "StoredCalls(1 rows)");
        let row = Output::Checkpoint {
            key: 1,
            call: Some(b"secret".to_vec()),
        };
        assert_eq!(format!("{row:?}"), "Checkpoint(1, Some(6) bytes)");
    }

    #[test]
    fn the_number_that_somebody_is_asked_about_is_not_printed() {
        let asked = Output::LastWith {
            id: 3,
            number: ipc::Redacted::new("+5548999990021".to_owned()),
            since_millis: 7,
        };
        assert_eq!(format!("{asked:?}"), "LastWith(3, a number)");
    }

    #[test]
    fn keys_that_somebody_presses_are_not_printed() {
        let pressed = Input::SoundEvent(SoundEvent::Digit {
            id: 1,
            digit: '9',
            millis: 100,
        });
        assert_eq!(format!("{pressed:?}"), "SoundEvent(key at 1)");
        let dialled = Output::Sound(SoundRequest::Dial {
            id: 1,
            digits: "99".to_owned(),
        });
        assert_eq!(format!("{dialled:?}"), "Sound(keys at 1)");
    }
}
