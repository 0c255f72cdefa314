//! `secure-boot`: what it tells PID 1 of the programs on the disk, in one line.

/// Whether firmware that knows nothing but the box's own certificate would start the box.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// All of it.
    Good,
    /// Not this part.
    Bad(Part, Reason),
    /// It could not be told; the log says why.
    Unknown,
}

/// A program that the box starts by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The loader.
    Loader,
    /// The rescue system.
    Rescue,
    /// The system in slot A.
    SlotA,
    /// The system in slot B.
    SlotB,
}

/// Why it would not be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// It is not signed for Secure Boot.
    NotSigned,
    /// Another key has signed it.
    OtherKey,
    /// It is damaged, or cannot be read.
    Damaged,
}

impl Part {
    /// As people name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loader => "loader",
            Self::Rescue => "rescue",
            Self::SlotA => "slot-a",
            Self::SlotB => "slot-b",
        }
    }
}

impl Reason {
    /// As programs name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotSigned => "not-signed",
            Self::OtherKey => "other-key",
            Self::Damaged => "damaged",
        }
    }
}

impl Verdict {
    /// As it is written to the pipe, without the end of the line.
    #[must_use]
    pub fn to_line(self) -> String {
        match self {
            Self::Good => GOOD.to_owned(),
            Self::Bad(part, reason) => format!("{BAD}{} {}", part.name(), reason.name()),
            Self::Unknown => UNKNOWN.to_owned(),
        }
    }

    /// The same read again; `None` for anything else.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        match line {
            GOOD => Some(Self::Good),
            UNKNOWN => Some(Self::Unknown),
            _ => {
                let (part, reason) = line.strip_prefix(BAD)?.split_once(' ')?;
                let part = PARTS.into_iter().find(|it| it.name() == part)?;
                let reason = REASONS.into_iter().find(|it| it.name() == reason)?;
                Some(Self::Bad(part, reason))
            }
        }
    }
}

const PARTS: [Part; 4] = [Part::Loader, Part::Rescue, Part::SlotA, Part::SlotB];
const REASONS: [Reason; 3] = [Reason::NotSigned, Reason::OtherKey, Reason::Damaged];
const GOOD: &str = "SIGNED=all";
const UNKNOWN: &str = "SIGNED=unknown";
const BAD: &str = "REFUSED=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_read_as_it_was_told() {
        let bad = PARTS
            .into_iter()
            .flat_map(|part| REASONS.map(|reason| Verdict::Bad(part, reason)));
        for verdict in bad.chain([Verdict::Good, Verdict::Unknown]) {
            assert_eq!(Verdict::from_line(&verdict.to_line()), Some(verdict));
        }
        for line in [
            "",
            "SIGNED=",
            "REFUSED=slot-b",
            "REFUSED=slot-c damaged",
            "READY=1",
        ] {
            assert_eq!(Verdict::from_line(line), None, "{line}");
        }
    }
}
