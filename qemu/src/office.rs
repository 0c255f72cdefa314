//! A small office: the lab with two extensions and a phone for each, ready to talk.

use std::time::Duration;

use image::progress;
use ipc::Redacted;
use serde_json::Value;

use crate::box_api::{ApiError, BoxApi};
use crate::desk::{Desk, DeskPlan};
use crate::lab::{ADMINISTRATOR, Lab, LabError};
use crate::sound::Heard;
use crate::talk::Talk;

/// The lab with its people.
pub struct Office {
    // Order matters: phones go before the network they are on.
    /// Extension 100.
    pub first: Desk,
    /// Extension 101.
    pub second: Desk,
    /// A signed-in session of the administrator.
    pub api: BoxApi,
    /// The administrator's password.
    pub password: Redacted<String>,
    /// The lab.
    pub lab: Lab,
}

/// What a call proved.
#[derive(Clone, Debug)]
pub struct CallProof {
    /// What extension 100 heard.
    pub first_heard: Heard,
    /// What extension 101 heard.
    pub second_heard: Heard,
    /// The digits 101 received.
    pub digits: String,
}

impl Office {
    /// Does what an installer does on a box that is ready: signs in, creates the extensions, and
    /// puts phones on two desks. The phones are registered when this returns.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn open(mut lab: Lab) -> Result<Self, LabError> {
        progress::step("Signing in as the installer and creating extensions 100 and 101");
        let (api, password) = lab.first_sign_in()?;
        let (first, second) = (DeskPlan::first(), DeskPlan::second());
        let first_password = api.create_extension(&first.extension, "Reception")?;
        let second_password = api.create_extension(&second.extension, "Workshop")?;
        progress::step("Starting two phones");
        let first = Desk::set_up(&lab, &first, Redacted::new(first_password))?;
        let second = Desk::set_up(&lab, &second, Redacted::new(second_password))?;
        first.phone().wait_registered(REGISTER_MAX)?;
        second.phone().wait_registered(REGISTER_MAX)?;
        Ok(Self {
            first,
            second,
            api,
            password: Redacted::new(password),
            lab,
        })
    }

    /// Sends the phones home and keeps the lab.
    pub fn close(self) -> Lab {
        self.lab
    }

    /// Signs in again, after a restart of the box.
    ///
    /// # Errors
    /// The box refused.
    pub fn sign_in(&mut self) -> Result<(), LabError> {
        self.api = self.lab.api();
        self.api.sign_in(ADMINISTRATOR, self.password.reveal())?;
        Ok(())
    }

    /// Sets up a call from 100 to 101; both are talking when this returns.
    ///
    /// # Errors
    /// The call was not set up.
    pub fn connect(&self) -> Result<Talk<'_>, LabError> {
        let number = &self.second.phone().config().extension;
        Talk::begin(&self.first, number, &self.second)
    }

    /// The call of 100 and 101 that [`Self::connect`] set up.
    pub const fn talk(&self) -> Talk<'_> {
        Talk {
            caller: &self.first,
            callee: &self.second,
        }
    }

    /// A whole call: tones both ways, digits from 100 to 101, ended by 100.
    ///
    /// # Errors
    /// The first thing that failed.
    pub fn prove_call(&self) -> Result<CallProof, LabError> {
        let talk = self.connect()?;
        talk.listen(TALK)?;
        self.first.phone().send_digits(DIGITS)?;
        self.second.phone().wait_digits(DIGITS, ANSWER_MAX)?;
        let digits = self.second.phone().digits();
        // A phone reports a digit when it begins; the record counts those that have ended.
        talk.listen(TALK + DIGITS_MAX)?;
        talk.end()?;
        let (first_heard, second_heard) = talk.prove_sound()?;
        Ok(CallProof {
            first_heard,
            second_heard,
            digits,
        })
    }

    /// The newest call record, once it says the call is over.
    ///
    /// # Errors
    /// There is none, or the box does not answer.
    pub fn newest_call(&self) -> Result<Value, LabError> {
        let path = || "/api/calls".to_owned();
        let missing = |field: &str| ApiError::Field {
            path: path(),
            field: field.to_owned(),
        };
        // A record becomes durable a moment after the phones have hung up. Asking is the only way
        // to learn of it, and each question takes the box some time, so this is not a busy loop.
        let mut newest = Value::Null;
        for _attempt in 0..RECORD_QUESTIONS_MAX {
            newest = self.api.calls(1)?.into_iter().next().unwrap_or(Value::Null);
            if newest.get("ended").is_some_and(|ended| !ended.is_null()) {
                return Ok(newest);
            }
        }
        let problem = if newest.is_null() {
            "call record"
        } else {
            "end of the call"
        };
        Err(missing(problem).into())
    }

    /// The record of a call as the box has it now.
    ///
    /// # Errors
    /// It has none with that id, or does not answer.
    pub fn same_call(&self, record: &Value) -> Result<Value, LabError> {
        let calls = self.api.calls(RECORDS_MAX)?;
        let found = calls
            .into_iter()
            .find(|call| call.get("id") == record.get("id"));
        let missing = || ApiError::Field {
            path: "/api/calls".to_owned(),
            field: format!("call with the id {:?}", record.get("id")),
        };
        Ok(found.ok_or_else(missing)?)
    }

    /// Memory that is in use and memory there is, KiB, as the kernel of the box counts: what
    /// it has set apart for itself before it counted, and caches it can drop, are in neither.
    ///
    /// # Errors
    /// The box does not answer.
    pub fn memory_kib(&self) -> Result<(u64, u64), LabError> {
        let status = self.api.status()?;
        let field = |name: &str| {
            let value = status.get("machine").and_then(|it| it.get(name));
            value
                .and_then(Value::as_u64)
                .ok_or_else(|| ApiError::Field {
                    path: "/api/status".to_owned(),
                    field: format!("machine.{name}"),
                })
        };
        let there = field("memory_kib")?;
        Ok((there.saturating_sub(field("available_kib")?), there))
    }

    /// Memory that all our processes on the box occupy together, KiB.
    ///
    /// # Errors
    /// The box does not answer.
    pub fn resident_kib(&self) -> Result<u64, LabError> {
        let status = self.api.status()?;
        let services = status.get("services").and_then(Value::as_array).cloned();
        let resident = |service: &Value| service.get("resident_kib").and_then(Value::as_u64);
        Ok(services
            .unwrap_or_default()
            .iter()
            .filter_map(resident)
            .sum())
    }
}

/// What 100 sends to 101.
pub const DIGITS: &str = "159*0#";

/// Both must have heard this much: enough to measure frequency and level well.
const TALK: Duration = Duration::from_secs(4);

/// Six digits of 180 ms, and as long again until the last one is over.
const DIGITS_MAX: Duration = Duration::from_secs(3);

/// A registration takes two round trips; the box is emulated.
const REGISTER_MAX: Duration = Duration::from_secs(20);

/// For each step of a call.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// More than a lab makes.
const RECORDS_MAX: u32 = 100;

/// Each takes the emulated box a tenth of a second or more.
const RECORD_QUESTIONS_MAX: u32 = 50;
