//! What the box must answer to strangers and to calls that cannot be put through.

use std::net::SocketAddr;
use std::time::Duration;

use ipc::Redacted;

use crate::desk::SIP_PORT;
use crate::lab::{Lab, LabError};
use crate::lan::{BOX_ADDRESS, LanError};
use crate::probe::{Credentials, Ending, Outcome, Probe, ProbeError};

/// A question and the statuses that came in answer, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// What was asked, in plain words.
    pub question: &'static str,
    /// What came.
    pub statuses: Vec<u16>,
    /// What has to come.
    pub wanted: &'static [u16],
}

impl Answer {
    /// Whether it is the right one.
    pub fn is_right(&self) -> bool {
        self.statuses
            .iter()
            .filter(|status| **status != TRYING)
            .eq(self.wanted)
    }
}

/// Asks from the lab's router, as a computer on the office network could. `caller` is an extension
/// with its right password; `absent` is one where no phone is registered.
///
/// # Errors
/// A question was not answered at all.
pub fn ask_all(lab: &Lab, caller: &Credentials, absent: &str) -> Result<Vec<Answer>, LabError> {
    let wrong = Credentials {
        password: wrong_password(),
        ..caller.clone()
    };
    let nobody = Credentials {
        extension: NOBODY.to_owned(),
        password: wrong_password(),
    };
    let (absent, right) = (absent.to_owned(), caller.clone());
    let ask = move || -> Result<Vec<Answer>, ProbeError> {
        let mut probe = Probe::udp(SocketAddr::from((BOX_ADDRESS, SIP_PORT)))?;
        probe = probe.patient_for(ANSWER_MAX);
        let mut invite = |to: &str| probe.invite(&right, to, Ending::HangUp);
        let unknown = invite(NOBODY)?;
        let mut unregistered = invite(&absent)?;
        // The exchange takes a new site a moment after the store has it; asking is the only way to
        // learn of it, and each question takes the box some time, so this is not a busy loop.
        for _attempt in 1..QUESTIONS_MAX {
            if !unregistered.statuses.contains(&NOT_FOUND) {
                break;
            }
            unregistered = invite(&absent)?;
        }
        Ok(vec![
            answer(
                "REGISTER with a wrong password",
                probe.register(&wrong, 60)?,
                &[401, 403],
            ),
            answer(
                "REGISTER of an unknown extension",
                probe.register(&nobody, 60)?,
                &[401, 403],
            ),
            answer(
                "INVITE without a password",
                probe.invite_as_stranger("100", "101")?,
                &[401],
            ),
            answer("INVITE to an unknown extension", unknown, &[401, 404]),
            answer(
                "INVITE to an extension without a phone",
                unregistered,
                &[401, 480],
            ),
        ])
    };
    Ok(lab.lan().namespace().run(ask).map_err(LanError::from)??)
}

fn answer(question: &'static str, outcome: Outcome, wanted: &'static [u16]) -> Answer {
    Answer {
        question,
        statuses: outcome.statuses,
        wanted,
    }
}

fn wrong_password() -> Redacted<String> {
    Redacted::new("not-the-password".to_owned())
}

/// An extension no lab creates.
const NOBODY: &str = "999";

/// What an extension is answered with that the exchange does not know yet.
const NOT_FOUND: u16 = 404;

/// Far more than a new site takes.
const QUESTIONS_MAX: u32 = 20;

/// `100 Trying` may come or not.
const TRYING: u16 = 100;

/// A few times what an emulated box needs.
const ANSWER_MAX: Duration = Duration::from_secs(15);
