//! `provision`: what it tells PID 1 of the provisioning file, a line each.

/// What became of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// What it says is kept; services have to look for it.
    Applied,
    /// Nothing of it is left on the disk.
    Wiped,
    /// It is wrong, or not for this box: nothing was changed. The field and the fix, one after the
    /// other.
    Refused(String),
    /// Something else than the file is wrong: it is tried again at the next start.
    Failed(String),
}

impl News {
    /// As it is written to the pipe, without the end of the line.
    #[must_use]
    pub fn to_line(&self) -> String {
        let on_one_line = |text: &str| text.replace(['\n', '\r'], " ");
        match self {
            Self::Applied => APPLIED.to_owned(),
            Self::Wiped => WIPED.to_owned(),
            Self::Refused(reasons) => format!("{REFUSED}{}", on_one_line(reasons)),
            Self::Failed(reason) => format!("{FAILED}{}", on_one_line(reason)),
        }
    }

    /// The same read again; `None` for anything else.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Self> {
        match line {
            APPLIED => Some(Self::Applied),
            WIPED => Some(Self::Wiped),
            other => {
                let text = |word: &str| other.strip_prefix(word).map(str::to_owned);
                let refused = text(REFUSED).map(Self::Refused);
                refused.or_else(|| text(FAILED).map(Self::Failed))
            }
        }
    }
}

const APPLIED: &str = "APPLIED=1";
const WIPED: &str = "WIPED=1";
const REFUSED: &str = "REFUSED=";
const FAILED: &str = "FAILED=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_read_as_it_was_told_on_one_line() {
        for news in [
            News::Applied,
            News::Wiped,
            News::Refused("site.host_name: use 1 to 63 of a-z".into()),
            News::Failed("the disk is full".into()),
        ] {
            assert_eq!(News::from_line(&news.to_line()), Some(news));
        }
        let line = News::Refused("one\ntwo".into()).to_line();
        assert_eq!(line, "REFUSED=one two");
        assert_eq!(News::from_line("READY=1"), None);
    }
}
