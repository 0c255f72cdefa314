//! Why an update is not taken, as other processes are told.

use firmware::InstallError;
use ipc::update::Refusal;
use update::Refusal as Refused;

/// The reason without what only the log is for.
pub(super) fn refusal(error: &InstallError) -> Refusal {
    match error {
        InstallError::Refused(refused) => of_the_file(refused),
        InstallError::OnTrial => Refusal::OnTrial,
        InstallError::Damaged => Refusal::RunningDamaged,
        InstallError::NoSlots => Refusal::NoSlots,
        InstallError::NothingToGoBackTo => Refusal::NothingToGoBackTo,
        InstallError::ReadBack { index } => Refusal::ReadBack {
            index: *index as u64,
        },
        InstallError::Firmware(_) => Refusal::DeviceFailed,
    }
}

fn of_the_file(refused: &Refused) -> Refusal {
    match refused {
        Refused::NotAnUpdate => Refusal::NotAnUpdate,
        Refused::UnknownFormat => Refusal::UnknownFormat,
        Refused::Damaged(_) => Refusal::Damaged,
        Refused::NotSigned { trusted } => Refusal::NotSigned {
            trusted: trusted.clone(),
        },
        Refused::WrongHardware { offered, hardware } => Refusal::WrongHardware {
            offered: offered.clone(),
            hardware: hardware.clone(),
        },
        Refused::TooOld {
            version,
            offered,
            floor,
        } => Refusal::TooOld {
            version: version.clone(),
            offered: *offered,
            floor: *floor,
        },
        Refused::TooLarge { length, room } => Refusal::TooLarge {
            length: *length,
            room: *room,
        },
        Refused::OutOfOrder { found, wanted } => Refusal::OutOfOrder {
            found: *found,
            wanted: *wanted,
        },
        Refused::ChunkDamaged { index } => Refusal::ChunkDamaged {
            index: *index as u64,
        },
        Refused::OtherSlot(_) => Refusal::MadeWrong,
    }
}
