//! The firmware as programs and pages see it.

use ipc::init::{SecureBoot, StickFile};
use ipc::update::{Condition, DataKey, Entry, Progress, Reason, RecoveryCode, Slot, Status};
use schemars::JsonSchema;
use serde::Serialize;

use crate::calendar::rfc3339;
use crate::fetch::FetchState;
use crate::refusals;
use crate::text::Language;

/// Slots, keys, what is under way and why slots were left.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FirmwareView {
    pub(crate) hardware: String,
    pub(crate) slots: Vec<SlotView>,
    pub(crate) security_floor: u64,
    pub(crate) keys: String,
    pub(crate) development_keys: bool,
    /// Latest first.
    pub(crate) journal: Vec<EntryView>,
    pub(crate) update: Option<ProgressView>,
    /// The fetch that is under way, or the last one.
    pub(crate) fetch: Option<FetchView>,
    /// Update files on the memory stick in the box.
    pub(crate) stick: Vec<StickView>,
    pub(crate) factory_reset_pending: bool,
    /// `sealed-by-tpm`, `on-disk`.
    pub(crate) data_key: Option<&'static str>,
    /// `unseen`, `shown`, `new-at-next-start`; none when no TPM keeps the key.
    pub(crate) recovery_code: Option<&'static str>,
    /// `unknown`, `not-read`, `off`, `setup-mode`, `offered`, `on-at-next-start`, `on`.
    pub(crate) secure_boot: &'static str,
}

/// What is shown beside what the updater knows.
pub(crate) struct Seen {
    pub(crate) fetch: FetchState,
    /// Update files on the memory stick.
    pub(crate) files: Vec<StickFile>,
    pub(crate) secure_boot: SecureBoot,
}

/// A slot.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SlotView {
    pub(crate) name: String,
    pub(crate) running: bool,
    pub(crate) starts_next: bool,
    pub(crate) version: String,
    pub(crate) security: u64,
    /// RFC 3339.
    pub(crate) built: String,
    /// `empty`, `on-trial`, `good`, `bad`.
    pub(crate) condition: &'static str,
    /// How often it may still be started, when it is on trial.
    pub(crate) tries: Option<u8>,
    /// A block of it was read that is not the one that was signed.
    pub(crate) damaged: bool,
}

/// Why a slot was left.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct EntryView {
    pub(crate) sequence: u64,
    pub(crate) slot: String,
    /// As `never-proved-good`.
    pub(crate) reason: &'static str,
    /// The service that was not well.
    pub(crate) detail: String,
}

/// An update that is under way.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProgressView {
    pub(crate) version: String,
    pub(crate) received: u64,
    pub(crate) length: u64,
    pub(crate) next: Option<u64>,
}

/// An update file or a backup on a memory stick.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct StickView {
    pub(crate) disk: String,
    pub(crate) file: String,
    pub(crate) bytes: u64,
}

/// An update that is fetched from a server or a memory stick.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FetchView {
    /// `running`, `failed`, `installed`.
    state: &'static str,
    /// Where from; empty when it is installed.
    from: String,
    /// Bytes that came, while it runs.
    fetched: u64,
    /// The version that is installed.
    version: String,
    /// Why it failed.
    #[serde(flatten)]
    fault: Option<FaultView>,
}

/// Why a fetch failed, as refused requests say it.
#[derive(Debug, Serialize, JsonSchema)]
struct FaultView {
    error: String,
    text: String,
    code: &'static str,
    parameters: serde_json::Value,
}

impl FetchView {
    fn of(state: FetchState, language: Language) -> Option<Self> {
        let mut view = Self {
            state: "running",
            from: String::new(),
            fetched: 0,
            version: String::new(),
            fault: None,
        };
        match state {
            FetchState::None => return None,
            FetchState::Running { from, fetched } => (view.from, view.fetched) = (from, fetched),
            FetchState::Failed { from, fault } => {
                (view.state, view.from) = ("failed", from);
                view.fault = Some(FaultView {
                    error: refusals::fetch::text(&fault, Language::English),
                    text: refusals::fetch::text(&fault, language),
                    code: refusals::fetch::code(&fault),
                    parameters: refusals::fetch::parameters(&fault),
                });
            }
            FetchState::Installed { version } => {
                (view.state, view.version) = ("installed", version);
            }
        }
        Some(view)
    }
}

impl FirmwareView {
    pub(crate) fn new(status: Status, seen: Seen, language: Language) -> Self {
        Self {
            fetch: FetchView::of(seen.fetch, language),
            stick: seen.files.into_iter().map(StickView::from).collect(),
            secure_boot: seen.secure_boot.name(),
            hardware: status.hardware,
            slots: status.slots.into_iter().map(SlotView::from).collect(),
            security_floor: status.security_floor,
            keys: status.keys,
            development_keys: status.is_development,
            journal: status.journal.into_iter().map(EntryView::from).collect(),
            update: status.progress.map(ProgressView::from),
            factory_reset_pending: status.wants_reset,
            data_key: status.data_key.map(|it| match it {
                DataKey::Sealed(_) => "sealed-by-tpm",
                DataKey::OnDisk => "on-disk",
            }),
            recovery_code: match status.data_key {
                Some(DataKey::Sealed(code)) => Some(match code {
                    RecoveryCode::Unseen => "unseen",
                    RecoveryCode::Shown => "shown",
                    RecoveryCode::Renewed => "new-at-next-start",
                }),
                Some(DataKey::OnDisk) | None => None,
            },
        }
    }
}

impl FirmwareView {
    /// Whether the firmware that runs is damaged.
    pub(crate) fn is_damaged(&self) -> bool {
        self.slots.iter().any(|slot| slot.running && slot.damaged)
    }

    /// Whether the next start is that of the other slot.
    pub(crate) fn changes_slot(&self) -> bool {
        let mut slots = self.slots.iter();
        slots.any(|slot| slot.starts_next && !slot.running)
    }
}

impl From<StickFile> for StickView {
    fn from(StickFile { disk, offer }: StickFile) -> Self {
        Self {
            disk,
            file: offer.file,
            bytes: offer.bytes,
        }
    }
}

impl From<Slot> for SlotView {
    fn from(slot: Slot) -> Self {
        let (condition, tries) = match slot.condition {
            Condition::Empty => ("empty", None),
            Condition::OnTrial { tries } => ("on-trial", Some(tries)),
            Condition::Good => ("good", None),
            Condition::Bad => ("bad", None),
        };
        let built = i64::try_from(slot.built).unwrap_or(i64::MAX);
        Self {
            name: slot.name,
            running: slot.is_running,
            starts_next: slot.is_preferred,
            built: rfc3339(built.saturating_mul(1000)),
            version: slot.version,
            security: slot.security,
            condition,
            tries,
            damaged: slot.is_damaged,
        }
    }
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self {
            sequence: entry.sequence,
            slot: entry.slot,
            reason: match (entry.reason, entry.detail.as_str()) {
                // Of all that `grid` does, nothing else makes a version be left.
                (Reason::Unhealthy, "grid") => "tunnel-did-not-come-up",
                (reason, _) => name_of(reason),
            },
            detail: entry.detail,
        }
    }
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        Self {
            version: progress.version,
            received: progress.received,
            length: progress.length,
            next: progress.next,
        }
    }
}

const fn name_of(reason: Reason) -> &'static str {
    match reason {
        Reason::StateLost => "boot-state-lost",
        Reason::Empty => "slot-empty",
        Reason::Damaged => "slot-damaged",
        Reason::NotSigned => "not-signed",
        Reason::RefusedByFirmware => "refused-by-secure-boot",
        Reason::NotStarted => "did-not-start",
        Reason::TooOld => "too-old",
        Reason::WrongHardware => "wrong-hardware",
        Reason::TriesUsedUp => "never-proved-good",
        Reason::Unclean => "failed-too-often",
        Reason::Unhealthy => "service-not-well",
        Reason::RootDamaged => "root-damaged",
        Reason::NotCounted => "disk-refused-the-note",
    }
}
