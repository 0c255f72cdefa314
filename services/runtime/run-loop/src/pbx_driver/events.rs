//! What the node reports, as log lines: calls by their id, refusals without secrets.

use std::net::IpAddr;
use std::time::Duration;

use config::masked;
use pbx::{AuthFailure, Event, Limit, PeerFault, UnregisterCause};
use sansio::Instant;

/// Lines a stranger can cause in one [`WINDOW`]; a flood must not fill the log ring.
const STRANGERS_LINES_MAX: u32 = 50;

/// How long a count of strangers' lines runs.
const WINDOW: Duration = Duration::from_secs(10);

/// Writes events to the log.
#[derive(Debug, Default)]
pub(super) struct EventLog {
    window: Instant,
    lines: u32,
    withheld: u64,
}

impl EventLog {
    /// Writes one event.
    pub(super) fn write(&mut self, now: Instant, event: &Event) {
        if is_of_strangers(event) && !self.has_room(now) {
            return;
        }
        match event {
            Event::Configured { version } => tracing::info!(version, "configured"),
            Event::Registered { extension, flow } => {
                tracing::info!(extension, from = %flow.remote, by = %flow.transport, "registered");
            }
            Event::Unregistered {
                extension,
                flow,
                cause,
            } => {
                let cause = unregister_cause(*cause);
                tracing::info!(extension, from = %flow.remote, cause, "unregistered");
            }
            Event::AuthFailure {
                class,
                extension,
                source,
                transport,
            } => {
                let why = auth_failure(*class);
                tracing::warn!(extension, from = %source, by = %transport, why, "not let in");
            }
            Event::PeerFault {
                fault,
                source,
                transport,
            } => {
                let fault = peer_fault(fault);
                let text = format!("a peer broke the protocol: {fault}");
                tracing::info!(from = %source, by = %transport, "{text}");
            }
            Event::CallStarted {
                id,
                from,
                to,
                source,
            } => {
                call_started(id, from, to, *source);
            }
            Event::CallLeg { id, call_id } => tracing::debug!(call = id, call_id, "a leg of it"),
            Event::CalledBack { id, extension } => called_back(id, extension),
            Event::CallAnswered { id } => tracing::info!(call = id, "call answered"),
            Event::CallEnded {
                id,
                outcome,
                status,
            } => {
                tracing::info!(call = id, ?outcome, status, "call ended");
            }
            Event::TrunkUp { trunk } => tracing::info!(trunk, "trunk is up"),
            Event::TrunkDown { trunk, reason } => {
                tracing::warn!(trunk, reason, "trunk is down");
            }
            Event::MediaFailed { id, reason } => {
                tracing::warn!(call = id, "no media: {reason}");
            }
            Event::RecordingBegun { id, file } => {
                tracing::info!(call = id, file, "call is recorded");
            }
            Event::RecordingFailed { id, reason } => {
                tracing::warn!(call = id, "call is not recorded: {reason}");
            }
            Event::LimitReached { limit } => {
                tracing::warn!("turned somebody away: too many {}", limit_name(*limit));
            }
        }
    }

    fn has_room(&mut self, now: Instant) -> bool {
        if now - self.window >= WINDOW {
            if self.withheld > 0 {
                let withheld = std::mem::take(&mut self.withheld);
                tracing::warn!(withheld, "more of the same was not written");
            }
            self.window = now;
            self.lines = 0;
        }
        let room = self.lines < STRANGERS_LINES_MAX;
        if room {
            self.lines += 1;
        } else {
            self.withheld += 1;
        }
        room
    }
}

/// The log is on the monitor and the serial line, before whoever stands there: numbers of people
/// outside are masked, but for who looks for a fault.
fn call_started(id: &str, from: &str, to: &str, source: IpAddr) {
    let (shown_from, shown_to) = (masked(from), masked(to));
    tracing::info!(call = id, from = shown_from, to = shown_to, %source, "call started");
    tracing::debug!(call = id, from, to, "its numbers");
}

/// Without the number: the extension is enough to see why it rings first.
fn called_back(id: &str, extension: &str) {
    tracing::info!(call = id, extension, "call goes back to who had it last");
}

/// Whether somebody without an account can cause it at will.
const fn is_of_strangers(event: &Event) -> bool {
    match event {
        Event::AuthFailure { .. } | Event::PeerFault { .. } | Event::LimitReached { .. } => true,
        Event::Configured { .. }
        | Event::Registered { .. }
        | Event::Unregistered { .. }
        | Event::CallStarted { .. }
        | Event::CallLeg { .. }
        | Event::CalledBack { .. }
        | Event::CallAnswered { .. }
        | Event::CallEnded { .. }
        | Event::TrunkUp { .. }
        | Event::TrunkDown { .. }
        | Event::MediaFailed { .. }
        | Event::RecordingBegun { .. }
        | Event::RecordingFailed { .. } => false,
    }
}

const fn unregister_cause(cause: UnregisterCause) -> &'static str {
    match cause {
        UnregisterCause::Asked => "the phone said so",
        UnregisterCause::Expired => "it did not register again in time",
        UnregisterCause::ConnectionClosed => "its connection closed",
        UnregisterCause::Replaced => "a newer contact took its place",
        UnregisterCause::Reconfigured => "the extension was changed",
    }
}

const fn auth_failure(class: AuthFailure) -> &'static str {
    match class {
        AuthFailure::WrongPassword => "wrong password",
        AuthFailure::UnknownUser => "no such extension",
        AuthFailure::RemoteNotAllowed => "this extension may not be used from outside",
        AuthFailure::Malformed => "malformed credentials",
        AuthFailure::BadNonce => "a nonce that is not ours or was used before",
        AuthFailure::LockedOut => "too many wrong passwords before",
        AuthFailure::WrongPin => "wrong PIN",
        AuthFailure::OtherExtension => "credentials of another extension",
    }
}

fn peer_fault(fault: &PeerFault) -> String {
    match fault {
        PeerFault::Unreadable { reason } => format!("not readable as SIP: {reason}"),
        PeerFault::BadDescription { reason } => format!("not a usable description: {reason}"),
        PeerFault::CSeqTooLow => "a CSeq lower than the dialog's".to_owned(),
        PeerFault::UnknownDialog => "a request outside any dialog".to_owned(),
        PeerFault::BadStream { reason } => format!("a stream that is not SIP: {reason}"),
    }
}

const fn limit_name(limit: Limit) -> &'static str {
    match limit {
        Limit::Calls => "calls",
        Limit::Registrations => "registrations",
        Limit::Streams => "connections",
        Limit::Transactions => "transactions",
        Limit::Subscriptions => "subscriptions",
        Limit::Spend => "minutes or money spent",
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write as _};
    use std::sync::{Arc, Mutex};

    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Level, Metadata, Subscriber};

    use super::*;

    /// Keeps what is logged at this level.
    struct Lines(Level, Arc<Mutex<String>>);

    struct Fields<'a>(&'a mut String);

    impl Visit for Fields<'_> {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let _ = write!(self.0, "{field}={value:?} ");
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            *metadata.level() <= self.0
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            event.record(&mut Fields(&mut self.1.lock().expect("one thread")));
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn numbers_of_people_outside_are_in_no_line_of_the_usual_log() {
        let said = |level| {
            let text = Arc::new(Mutex::new(String::new()));
            let lines = Lines(level, Arc::clone(&text));
            tracing::subscriber::with_default(lines, || {
                let event = Event::CallStarted {
                    id: "1-a".into(),
                    from: "+5548999990021".into(),
                    to: "100".into(),
                    source: "192.0.2.1".parse().expect("an address"),
                };
                EventLog::default().write(Instant::ORIGIN, &event);
            });
            text.lock().expect("one thread").clone()
        };
        let usual = said(Level::INFO);
        assert!(
            usual.contains("call started") && usual.contains("to=\"100\""),
            "{usual}"
        );
        assert!(
            usual.contains("21\"") && !usual.contains("99990"),
            "{usual}"
        );
        assert!(said(Level::DEBUG).contains("+5548999990021"));
    }

    #[test]
    fn a_flood_of_strangers_is_counted_instead_of_written() {
        let mut log = EventLog::default();
        let event = Event::LimitReached {
            limit: Limit::Calls,
        };
        for _ in 0..STRANGERS_LINES_MAX + 7 {
            log.write(Instant::ORIGIN, &event);
        }
        assert_eq!((log.lines, log.withheld), (STRANGERS_LINES_MAX, 7));
        log.write(Instant::ORIGIN + WINDOW, &event);
        assert_eq!((log.lines, log.withheld), (1, 0));
    }
}
