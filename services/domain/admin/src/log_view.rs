//! Lines of the box's own log as programs and pages see them.

use ipc::init::{Log, LogLine};
use sansio::UnixTime;
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;

/// A line of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub(crate) struct LogLineView {
    /// When, by the box's clock as it is now: one that was set since moves what is before.
    pub(crate) at: String,
    /// Who says it: `init`, `pbx`, `web` and so on.
    pub(crate) service: String,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub(crate) level: Level,
    pub(crate) text: String,
}

/// How much a line matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "LogLevel")]
pub(crate) enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl Level {
    pub(crate) const ALL: [Self; 5] = [
        Self::Error,
        Self::Warn,
        Self::Info,
        Self::Debug,
        Self::Trace,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// What a line begins with, and the rest of it. What says none, as PID 1 does, informs.
    fn of(text: &str) -> (Self, &str) {
        let text = text.trim_start();
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut levels = Self::ALL.into_iter();
        match levels.find(|it| it.name().to_ascii_uppercase() == word) {
            Some(level) => (level, rest.trim_start()),
            None => (Self::Info, text),
        }
    }
}

/// Which lines are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wish {
    /// Of this service; empty for all.
    pub(crate) service: String,
    /// As grave as this or more.
    pub(crate) level: Level,
    pub(crate) limit: usize,
}

/// The lines that are wanted, newest first.
pub(crate) fn chosen(log: Log, wall: UnixTime, wish: &Wish) -> Vec<LogLineView> {
    let of_service = |it: &LogLine| wish.service.is_empty() || it.service == wish.service;
    let lines = log.lines.into_iter().rev().filter(of_service);
    let view = |line: LogLine| {
        let (level, text) = Level::of(&line.text);
        let ago = log.now_millis.saturating_sub(line.at_millis);
        let ago = i64::try_from(ago).unwrap_or(i64::MAX);
        LogLineView {
            at: with_millis(wall.as_millis().saturating_sub(ago)),
            service: line.service,
            level,
            text: text.to_owned(),
        }
    };
    let lines = lines.map(view).filter(|it| it.level <= wish.level);
    lines.take(wish.limit).collect()
}

/// RFC 3339 with milliseconds.
pub(crate) fn with_millis(unix_millis: i64) -> String {
    let seconds = rfc3339(unix_millis);
    let seconds = seconds.trim_end_matches('Z');
    format!("{seconds}.{:03}Z", unix_millis.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_grave_it_is_or_informs() {
        for (text, level, rest) in [
            ("ERROR it broke", Level::Error, "it broke"),
            (" WARN  late", Level::Warn, "late"),
            ("service pbx runs", Level::Info, "service pbx runs"),
            ("", Level::Info, ""),
        ] {
            assert_eq!(Level::of(text), (level, rest), "{text}");
        }
        assert_eq!(with_millis(1_793_491_200_007), "2026-11-01T00:00:00.007Z");
    }
}
