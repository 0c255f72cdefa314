//! Why an update is not taken, as other processes and people are told.

use ipc::update::Refusal;
use update::Refusal as Refused;

use crate::installer::InstallError;

/// The reason without what only the log is for.
impl From<&InstallError> for Refusal {
    fn from(error: &InstallError) -> Self {
        match error {
            InstallError::Refused(refused) => of_the_file(refused),
            InstallError::OnTrial => Self::OnTrial,
            InstallError::Damaged => Self::RunningDamaged,
            InstallError::NoSlots => Self::NoSlots,
            InstallError::NothingToGoBackTo => Self::NothingToGoBackTo,
            InstallError::ReadBack { index } => Self::ReadBack {
                index: *index as u64,
            },
            InstallError::Firmware(_) => Self::DeviceFailed,
        }
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
