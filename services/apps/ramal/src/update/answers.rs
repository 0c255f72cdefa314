//! What the updater answers.

use std::sync::Arc;

use firmware::{
    Code, FirmwareError, InstallError, Installer, KeyPlace, Places, Protection, StateFile,
};
use ipc::update::{
    Condition, DataKey, Entry, PIECE_MAX, Progress, Reason, RecoveryCode, Reply, Request, Slot,
    Status,
};
use slot::{BootState, HARDWARE};
use supervise::Service;
use update::Refusal;

/// The slots, and the update that is under way.
pub(super) struct Updater {
    places: Option<Arc<Places>>,
    installer: Option<Installer>,
}

impl Updater {
    pub(super) const fn new(places: Option<Arc<Places>>) -> Self {
        Self {
            places,
            installer: None,
        }
    }

    pub(super) fn answer(&mut self, request: Request) -> Reply {
        let answered = match request {
            Request::Status => self.status().map(|it| Reply::Status(Box::new(it))),
            Request::Begin => self.begin(),
            Request::Piece { offset, bytes } => return self.piece(offset, &bytes),
            Request::Abandon => {
                self.installer = None;
                Ok(Reply::Done)
            }
            Request::GoBack => self.go_back(),
            Request::FactoryReset => self.change(|state| state.wants_reset = true),
            Request::Rescue => self.change(|state| state.wants_rescue = true),
        };
        answered.unwrap_or_else(|error| {
            tracing::warn!("{error}");
            refused(&error)
        })
    }

    fn places(&self) -> Result<&Arc<Places>, InstallError> {
        self.places.as_ref().ok_or(InstallError::NoSlots)
    }

    fn begin(&mut self) -> Result<Reply, InstallError> {
        let places = Arc::clone(self.places()?);
        let installer = Installer::new(places, HARDWARE)?;
        let (offset, length) = installer.wanted().unwrap_or_default();
        self.installer = Some(installer);
        Ok(Reply::Next { offset, length })
    }

    fn piece(&mut self, offset: u64, bytes: &[u8]) -> Reply {
        let Some(installer) = &mut self.installer else {
            return Reply::Refused {
                reason: ipc::update::Refusal::NotBegun,
                next: None,
            };
        };
        if bytes.len() > PIECE_MAX {
            return Reply::Refused {
                reason: ipc::update::Refusal::PieceTooLong,
                next: installer.next(),
            };
        }
        let taken = installer.take(offset, bytes);
        let next = installer.next();
        match taken {
            Ok(()) => match installer.wanted() {
                Some((offset, length)) => Reply::Next { offset, length },
                None => self.installed(),
            },
            Err(
                error @ InstallError::Refused(
                    Refusal::ChunkDamaged { .. } | Refusal::OutOfOrder { .. },
                ),
            ) => Reply::Refused {
                reason: ipc::update::Refusal::from(&error),
                next,
            },
            Err(error) => {
                tracing::warn!("an update was refused: {error}");
                self.installer = None;
                refused(&error)
            }
        }
    }

    fn installed(&mut self) -> Reply {
        let installer = self.installer.take();
        let manifest = installer.as_ref().and_then(Installer::manifest);
        let version = manifest.map_or_else(String::new, |it| it.version.clone());
        tracing::info!("version {version} is installed; the next start tries it");
        Reply::Installed { version }
    }

    fn go_back(&self) -> Result<Reply, InstallError> {
        let places = self.places()?;
        let running = places.running;
        if places.state.change(|state| state.go_back(running))? {
            Ok(Reply::Done)
        } else {
            Err(InstallError::NothingToGoBackTo)
        }
    }

    fn change(&self, change: impl FnOnce(&mut BootState)) -> Result<Reply, InstallError> {
        self.places()?.state.change(change)?;
        Ok(Reply::Done)
    }

    fn status(&self) -> Result<Status, InstallError> {
        let Some(places) = &self.places else {
            return Ok(Status {
                hardware: HARDWARE.to_owned(),
                ..Status::default()
            });
        };
        let state = places.state.read()?;
        let keys = places.state.trusted(places.keys)?;
        let slots = slot::Slot::BOTH.map(|it| slot_view(places, &state, it));
        Ok(Status {
            hardware: HARDWARE.to_owned(),
            slots: slots.into_iter().collect::<Result<_, _>>()?,
            security_floor: state.security_floor,
            keys: keys.name.as_str().to_owned(),
            is_development: keys.is_development,
            journal: state.journal().map(entry).collect(),
            progress: self.installer.as_ref().map(progress),
            wants_reset: state.wants_reset,
            data_key: data_key(&places.state)?,
        })
    }
}

fn data_key(state: &StateFile) -> Result<Option<DataKey>, FirmwareError> {
    Ok(match state.key_place()? {
        KeyPlace::Kept { protection, .. } => Some(match protection {
            Protection::Tpm(code) => DataKey::Sealed(match code {
                Code::Unseen => RecoveryCode::Unseen,
                Code::Shown => RecoveryCode::Shown,
                Code::Renewed => RecoveryCode::Renewed,
            }),
            Protection::None => DataKey::OnDisk,
        }),
        KeyPlace::Empty | KeyPlace::Damaged => None,
    })
}

fn slot_view(places: &Places, state: &BootState, slot: slot::Slot) -> Result<Slot, FirmwareError> {
    let header = places.header(slot)?;
    let version = header.map_or_else(String::new, |it| it.version.as_str().to_owned());
    Ok(Slot {
        name: slot.name().to_owned(),
        is_running: places.running == slot,
        is_preferred: state.preferred == slot,
        version,
        security: header.map_or(0, |it| it.security),
        built: header.map_or(0, |it| it.built),
        condition: match state.slot(slot).condition {
            slot::Condition::Empty => Condition::Empty,
            slot::Condition::Trying(tries) => Condition::OnTrial { tries },
            slot::Condition::Good(_) => Condition::Good,
            slot::Condition::Bad => Condition::Bad,
        },
        is_damaged: state.slot(slot).is_damaged,
    })
}

fn entry(entry: slot::Entry) -> Entry {
    let detail = match entry.reason {
        slot::Reason::Unhealthy => Service::of_code(entry.detail).map_or("", Service::name),
        _ => "",
    };
    Entry {
        sequence: entry.sequence,
        slot: entry
            .slot
            .map_or_else(String::new, |it| it.name().to_owned()),
        reason: reason(entry.reason),
        detail: detail.to_owned(),
    }
}

const fn reason(reason: slot::Reason) -> Reason {
    match reason {
        slot::Reason::StateLost => Reason::StateLost,
        slot::Reason::Empty => Reason::Empty,
        slot::Reason::Damaged => Reason::Damaged,
        slot::Reason::NotSigned => Reason::NotSigned,
        slot::Reason::RefusedByFirmware => Reason::RefusedByFirmware,
        slot::Reason::NotStarted => Reason::NotStarted,
        slot::Reason::TooOld => Reason::TooOld,
        slot::Reason::WrongHardware => Reason::WrongHardware,
        slot::Reason::TriesUsedUp => Reason::TriesUsedUp,
        slot::Reason::Unclean => Reason::Unclean,
        slot::Reason::Unhealthy => Reason::Unhealthy,
        slot::Reason::RootDamaged => Reason::RootDamaged,
        slot::Reason::NotCounted => Reason::NotCounted,
    }
}

fn progress(installer: &Installer) -> Progress {
    let (received, length) = installer.progress();
    let manifest = installer.manifest();
    Progress {
        version: manifest.map_or_else(String::new, |it| it.version.clone()),
        received,
        length,
        next: installer.next(),
    }
}

fn refused(error: &InstallError) -> Reply {
    Reply::Refused {
        reason: ipc::update::Refusal::from(error),
        next: None,
    }
}
