//! `cargo qemu up --check`: the product's promise, proved in one run.
//!
//! Two real phones talk through the box, and the call is on record, also after a restart.

use std::time::Duration;

use image::cargo::Profile;
use image::progress;
use serde_json::Value;

use crate::lab::{Lab, LabError, Plan};
use crate::leftovers;
use crate::office::{DIGITS, Office};
use crate::questions;

/// Why the check failed.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Something did not work.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// Something worked, but not as promised.
    #[error("{0}")]
    Broken(String),
}

/// Runs the check on an image of this profile and gives its evidence, a line each.
///
/// # Errors
/// The first promise that was not kept.
pub fn check(plan: &Plan, profile: Profile) -> Result<Vec<String>, CheckError> {
    let mounts = leftovers::mounts();
    let mut evidence = Vec::new();
    let lab = Lab::start(plan, profile)?;
    let mut office = start(lab, &mut evidence)?;
    let record = call(&office, &mut evidence)?;
    questions(&office, &mut evidence)?;
    restart(&mut office, &record, &mut evidence)?;
    drop(office);
    let left = leftovers::found(&mounts);
    if !left.is_empty() {
        return Err(CheckError::Broken(format!(
            "left behind: {}",
            left.join(", ")
        )));
    }
    say(
        &mut evidence,
        "after the run: no process, namespace, mount or file is left".to_owned(),
    );
    Ok(evidence)
}

fn start(mut lab: Lab, evidence: &mut Vec<String>) -> Result<Office, CheckError> {
    progress::step("Waiting until the box is ready");
    let (size, profile) = (lab.image().size, lab.image().profile.name());
    let accelerator = lab.accelerator().name();
    let machine = lab.machine()?;
    machine.wait_services().map_err(LabError::from)?;
    let seconds = machine.cpu_seconds();
    machine.wait_ready().map_err(LabError::from)?;
    let stages = machine.boot_stages();
    let stages: Vec<String> = stages
        .iter()
        .map(|(name, ms)| format!("{name} {ms}"))
        .collect();
    say(
        evidence,
        format!(
            "image: {:.1} MiB, its binaries of profile {profile}",
            mib(size)
        ),
    );
    say(
        evidence,
        format!("boot: ready after {seconds:.1} CPU seconds of QEMU ({accelerator})"),
    );
    say(
        evidence,
        format!("boot stages in ms: {}", stages.join(", ")),
    );
    let office = Office::open(lab)?;
    say(
        evidence,
        "first sign-in: one-time password changed, extensions created".to_owned(),
    );
    say(
        evidence,
        "phones: 100 (UDP) and 101 (TCP) are registered with digest".to_owned(),
    );
    Ok(office)
}

fn call(office: &Office, evidence: &mut Vec<String>) -> Result<Value, CheckError> {
    progress::step("100 calls 101");
    let proof = office.prove_call()?;
    say(evidence, format!("sound: 100 {}", proof.first_heard));
    say(evidence, format!("sound: 101 {}", proof.second_heard));
    say(
        evidence,
        format!("digits: 100 sent {DIGITS}, 101 received {}", proof.digits),
    );
    let record = office.newest_call()?;
    let same = |field: &str, wanted: &str| {
        let found = record.get(field).cloned().unwrap_or(Value::Null);
        if found == wanted {
            return Ok(());
        }
        Err(CheckError::Broken(format!(
            "the call record has {field} {found}, not {wanted:?}"
        )))
    };
    same("from", "100")?;
    same("to", "101")?;
    same("outcome", "ended-by-caller")?;
    let digits = record
        .get("dtmf_digits")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    if digits != DIGITS.len() as u64 {
        return Err(CheckError::Broken(format!(
            "the call record counts {digits} digits"
        )));
    }
    say(evidence, format!("record: {}", summary(&record)));
    let resident = office.resident_kib()?;
    say(
        evidence,
        format!(
            "memory: all our processes have {:.1} MiB",
            mib(resident * 1024)
        ),
    );
    let (used, there) = office.memory_kib()?;
    say(
        evidence,
        format!(
            "memory: the whole box uses {:.1} of {:.1} MiB, the kernel's own not counted",
            mib(used * 1024),
            mib(there * 1024)
        ),
    );
    Ok(record)
}

fn questions(office: &Office, evidence: &mut Vec<String>) -> Result<(), CheckError> {
    progress::step("Asking what the box must refuse");
    office
        .api
        .create_extension(ABSENT, "Nobody there")
        .map_err(LabError::from)?;
    let caller = office.first.credentials();
    for answer in questions::ask_all(&office.lab, &caller, ABSENT)? {
        let statuses: Vec<String> = answer.statuses.iter().map(u16::to_string).collect();
        let line = format!("{}: {}", answer.question, statuses.join(", then "));
        if !answer.is_right() {
            return Err(CheckError::Broken(format!(
                "{line}; wanted {:?}",
                answer.wanted
            )));
        }
        say(evidence, line);
    }
    Ok(())
}

fn restart(
    office: &mut Office,
    record: &Value,
    evidence: &mut Vec<String>,
) -> Result<(), CheckError> {
    progress::step("Restarting the box by Ctrl-Alt-Del");
    let machine = office.lab.machine()?;
    machine.press_ctrl_alt_del().map_err(LabError::from)?;
    machine
        .wait_line(UNMOUNTED_LINE, STOP_MAX)
        .map_err(LabError::from)?;
    machine.wait_ready().map_err(LabError::from)?;
    office.sign_in()?;
    let after = office.same_call(record)?;
    if after != *record {
        let text = format!("the record was {record} before the restart, and is {after} after it");
        return Err(CheckError::Broken(text));
    }
    say(
        evidence,
        "restart: the data were unmounted cleanly, the record is the same after it".to_owned(),
    );
    office
        .first
        .phone()
        .register_again()
        .map_err(LabError::from)?;
    office
        .second
        .phone()
        .register_again()
        .map_err(LabError::from)?;
    office
        .first
        .phone()
        .wait_registered(REGISTER_MAX)
        .map_err(LabError::from)?;
    office
        .second
        .phone()
        .wait_registered(REGISTER_MAX)
        .map_err(LabError::from)?;
    say(
        evidence,
        "phones: both are registered with the restarted box".to_owned(),
    );
    Ok(())
}

fn say(evidence: &mut Vec<String>, line: String) {
    evidence.push(line);
}

fn summary(record: &Value) -> String {
    let text = |field: &str| match record.get(field) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "?".to_owned(),
    };
    format!(
        "{} called {} at {}, {} after {} s, {} and {} packets",
        text("from"),
        text("to"),
        text("started"),
        text("outcome"),
        text("duration_secs"),
        text("packets_to_callee"),
        text("packets_to_caller"),
    )
}

/// Bytes as MiB; only shown, so the loss beyond 2^52 does not matter.
#[expect(clippy::cast_precision_loss, reason = "only shown, with one decimal")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

/// An extension that no phone registers.
const ABSENT: &str = "109";

/// What PID 1 says when the data are unmounted: nothing acknowledged can be lost after it.
pub const UNMOUNTED_LINE: &str = "ramal: data unmounted";

/// Every service has two seconds; the box is emulated.
const STOP_MAX: Duration = Duration::from_secs(40);

/// A registration takes two round trips; the box is emulated.
const REGISTER_MAX: Duration = Duration::from_secs(20);
