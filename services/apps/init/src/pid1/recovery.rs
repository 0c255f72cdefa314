//! The recovery code of the data: given out once to an administrator, and taken from whoever stands
//! before a box whose TPM does not open the key.

use std::cell::RefCell;

use firmware::{Code, FirmwareError, Recovery, RecoveryCode, StateFile};
use ipc::Redacted;
use ipc::init::Reply;
use supervise::Shutdown;

use super::Supervision;
use crate::boot::KeyKept;
use crate::tpm_relay;

impl Supervision {
    /// Gives the code out. That it was is on the disk before: when the power fails in between,
    /// nobody has seen it, and an administrator has another one made.
    pub(super) fn give_recovery_code(&mut self) -> Reply {
        let Some(code) = self.recovery_code.take() else {
            return Reply::NoCode;
        };
        match self.note_code(Code::Shown) {
            Ok(true) => {
                self.tell("the recovery code of the data was given out");
                Reply::RecoveryCode(Redacted::new(code.shown()))
            }
            Ok(false) => Reply::NoCode,
            Err(error) => {
                self.tell(&error.to_string());
                self.recovery_code = Some(code);
                Reply::NoCode
            }
        }
    }

    /// Has the next start make another code.
    pub(super) fn renew_recovery_code(&mut self) -> Reply {
        match self.note_code(Code::Renewed) {
            Ok(true) => {
                self.recovery_code = None;
                Reply::Done
            }
            Ok(false) => Reply::NoCode,
            Err(error) => {
                self.tell(&error.to_string());
                Reply::NoCode
            }
        }
    }

    fn note_code(&self, seen: Code) -> Result<bool, FirmwareError> {
        self.state_file()?.note_code(seen)
    }

    fn state_file(&self) -> Result<StateFile, FirmwareError> {
        let firmware = self.boot.firmware.as_ref();
        StateFile::open(&firmware.ok_or(FirmwareError::NoBootDisk)?.state)
    }

    /// Takes a line that somebody typed; whether it was an attempt at the code that the page asks
    /// for.
    pub(super) fn hear_recovery_code(&mut self, line: &str) -> bool {
        let firmware = self.boot.firmware.as_ref();
        if !firmware.is_some_and(|it| it.key == KeyKept::Locked) || !is_attempt(line) {
            return false;
        }
        let Some(code) = RecoveryCode::parse(line) else {
            self.say(NO_CODE);
            return true;
        };
        match self.recover(&code) {
            Ok(Recovery::Wrong) => {
                self.tell("asked at the box: data opened by a recovery code: it is not theirs");
                self.say(WRONG_CODE);
            }
            Ok(Recovery::Sealed) => self.recovered("the TPM keeps the key of the data again"),
            Ok(Recovery::Open(error)) => {
                if let Some(error) = error {
                    self.tell(&error.to_string());
                }
                self.recovered("the key of the data lies on the disk, beside the data");
            }
            Err(error) => self.tell(&error.to_string()),
        }
        true
    }

    /// PID 1 waits for the TPM here, a minute and a half at the most: no service runs meanwhile
    /// whose end it could miss, and the watchdogs are petted.
    fn recover(&mut self, code: &RecoveryCode) -> Result<Recovery, FirmwareError> {
        let state = self.state_file()?;
        let watchdogs = RefCell::new(&mut self.watchdogs);
        let pet = || watchdogs.borrow_mut().pet();
        state.recover_key(code, |need| tpm_relay::find(need, &pet))
    }

    fn recovered(&mut self, how: &str) {
        self.say(OPENED);
        self.shut_down(
            Shutdown::Restart,
            &format!("asked at the box: data opened by their recovery code; {how}"),
        );
    }
}

/// Not what the menu takes, nor noise: about as long as a code, and nothing but what is in one.
fn is_attempt(line: &str) -> bool {
    let line = line.trim();
    let fits = |it: char| it.is_ascii_alphanumeric() || matches!(it, ' ' | '-');
    ATTEMPT.contains(&line.len()) && line.chars().all(fits)
}

/// A code has 32 letters and digits, 39 with dashes.
const ATTEMPT: std::ops::RangeInclusive<usize> = 24..=64;

const NO_CODE: &str =
    "São 32 letras e algarismos; confira / It has 32 letters and digits; check it";
const WRONG_CODE: &str = "não é o código destes dados / it is not the code of these data";
const OPENED: &str = "aberto; a central reinicia / opened; the box restarts";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_an_attempt_and_what_the_menu_takes_is_none() {
        let code = RecoveryCode::fresh().expect("random").shown();
        for typed in [
            &*code,
            &code.replace('-', " "),
            &code[1..],
            &format!("{code}\r"),
        ] {
            assert!(is_attempt(typed), "{typed}");
        }
        for line in [
            "",
            "menu",
            "ERASE",
            "screen: Ramal - matriz, digite menu e tecle",
            "ramal: stage data 1203, and then something",
            &"x".repeat(100),
        ] {
            assert!(!is_attempt(line), "{line}");
        }
    }
}
