//! `init`: what PID 1 knows of the services, and the few things it does for them.

use serde::{Deserialize, Serialize};

use crate::Redacted;
use crate::net;
use crate::stick::Offer;

/// What may be asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Services and boot stages. Answer: [`Reply::Status`].
    Status,
    /// Show lines on the box's own screen, and nowhere else: not in a log. Only `web` may ask, for
    /// the one-time password of the first sign-in. Answer: [`Reply::Done`].
    Screen(Redacted<Vec<String>>),
    /// What the status page on the box's own screen is to say of the asking service, in the place
    /// of what it said before. Answer: [`Reply::Done`].
    Present(Presence),
    /// The update files on the memory stick that is in the box. Only `web` may ask. Answer:
    /// [`Reply::Stick`].
    Stick,
    /// What people who stand before the box ask for, each as a [`Reply::AtBox`] as it comes. Only
    /// `web` may ask, and the connection that asked last gets them.
    Attend,
    /// Stop everything in order, then power off or restart. Answer: [`Reply::Done`].
    Shutdown(Shutdown),
    /// The newest log lines. Answer: [`Reply::Log`].
    Log {
        /// At most this many.
        limit: u32,
    },
    /// Stop one service and start it again. Only `web` may ask, for an administrator. Answer:
    /// [`Reply::Done`] or [`Reply::Unknown`].
    Restart {
        /// Its name.
        name: String,
        /// With SIGKILL instead of SIGTERM: how a crash is rehearsed.
        kill: bool,
    },
    /// Whether the machine starts only what is signed. Only `web` may ask. Answer:
    /// [`Reply::SecureBoot`].
    SecureBoot,
    /// The recovery code of the data, which is given out once. Only `web` may ask, for an
    /// administrator. Answer: [`Reply::RecoveryCode`] or [`Reply::NoCode`].
    RecoveryCode,
    /// Have the next start make another recovery code. Only `web` may ask, for an administrator.
    /// Answer: [`Reply::Done`] or [`Reply::NoCode`].
    RenewRecoveryCode,
}

/// What a service has to say on the box's own screen.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Presence {
    /// Where people reach the box. Only `net` may say so.
    Network {
        /// Its name, which is found as `<name>.local`.
        host_name: String,
        /// Its links and addresses now.
        status: net::Status,
        /// The address that people have set and the network around it, as `config::StaticNetwork`
        /// writes it; `None` when the box asks DHCP.
        set: Option<String>,
    },
    /// The web admin. Only `web` may say so.
    Pages {
        /// SHA-256 of its certificate; `None` while it has none.
        certificate: Option<[u8; 32]>,
        /// Somebody has signed in and chosen a password: the one-time password is over.
        is_claimed: bool,
    },
    /// What became of what somebody at the box asked for. Only `web` may say so.
    Notice(String),
}

/// What somebody who stands before the box asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Act {
    /// A one-time password for the administrator, in the place of the one he has.
    NewPassword,
    /// Start again.
    Restart,
    /// Start the rescue system.
    Rescue,
    /// Forget everything that was stored, and start again.
    Reset,
    /// Switch the power off.
    PowerOff,
}

/// What somebody who stands before the box wants of whoever carries it out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Wish {
    /// A thing that needs no more words.
    Act(Act),
    /// Install this update file from the memory stick.
    Install(StickFile),
    /// Have this address from now on, and the network around it, as `config::StaticNetwork` writes
    /// it; `None` asks DHCP.
    Network(Option<String>),
    /// Record how far PID 1 is with what somebody has it do by itself.
    Record(Deed),
}

/// Something that PID 1 does by itself for somebody at the box, or has found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Deed {
    /// Another disk becomes a box.
    Installation(Installation),
    /// The machine is to start this box alone.
    Enrolment(EnrolStage),
    /// The machine starts only what is signed since the start that is on, or no longer does: nobody
    /// asked for that here.
    SecureBoot {
        /// Whether it does.
        is_on: bool,
    },
}

/// How far the machine is with the keys of the box.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EnrolStage {
    /// Somebody has said the word.
    Asked,
    /// It has them.
    Done,
    /// It has not all of them, or none; why.
    Failed(String),
}

/// An installation on another disk of the machine, as it is recorded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Installation {
    /// The kernel's name of the disk, as `nvme0n1`.
    pub disk: String,
    /// What the disk says of itself; may be empty.
    pub model: String,
    /// The same.
    pub serial: String,
    /// Its length, bytes.
    pub bytes: u64,
    /// How far it is.
    pub stage: InstallStage,
}

/// How far an installation is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum InstallStage {
    /// Somebody has said that the disk's content may go.
    Begun,
    /// The disk is a box with this version.
    Made(String),
    /// It is none, for the reason of this word; see [`crate::install::Failure::word`].
    Failed(String),
    /// Somebody has ended it; the disk starts nothing.
    Cancelled,
}

/// An update file or a backup on the memory stick that is in the box.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StickFile {
    /// The kernel's name of the stick, as `sdb`.
    pub disk: String,
    /// The file.
    pub offer: Offer,
}

/// How to stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Shutdown {
    /// Switch the power off.
    PowerOff,
    /// Start again.
    Restart,
}

/// What PID 1 answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Services and boot stages.
    Status(Status),
    /// Log lines.
    Log(Log),
    /// Somebody who stands before the box asks for this.
    AtBox(Wish),
    /// Update files and backups on the memory stick; none where there is no stick, or none on it.
    Stick(Vec<StickFile>),
    /// Whether the machine starts only what is signed.
    SecureBoot(SecureBoot),
    /// Done, or begun.
    Done,
    /// There is no service of that name.
    Unknown,
    /// The code that opens the data where the TPM is gone. It is not given out again.
    RecoveryCode(Redacted<String>),
    /// There is none to give out: no TPM keeps the key of the data, or somebody has seen it.
    NoCode,
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
}

/// The newest of what all services say.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Log {
    /// Milliseconds since the kernel started, now.
    pub now_millis: u64,
    /// Oldest first.
    pub lines: Vec<LogLine>,
}

/// A line of the log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogLine {
    /// Who said it: a service, or `init`.
    pub service: String,
    /// Milliseconds since the kernel started.
    pub at_millis: u64,
    /// As it was said, its level in front where it has one.
    pub text: String,
}

/// Services and boot stages.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Firmware version.
    pub version: String,
    /// Kernel release.
    pub kernel: String,
    /// Seconds since the kernel started.
    pub uptime_secs: u64,
    /// Boot stages in order: name, and milliseconds since the kernel started.
    pub boot: Vec<(String, u64)>,
    /// The services, in start order.
    pub services: Vec<Service>,
    /// Why the provisioning file was refused; empty when none was.
    pub provision_refusal: String,
    /// Whether a TPM keeps the key of the data and nobody has seen the code that opens it too.
    pub is_code_unseen: bool,
    /// The last runs of the box, the one that is on last; none before the data can be used.
    pub runs: Vec<Run>,
    /// Whether the machine starts only what is signed.
    pub secure_boot: SecureBoot,
    /// Whether it did so at an earlier start, and no longer does.
    pub is_secure_boot_lost: bool,
}

/// A run of the box, from a start to its end.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// When it began, seconds since 1970.
    pub began: i64,
    /// `running`, `ordered`, `watchdog` (PID 1 hung, or a critical service that could not be
    /// killed), or `unexpected` (the power failed, or somebody reset the box, or the kernel
    /// stopped).
    pub end: String,
    /// Why it was ended in order; else empty.
    pub why: String,
}

/// Whether the machine starts only what is signed (Secure Boot).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum SecureBoot {
    /// It was not asked yet, or cannot do it.
    #[default]
    Unknown,
    /// Its firmware did not answer in time, or not as it should.
    NotRead,
    /// It starts everything.
    Off,
    /// It starts everything and waits for keys, but this firmware may not give it ours.
    Setup,
    /// It starts everything and waits for keys: whoever stands before the box may give it ours.
    Offered,
    /// It has our keys, and heeds them from its next start on.
    AtNextStart,
    /// It starts only what is signed.
    On,
}

impl SecureBoot {
    /// As programs name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotRead => "not-read",
            Self::Off => "off",
            Self::Setup => "setup-mode",
            Self::Offered => "offered",
            Self::AtNextStart => "on-at-next-start",
            Self::On => "on",
        }
    }
}

/// One supervised service.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// `starting`, `ready`, `waiting` (to be restarted), `stopping`, `stopped`, `given-up`.
    pub state: String,
    /// Process id; 0 while there is none.
    pub pid: u32,
    /// Restarts since boot.
    pub restarts: u32,
    /// Why it last ended; empty when it never did.
    pub last_exit: String,
    /// Memory it occupies, KiB, its share of what it has in common with others included; 0 while
    /// there is no process.
    pub resident_kib: u64,
    /// CPU time used, milliseconds.
    pub cpu_millis: u64,
}
