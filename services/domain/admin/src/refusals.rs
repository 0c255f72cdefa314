//! Why something of the firmware is not done: for programs a code with what it is about, for people
//! a sentence that names the fix.

pub(crate) mod backup;
pub(crate) mod fetch;
pub(crate) mod number;
mod stick;

use ipc::update::Refusal;
use serde_json::{Value, json};

use crate::text::Language;

/// What programs know a reason by. These names stay.
pub(crate) const fn code(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NotAnUpdate => "not-an-update",
        Refusal::Damaged => "damaged",
        Refusal::UnknownFormat => "unknown-format",
        Refusal::NotSigned { .. } => "not-signed",
        Refusal::WrongHardware { .. } => "wrong-hardware",
        Refusal::TooOld { .. } => "too-old",
        Refusal::TooLarge { .. } => "too-large",
        Refusal::OutOfOrder { .. } => "out-of-order",
        Refusal::ChunkDamaged { .. } => "chunk-damaged",
        Refusal::MadeWrong => "made-wrong",
        Refusal::OnTrial => "on-trial",
        Refusal::RunningDamaged => "running-damaged",
        Refusal::NoSlots => "no-slots",
        Refusal::NothingToGoBackTo => "nothing-to-go-back-to",
        Refusal::ReadBack { .. } => "does-not-read-back",
        Refusal::DeviceFailed => "device-failed",
        Refusal::NotBegun => "not-begun",
        Refusal::PieceTooLong => "piece-too-long",
    }
}

/// What it is about, by name.
pub(crate) fn parameters(refusal: &Refusal) -> Value {
    match refusal {
        Refusal::NotSigned { trusted } => json!({ "trusted": trusted }),
        Refusal::WrongHardware { offered, hardware } => {
            json!({ "offered": offered, "hardware": hardware })
        }
        Refusal::TooOld {
            version,
            offered,
            floor,
        } => json!({ "version": version, "offered": offered, "floor": floor }),
        Refusal::TooLarge { length, room } => json!({ "length": length, "room": room }),
        Refusal::OutOfOrder { found, wanted } => json!({ "found": found, "wanted": wanted }),
        Refusal::ChunkDamaged { index } | Refusal::ReadBack { index } => json!({ "index": index }),
        Refusal::NotAnUpdate
        | Refusal::Damaged
        | Refusal::UnknownFormat
        | Refusal::MadeWrong
        | Refusal::OnTrial
        | Refusal::RunningDamaged
        | Refusal::NoSlots
        | Refusal::NothingToGoBackTo
        | Refusal::DeviceFailed
        | Refusal::NotBegun
        | Refusal::PieceTooLong => json!({}),
    }
}

/// For people.
pub(crate) fn text(refusal: &Refusal, language: Language) -> String {
    match language {
        Language::English => refusal.english(),
        Language::Portuguese => refusal.portuguese(),
    }
}
