//! `machine-keys`: what it tells PID 1 of the variables of the machine's firmware, in one line.

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The machine says this of Secure Boot.
    Says(Says),
    /// It has the keys of the box.
    Given,
    /// It does not answer as it should, or did not take all of the keys; why.
    Failed(String),
}

/// What the machine says of Secure Boot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Says {
    /// Whether it starts only what is signed; `None` when it does not know of such a thing.
    pub is_on: Option<bool>,
    /// Whether it waits for keys (setup mode).
    pub waits: Option<bool>,
    /// Whether it has a list of programs that it never starts.
    pub forbids: bool,
}

impl Answer {
    /// As it is written to the pipe, without the end of the line.
    #[must_use]
    pub fn to_line(&self) -> String {
        match self {
            Self::Says(says) => {
                let (on, waits) = (word(says.is_on), word(says.waits));
                format!("{SAYS}{on} {waits} {}", word(Some(says.forbids)))
            }
            Self::Given => GIVEN.to_owned(),
            Self::Failed(why) => format!("{FAILED}{}", why.replace('\n', " ")),
        }
    }

    /// The same read again; `None` for anything else.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        if line == GIVEN {
            return Some(Self::Given);
        }
        if let Some(why) = line.strip_prefix(FAILED) {
            return Some(Self::Failed(why.to_owned()));
        }
        let mut words = line.strip_prefix(SAYS)?.split(' ').map(answer);
        let says = Says {
            is_on: words.next()??,
            waits: words.next()??,
            forbids: words.next()???,
        };
        words.next().is_none().then_some(Self::Says(says))
    }
}

const fn word(answer: Option<bool>) -> &'static str {
    match answer {
        Some(true) => "yes",
        Some(false) => "no",
        None => "none",
    }
}

fn answer(word: &str) -> Option<Option<bool>> {
    match word {
        "yes" => Some(Some(true)),
        "no" => Some(Some(false)),
        "none" => Some(None),
        _ => None,
    }
}

const SAYS: &str = "SAYS=";
const GIVEN: &str = "GIVEN=1";
const FAILED: &str = "FAILED=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_it_was_told() {
        for is_on in [Some(true), Some(false), None] {
            for waits in [Some(true), Some(false), None] {
                for forbids in [true, false] {
                    let says = Answer::Says(Says {
                        is_on,
                        waits,
                        forbids,
                    });
                    assert_eq!(Answer::from_line(&says.to_line()), Some(says));
                }
            }
        }
        let failed = Answer::Failed("it did\nnothing".into());
        let told = Answer::Failed("it did nothing".into());
        assert_eq!(Answer::from_line(&failed.to_line()), Some(told));
        let given = Answer::Given;
        assert_eq!(Answer::from_line(&given.to_line()), Some(given));
        for line in [
            "",
            "GIVEN=",
            "SAYS=",
            "SAYS=yes no",
            "SAYS=yes no none",
            "SAYS=yes no maybe",
            "SAYS=yes no no no",
            "READY=1",
        ] {
            assert_eq!(Answer::from_line(line), None, "{line}");
        }
    }
}
