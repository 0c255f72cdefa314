//! `application/simple-message-summary`: how many messages wait (RFC 3842 §5.2).

use std::fmt;

use crate::list::{decimal, trim};

/// How many messages of one kind there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MessageCounts {
    /// Not heard yet.
    pub new: u32,
    /// Heard and kept.
    pub old: u32,
    /// Urgent among the new.
    pub urgent_new: u32,
    /// Urgent among the old.
    pub urgent_old: u32,
}

/// What a phone needs for its lamp.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MessageSummary {
    /// Whether anything waits.
    pub waiting: bool,
    /// Whom to call to hear them, a URI.
    pub account: Option<String>,
    /// Voice messages, when counted.
    pub voice: Option<MessageCounts>,
}

impl MessageSummary {
    /// What stands in Content-Type.
    pub const CONTENT_TYPE: &'static str = "application/simple-message-summary";

    /// Reads a body; `None` without a legible Messages-Waiting line. Other lines are passed over.
    #[must_use]
    pub fn parse(body: &[u8]) -> Option<Self> {
        let mut waiting = None;
        let mut summary = Self::default();
        for line in body.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            // An empty line parts the counts from the messages' own fields.
            let Some(at) = memchr::memchr(b':', line) else {
                break;
            };
            let (name, value) = line.split_at_checked(at)?;
            let value = trim(value.get(1..)?);
            match trim(name).to_ascii_lowercase().as_slice() {
                b"messages-waiting" => {
                    waiting = match value.to_ascii_lowercase().as_slice() {
                        b"yes" => Some(true),
                        b"no" => Some(false),
                        _ => return None,
                    }
                }
                b"message-account" => {
                    let account = str::from_utf8(value).ok();
                    let account = account.filter(|text| !text.contains(char::is_control));
                    summary.account = account.map(str::to_owned);
                }
                b"voice-message" => summary.voice = MessageCounts::parse(value),
                _ => {}
            }
        }
        summary.waiting = waiting?;
        Some(summary)
    }

    /// The body.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl MessageCounts {
    /// `new/old` or `new/old (urgent-new/urgent-old)`.
    fn parse(text: &[u8]) -> Option<Self> {
        let (all, urgent) = match memchr::memchr(b'(', text) {
            Some(at) => {
                let (all, urgent) = text.split_at_checked(at)?;
                (all, urgent.get(1..)?.strip_suffix(b")")?)
            }
            None => (text, &b"0/0"[..]),
        };
        let pair = |text: &[u8]| {
            let at = memchr::memchr(b'/', text)?;
            let (one, two) = text.split_at_checked(at)?;
            Some((decimal(trim(one))?, decimal(trim(two.get(1..)?))?))
        };
        let (new, old) = pair(all)?;
        let (urgent_new, urgent_old) = pair(urgent)?;
        Some(Self {
            new,
            old,
            urgent_new,
            urgent_old,
        })
    }
}

impl fmt::Display for MessageSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = if self.waiting { "yes" } else { "no" };
        write!(f, "Messages-Waiting: {waiting}\r\n")?;
        if let Some(account) = &self.account {
            let account = account.replace(char::is_control, "");
            write!(f, "Message-Account: {account}\r\n")?;
        }
        let Some(voice) = self.voice else {
            return Ok(());
        };
        let MessageCounts {
            new,
            old,
            urgent_new,
            urgent_old,
        } = voice;
        write!(
            f,
            "Voice-Message: {new}/{old} ({urgent_new}/{urgent_old})\r\n"
        )
    }
}
