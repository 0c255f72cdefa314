//! What the box says to callers.

use std::collections::BTreeMap;

use ipc::site::Prompt as RawPrompt;
use ipc::sound::is_prompt_name;

use crate::fault::Fault;
use crate::wrong::{Report, Wrong};

/// Longest text of what a prompt says, characters: five minutes read fast.
const SAYS_LENGTH_MAX: usize = 2_000;

/// Something the box says to callers. Whether there is a sound for it, `media` knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prompt {
    /// Unique name.
    pub name: String,
    /// What it says; may be empty.
    pub says: String,
}

impl Prompt {
    pub(crate) fn parse_all(raw: &[RawPrompt], faults: &mut Vec<Fault>) -> BTreeMap<String, Self> {
        let mut prompts = BTreeMap::new();
        for prompt in raw {
            let mut report = Report::new(format!("prompt {:?}", prompt.name), faults);
            let named = |name: &str| is_prompt_name(name).then(|| name.to_owned());
            let name = report.take("name", &prompt.name, named, Wrong::NotAPrompt);
            report.lines("says", &prompt.says, SAYS_LENGTH_MAX);
            let Some(name) = name else { continue };
            let says = prompt.says.clone();
            let parsed = Self {
                name: name.clone(),
                says,
            };
            if prompts.insert(name, parsed).is_some() {
                report.wrong("name", Wrong::Twice(prompt.name.clone()));
            }
        }
        prompts
    }

    pub(crate) fn to_ipc(&self) -> RawPrompt {
        RawPrompt {
            name: self.name.clone(),
            says: self.says.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Site;

    fn faults(change: impl FnOnce(&mut ipc::site::Site)) -> Vec<String> {
        let mut raw = Site::factory("ramal").to_ipc();
        raw.prompts = vec![RawPrompt {
            name: "closed".into(),
            says: "We are closed.\nCall tomorrow.".into(),
        }];
        change(&mut raw);
        let parsed = Site::parse(&raw);
        if let Ok(site) = &parsed {
            assert_eq!(site.to_ipc(), raw);
        }
        let faults = parsed.err().unwrap_or_default();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_prompt_has_a_name_that_leads_to_no_other_file_and_only_one_has_it() {
        assert_eq!(faults(|_| ()), [""; 0]);
        for name in ["", "..", "a/b", "horário", "a b", &"a".repeat(41)] {
            let found = faults(|site| site.prompts[0].name = name.into());
            assert_eq!(found.len(), 1, "{name}");
            assert!(found[0].contains("without accents"), "{found:?}");
        }
        let found = faults(|site| site.prompts.push(site.prompts[0].clone()));
        assert!(found[0].contains("is there twice"), "{found:?}");
        let found = faults(|site| site.prompts[0].says = "a".repeat(2_001));
        assert!(found[0].contains("at most 2000"), "{found:?}");
    }

    #[test]
    fn what_plays_a_prompt_is_named_when_there_is_no_such_prompt() {
        let announce = || ipc::site::Destination::Announcement("closed".into());
        let plays = |site: &mut ipc::site::Site| {
            site.parking.otherwise = Some(announce());
            site.dialling.music = "closed".into();
            site.routes = vec![ipc::site::Route {
                name: "night".into(),
                pattern: "!".into(),
                destinations: vec![announce(), ipc::site::Destination::HangUp(480)],
                ..ipc::site::Route::default()
            }];
        };
        assert_eq!(faults(plays), [""; 0]);
        let found = faults(|site| {
            plays(site);
            site.prompts.clear();
        });
        assert_eq!(
            found,
            [
                "parking: otherwise: there is no prompt \"closed\"; create it first or choose \
                 another",
                "dialling: music: there is no prompt \"closed\"; create it first or choose another",
                "route \"night\": destinations: there is no prompt \"closed\"; create it first or \
                 choose another",
            ]
        );
    }
}
