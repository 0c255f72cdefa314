//! `store`: the one owner of everything that must survive a power cut.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::Redacted;
use crate::erasure::{Erasable, Whose};
use crate::guard::BanRow;
use crate::site::{Class, Site, Tunnel};

pub use crate::search::{CallCount, CallSearch, Direction, SPANS_MAX, Spans};

pub use crate::backup::{
    BackupFailure, BackupFile, BackupRefusal, BackupRequest, BackupTrouble, Backups, Damage,
    Restore, RestoreState, backup_file_millis,
};
pub use crate::prompt::{PROMPTS_MIB_MAX, PromptRefusal, PromptRequest, PromptSound};
pub use crate::trail::{
    Named, ReplacedTrail, TrailAbout, TrailChecked, TrailLines, TrailPlace, TrailRequest,
    trail_file_millis,
};

/// What a process may ask of the store.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time is made, sent and taken apart"
)]
pub enum Request {
    /// The current configuration. Answer: [`Reply::Config`].
    Config,
    /// The current configuration now and every later one as it is committed, each as a
    /// [`Reply::Config`]. The connection serves nothing else afterwards.
    Watch,
    /// Replace the whole site. Answer: [`Reply::Committed`], [`Reply::Conflict`] or
    /// [`Reply::Invalid`]. Configuration and audit entry become durable together, or not at all.
    /// Asked again because the answer was lost, it is answered as the first time.
    Commit {
        /// The version the author started from.
        base: u64,
        /// Who, why, from where.
        audit: Audit,
        /// The site as it shall be.
        site: Site,
    },
    /// Change what may be changed at a phone, in the site as it is now. Answer:
    /// [`Reply::Committed`] or [`Reply::Invalid`].
    ChangeAtPhone(PhoneChange),
    /// The versions kept, newest first. Answer: [`Reply::History`].
    History {
        /// At most this many.
        limit: u32,
        /// Only versions older than this one.
        before: Option<u64>,
    },
    /// The configuration as it was in this version. Answer: [`Reply::Config`], or
    /// [`Reply::NoSuchVersion`].
    ConfigAt(u64),
    /// Insert or replace call records by id. Answer: [`Reply::Stored`], once durable.
    PutCalls(Vec<CallRecord>),
    /// Mark every call still [`Outcome::Ongoing`] as [`Outcome::Interrupted`]: asked by `pbx` as
    /// it starts, since calls it does not know are over. Answer: [`Reply::Stored`].
    InterruptOpenCalls {
        /// Ids of the records whose calls go on: those it could take over from the process before.
        except: Vec<String>,
    },
    /// Call records, newest first. Answer: [`Reply::Calls`].
    Calls {
        /// At most this many.
        limit: u32,
        /// Only records older than the one with this id.
        before: Option<String>,
        /// Only these; what is left out does not count towards the limit.
        only: CallFilter,
    },
    /// How many calls began within each of these spans. Answer: [`Reply::CallCounts`].
    CallCounts {
        /// When.
        spans: Spans,
        /// Only these.
        only: CallFilter,
    },
    /// Replace what is known of registrations, for the next start. Answer: [`Reply::Stored`].
    PutRegistrations(Vec<Registration>),
    /// What [`Request::PutRegistrations`] kept. Answer: [`Reply::Registrations`].
    Registrations,
    /// Replace what is known of money and minutes spent. Answer: [`Reply::Stored`].
    PutSpent(Spent),
    /// What [`Request::PutSpent`] kept. Answer: [`Reply::Spent`].
    Spent,
    /// Which extension had last to do with a number outside, for a call back: it called the number,
    /// or answered a call from it. A bounded number of records is looked at, the newest first. Only
    /// `pbx` may ask. Answer: [`Reply::LastWith`].
    LastWith {
        /// The number, however it is written.
        number: Redacted<String>,
        /// Only calls that began since, milliseconds since 1970.
        since_millis: i64,
    },
    /// Bans as [`Request::ChangeBans`] kept them, some thousand of them, in the order of their
    /// networks as text. Only `guard` may ask. Answer: [`Reply::Bans`]; none of them is the end.
    Bans {
        /// Those behind this network; empty for the first ones.
        after: String,
    },
    /// Keep bans, and others no more. Only `guard` may ask. Answer: [`Reply::Stored`], once
    /// durable.
    ChangeBans(BanChanges),
    /// Append to the audit trail. Answer: [`Reply::Stored`], once durable.
    Audit(Audit),
    /// The audit trail, newest first. Answer: [`Reply::AuditTrail`].
    AuditTrail {
        /// At most this many.
        limit: u32,
    },
    /// About the audit trail as a whole. Only `web` may ask.
    Trail(TrailRequest),
    /// Note that somebody's data is to be gone, by a list that is in every later backup. What there
    /// is goes in the minutes that follow, and again after a backup of before was restored. Only
    /// `web` may ask. Answer: [`Reply::Stored`], once the list is durable, together with the audit
    /// entry.
    Erase {
        /// Whose.
        whose: Whose,
        /// Who, from where.
        audit: Audit,
    },
    /// What there is of somebody with this login besides what is in force, and whether those who
    /// were erased are gone from everywhere. Only `web` may ask. Answer: [`Reply::Erasable`].
    Erasable {
        /// The account's; empty when only the latter is asked.
        login: String,
    },
    /// Accounts that earlier versions have and the one in force has not. Only `web` may ask.
    /// Answer: [`Reply::FormerAccounts`].
    FormerAccounts,
    /// A secret of the asking process, by name. Answer: [`Reply::Secret`].
    Secret(String),
    /// Keep what an installer has laid down for this box, all of it or nothing, and only once:
    /// asked again with the same id, nothing is changed. Only `provision` may ask. Answer:
    /// [`Reply::Stored`], once durable; [`Reply::Invalid`]; or [`Reply::Administered`].
    Provision(Provisioned),
    /// Keep this address for the box and the network around it, as `config::StaticNetwork` writes
    /// it, or `None` for DHCP. It and the audit entry become durable together, or not at all; the
    /// store says in the entry what was kept before and is kept now. When that is the same, nothing
    /// is changed and nothing entered. Only `web` may ask. Answer: [`Reply::Stored`], once durable,
    /// or [`Reply::Invalid`].
    SetNetwork {
        /// What is to be kept.
        network: Option<String>,
        /// Who, from where.
        audit: Audit,
    },
    /// Keep a secret of the asking process. Answer: [`Reply::Stored`], once durable.
    PutSecret(String, Redacted<Vec<u8>>),
    /// Is the store well? Answer: [`Reply::Health`].
    Health,
    /// About the backups of the box. Only `web` may ask.
    Backup(BackupRequest),
    /// About the sounds of prompts. Only `web` may ask.
    Prompt(PromptRequest),
}

/// What the store answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time is made, sent and taken apart"
)]
pub enum Reply {
    /// A configuration and its version.
    Config {
        /// Counts up by one a commit; 1 is the factory configuration.
        version: u64,
        /// The whole site.
        site: Site,
    },
    /// The commit is durable as this version.
    Committed {
        /// The new version.
        version: u64,
    },
    /// Somebody else committed first; nothing was changed.
    Conflict {
        /// The version to start from instead.
        current: u64,
    },
    /// The site is not valid; nothing was changed.
    Invalid {
        /// One sentence a fault: the field and the fix.
        faults: Vec<String>,
    },
    /// Somebody administers the box already, and what was laid down says who is to; nothing was
    /// changed.
    Administered,
    /// Versions, newest first.
    History(Vec<Version>),
    /// There was no such version yet, or it is not kept any more.
    NoSuchVersion,
    /// What was asked to be kept is durable.
    Stored,
    /// Call records, newest first.
    Calls(Vec<CallRecord>),
    /// How many began within each span, in order.
    CallCounts(Vec<CallCount>),
    /// Registrations as last kept.
    Registrations(Vec<Registration>),
    /// Money and minutes spent, as last kept; nothing when never.
    Spent(Spent),
    /// The extension that had last to do with a number, or `None`. Nothing else of the call is
    /// told.
    LastWith(Option<String>),
    /// Bans as they are kept.
    Bans(Vec<BanRow>),
    /// Audit entries, newest first.
    AuditTrail(Vec<AuditEntry>),
    /// What a piece of the audit trail is like.
    TrailChecked(TrailChecked),
    /// Lines of the audit trail as a file.
    TrailLines(TrailLines),
    /// Entries of the audit trail about somebody.
    TrailAbout(TrailAbout),
    /// What there is of somebody.
    Erasable(Erasable),
    /// The logins of earlier versions that no account has any more, in order.
    FormerAccounts(Vec<String>),
    /// The secret, or `None` when nothing is kept by that name.
    Secret(Option<Redacted<Vec<u8>>>),
    /// The store's condition.
    Health(Health),
    /// The backups there are.
    Backups(Backups),
    /// A backup code, which is not kept: it is shown to a person and to nobody again.
    BackupCode(Redacted<String>),
    /// The trails that restores have replaced.
    ReplacedTrails(Vec<ReplacedTrail>),
    /// A piece was taken.
    Uploaded {
        /// Where the next one begins.
        next: u64,
    },
    /// A backup was taken and is being restored.
    RestoreBegun,
    /// The backup is not taken; nothing was changed.
    BackupRefused(BackupRefusal),
    /// Nothing became of what was asked about backups.
    BackupFailed(BackupFailure),
    /// The sounds of prompts there are, by name.
    Prompts(Vec<PromptSound>),
    /// The sound is not taken, or not removed; nothing was changed.
    PromptRefused(PromptRefusal),
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
    /// Nothing was kept: the disk is full or failing.
    Failed {
        /// What went wrong and what to do.
        reason: String,
    },
}

/// What becomes of bans that are kept: one commit, in this order.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BanChanges {
    /// None is kept of those before.
    pub forgets_all: bool,
    /// The bans of these networks are not kept any more; at most 20,000.
    pub gone: Vec<String>,
    /// Each replaces the one of its network; at most 20,000.
    pub put: Vec<BanRow>,
}

/// A configuration version, without its content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Version {
    /// The version number.
    pub version: u64,
    /// When it was committed, milliseconds since 1970.
    pub at_millis: i64,
    /// Sign-in name of the author.
    pub author: String,
    /// What the author did.
    pub action: String,
}

/// What somebody did, as reported (R40).
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Audit {
    /// Sign-in name; `system` for the box itself.
    pub who: String,
    /// Address it came from; empty for the box itself.
    pub from: String,
    /// What was done, in a few words: `extension 100 created`.
    pub action: String,
    /// The state before, without secrets; may be empty.
    pub before: String,
    /// The state after, without secrets; may be empty.
    pub after: String,
}

/// An audit entry as kept: numbered, timed and chained to the one before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Position in the trail, from 1.
    pub sequence: u64,
    /// Milliseconds since 1970 by the store's clock.
    pub at_millis: i64,
    /// What was reported.
    pub audit: Audit,
    /// Lower-case hex SHA-256 over the previous entry's hash and this entry.
    pub hash: String,
}

/// One call, from the first INVITE to the last word. Written at the start and again at the end.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CallRecord {
    /// Unique for ever; sorts by time: milliseconds as 13 digits, `-`, 8 hex digits.
    pub id: String,
    /// Calling extension or number.
    pub from: String,
    /// Called extension or number.
    pub to: String,
    /// Address the call came from.
    pub source: String,
    /// When the INVITE came, milliseconds since 1970.
    pub started_millis: i64,
    /// When it was answered.
    pub answered_millis: Option<i64>,
    /// When it ended.
    pub ended_millis: Option<i64>,
    /// How it ended, or that it has not.
    pub outcome: Outcome,
    /// The final SIP status the caller was given; 0 while there is none.
    pub status: u16,
    /// DTMF digits that passed (RFC 4733), both directions together.
    pub dtmf_digits: u32,
    /// RTP packets relayed towards the callee.
    pub packets_to_callee: u64,
    /// RTP packets relayed towards the caller.
    pub packets_to_caller: u64,
    /// The trunk it came or went by; empty for none.
    pub trunk: String,
    /// The number one of the two was transferred to; empty for none.
    pub transferred_to: String,
    /// What came from the caller.
    pub caller_audio: AudioReport,
    /// What came from the callee.
    pub callee_audio: AudioReport,
    /// File names of its recordings, in order; one that was deleted since is still named.
    pub recordings: Vec<String>,
    /// Why a recording of it could not begin or go on; empty when none failed.
    pub recording_fault: String,
    /// The extensions that were in it: the caller's, and those of whoever answered it or was put
    /// through. `from` and `to` are numbers as they were dialled and shown, which may be others'.
    pub extensions: Vec<String>,
    /// The extensions and groups it was for, whether or not they took it: those that were rung, or
    /// would have been, and those that sent it on. In order, each once, at most [`RUNG_MAX`].
    pub rung: Vec<String>,
    /// The extension that the call was for first, as it had last to do with the caller's number;
    /// empty for none.
    pub called_back: String,
}

/// Numbers noted for one call: a group with the most members there can be, and some more.
pub const RUNG_MAX: usize = 128;

/// Which call records are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct CallFilter {
    /// Only calls of these numbers, as `config::InCall` says whose a call is; `None` for
    /// everybody's.
    pub numbers: Option<Vec<CallsOf>>,
    /// Which of them.
    pub with: CallsWith,
    /// What is looked for among those.
    pub search: CallSearch,
}

/// Calls of a number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CallsOf {
    /// An extension or a group.
    pub number: String,
    /// Only those that began since, milliseconds since 1970.
    pub since_millis: i64,
}

/// Which call records of somebody are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum CallsWith {
    /// All.
    #[default]
    Anything,
    /// Those that name a recording.
    Recordings,
    /// The one that names this recording.
    Recording(String),
}

/// What came from one side of a call, and from where; all empty when nothing is known.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct AudioReport {
    /// Format last sent.
    pub codec: String,
    /// RTP packets.
    pub received: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Interarrival jitter, microseconds.
    pub jitter_micros: u32,
    /// Estimated listening quality, MOS times 100; 0 while unknown.
    pub mos_hundredths: u16,
    /// Address and port the audio really came from.
    pub source: String,
    /// Address and port the description said it would come from.
    pub described: String,
}

/// What an installer has laid down for a box before its first start. What is `None` or empty
/// leaves things as they are.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Provisioned {
    /// SHA-256 of the file it stands in.
    pub id: [u8; 32],
    /// IANA name of the site's time zone.
    pub time_zone: Option<String>,
    /// An address for the box that does not come from DHCP, and the network around it, in the form
    /// `net` keeps it in; see [`laid_down::NETWORK`].
    pub network: Option<String>,
    /// That address alone, for certificates; see [`laid_down::ADDRESS`].
    pub address: Option<Ipv4Addr>,
    /// The box's name; see [`laid_down::HOST_NAME`].
    pub host_name: Option<String>,
    /// SHA-256 of the administrator's login key; see [`laid_down::LOGIN_KEY`].
    pub login_key_sha256: Option<Redacted<[u8; 32]>>,
    /// Public keys for the support console.
    pub ssh_keys: Vec<String>,
    /// The code with which the box enrols in a grid.
    pub grid_code: Option<Redacted<String>>,
    /// Its way into a grid.
    pub tunnel: Option<Tunnel>,
}

/// Under which names the store keeps what was laid down, among the secrets of whoever uses it.
pub mod laid_down {
    /// For `net`: an address with its length, the gateway and the name servers, as
    /// `config::StaticNetwork` writes them.
    pub const NETWORK: &str = "network";
    /// For `pbx` and `web`: that address alone, as text.
    pub const ADDRESS: &str = "address";
    /// For `net`, `pbx` and `web`: the box is found as `<name>.local`.
    pub const HOST_NAME: &str = "host-name";
    /// The box's name while none was laid down.
    pub const FACTORY_HOST_NAME: &str = "ramal";
    /// For `web`: the digest, 32 bytes.
    pub const LOGIN_KEY: &str = "login-key";
    /// The store's own, for a release with a support console: one key a line.
    pub const SSH_KEYS: &str = "ssh-keys";
    /// The store's own, for a release with the grid.
    pub const GRID_CODE: &str = "grid-code";
}

/// A setting that somebody changes at his phone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PhoneChange {
    /// Whose: an extension's number.
    pub extension: String,
    /// What.
    pub setting: PhoneSetting,
}

/// What can be changed at a phone. An empty number takes a forward away.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PhoneSetting {
    /// Where all calls go.
    ForwardAlways(String),
    /// Where calls go while it is busy.
    ForwardBusy(String),
    /// Where calls go when nobody answers.
    ForwardNoAnswer(String),
    /// Whether it rings at all.
    DoNotDisturb(bool),
}

/// How a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Outcome {
    /// It has not ended.
    #[default]
    Ongoing,
    /// Answered, and hung up by the caller.
    EndedByCaller,
    /// Answered, and hung up by the callee.
    EndedByCallee,
    /// Answered, and ended by the box: media lost, session expired, shut down.
    EndedByBox,
    /// Given up by the caller before an answer.
    Cancelled,
    /// The callee was busy or declined.
    Refused,
    /// Nobody answered in time.
    NoAnswer,
    /// No such number.
    NotFound,
    /// The callee has no phone registered, or none replied.
    Unreachable,
    /// The caller was not allowed, or the call was malformed.
    Rejected,
    /// The box stopped before the call's end was seen.
    Interrupted,
    /// One of the two made way for somebody else; what follows has a record of its own.
    Transferred,
}

/// Money and minutes spent in a day, a week and a month, as kept across power cuts. The numbers are
/// those of whoever counts.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// Which day, week and month they are of; zeros when nobody knows.
    pub periods: [i32; 3],
    /// Milliseconds spoken, by class.
    pub spoken: Vec<(Class, [u64; 3])>,
    /// By the whole box.
    pub of_box: [u64; 3],
    /// By extensions.
    pub extensions: Vec<(String, [u64; 3])>,
    /// By trunks.
    pub trunks: Vec<(String, [u64; 3])>,
    /// When an administrator last let an extension go on.
    pub resumed: Vec<(String, u64)>,
}

/// A registered contact as kept across restarts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The extension.
    pub extension: String,
    /// The Contact URI as the phone wrote it.
    pub contact: String,
    /// Where the REGISTER came from: `udp 10.0.0.2:5060` style.
    pub source: String,
    /// The local address it came to.
    pub local: String,
    /// Seconds it had at that moment.
    pub expires_secs: u32,
    /// The moment its time is counted from: when it was last registered, milliseconds since 1970.
    pub kept_millis: i64,
    /// Call-ID of the registration (RFC 3261 §10.3 step 7).
    pub call_id: String,
    /// CSeq of the registration.
    pub cseq: u32,
    /// User-Agent as sent; may be empty.
    pub user_agent: String,
    /// Parameters of the Contact as written, `;+sip.instance="<urn:...>"`; may be empty.
    #[serde(default)]
    pub params: String,
    /// Path (RFC 3327) as a list; may be empty.
    #[serde(default)]
    pub path: String,
    /// Which of its flows the phone registered (RFC 5626); 0 for none.
    #[serde(default)]
    pub reg_id: u32,
}

/// The store's condition.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Health {
    /// Bytes of the database file.
    pub file_bytes: u64,
    /// Bytes free on the data file system.
    pub free_bytes: u64,
    /// What is wrong, in a sentence; empty when nothing is.
    pub warning: String,
    /// Backups are made, and nobody has their code: no other box could restore one.
    pub is_backup_code_missing: bool,
    /// What is wrong with the backups.
    #[serde(default)]
    pub backups: Option<BackupTrouble>,
    /// A backup was restored: the box must start anew.
    #[serde(default)]
    pub needs_restart: bool,
}
