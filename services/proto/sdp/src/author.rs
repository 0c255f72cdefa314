//! Our side of the `o=` line: one id a leg, and a version that grows with each change.

use std::net::IpAddr;

use crate::session::{Line, Session};

/// Writes descriptions for one leg (RFC 3264 §8: the version grows by one exactly when the
/// content changed; phones answer an unchanged version from memory).
#[derive(Clone)]
pub struct Author {
    id: u64,
    version: u64,
    last: Option<Session>,
}

/// Without the description: the keys of the media are in it.
impl std::fmt::Debug for Author {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Author")
            .field("id", &self.id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl Author {
    /// An author with a session id of its own; any number under 2^62 will do.
    #[must_use]
    pub const fn new(id: u64) -> Self {
        let id = id >> 2;
        Self {
            id,
            version: id,
            last: None,
        }
    }

    /// An author as it was, from [`Self::version`] and [`Self::last`].
    #[must_use]
    pub const fn restored(id: u64, version: u64, last: Session) -> Self {
        Self {
            id,
            version,
            last: Some(last),
        }
    }

    /// The session id and the version written last.
    #[must_use]
    pub const fn version(&self) -> (u64, u64) {
        (self.id, self.version)
    }

    /// What was written last.
    #[must_use]
    pub const fn last(&self) -> Option<&Session> {
        self.last.as_ref()
    }

    /// The text of `session` with our own `v=`, `o=` and `s=` in front of its lines.
    pub fn write(&mut self, session: Session, address: IpAddr) -> String {
        if self.last.as_ref().is_some_and(|last| *last != session) {
            self.version = self.version.saturating_add(1);
        }
        let text = self.text(session.clone(), address);
        self.last = Some(session);
        text
    }

    fn text(&self, mut session: Session, address: IpAddr) -> String {
        let kind = if address.is_ipv4() { "IP4" } else { "IP6" };
        let (id, version) = (self.id, self.version);
        let front = [
            Line::new('v', "0"),
            Line::new('o', format!("- {id} {version} IN {kind} {address}")),
            Line::new('s', "-"),
        ];
        session.lines.splice(0..0, front);
        session.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_grows_only_with_a_change() {
        let address = IpAddr::from([192, 0, 2, 1]);
        let session = |value: &str| Session {
            lines: vec![Line::new('t', value)],
            media: vec![],
        };
        let mut author = Author::new(40);
        let first = author.write(session("0 0"), address);
        assert_eq!(
            first,
            "v=0\r\no=- 10 10 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
        );
        assert_eq!(author.write(session("0 0"), address), first);
        assert!(author.write(session("1 1"), address).contains("o=- 10 11 "));
        assert!(author.write(session("0 0"), address).contains("o=- 10 12 "));
    }
}
