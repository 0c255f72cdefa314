//! Answers of the API that are not a view of something: what was made, and where things go on.

use schemars::JsonSchema;
use serde::Serialize;

use crate::grid_view::TunnelView;

/// Done, and there is no more to say.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Nothing {}

/// What comes next for whoever said a right password.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Welcome {
    /// A code of the second factor is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) second_factor: Option<bool>,
    /// The password works once, and another one has to be chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) must_change_password: Option<bool>,
    /// An administrator has to set a second factor up before anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) must_set_up_second_factor: Option<bool>,
}

/// What was lifted.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Unbanned {
    /// Whether there was a ban to lift.
    pub(crate) was_banned: bool,
    /// The bans that were lifted: with an address also the network around it, where that was
    /// banned whole.
    pub(crate) lifted: Vec<String>,
}

/// How a second factor stands.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SecondFactorState {
    pub(crate) on: bool,
    /// Codes for a lost phone that were not used.
    pub(crate) recovery_codes_left: Option<usize>,
}

/// What an app needs to make codes; nobody's until a code of it is sent.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SecondFactorOffer<'a> {
    /// Base32.
    pub(crate) secret: &'a str,
    /// `otpauth://totp/...`, as a QR code holds it.
    pub(crate) uri: &'a str,
}

/// The codes for a lost phone: shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RecoveryCodes<'a> {
    pub(crate) recovery_codes: &'a [String],
}

/// A new account, with the only copy of its password.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NewAccount<'a> {
    pub(crate) login: &'a str,
    pub(crate) one_time_password: &'a str,
}

/// Another password for somebody: shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OneTimePassword<'a> {
    pub(crate) one_time_password: &'a str,
    /// Passkeys of theirs, which stay good once they have chosen a password.
    pub(crate) passkeys: usize,
    /// Tokens of theirs, likewise.
    pub(crate) tokens: usize,
}

/// An extension that is new, with the only copy of its password.
#[derive(Clone, Serialize, JsonSchema)]
pub(crate) struct NewPassword {
    pub(crate) number: String,
    pub(crate) password: String,
}

/// A new token: shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NewToken<'a> {
    pub(crate) name: &'a str,
    pub(crate) token: &'a str,
}

/// A file of the configuration.
#[derive(Serialize, JsonSchema)]
pub(crate) struct FileOfSite<'a> {
    /// The version it is of.
    pub(crate) version: u64,
    pub(crate) file: &'a str,
}

/// What a file would change. `version` is the one it is compared with.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Taken {
    pub(crate) version: u64,
    /// One clause a field.
    pub(crate) changes: Vec<String>,
    /// Extensions that the box does not know yet.
    pub(crate) new_extensions: Vec<String>,
    /// Trunks whose password has to be entered anew.
    pub(crate) trunks_without_password: Vec<String>,
}

/// What a file has changed. `version` is the new one.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TakenOver<'a> {
    pub(crate) version: u64,
    /// Of the extensions that are new.
    pub(crate) passwords: &'a [NewPassword],
    /// Trunks whose password has to be entered anew.
    pub(crate) trunks_without_password: &'a [String],
}

/// The answer to a file: to one that is tried out, or to one that is taken over.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TakenOrOver<'a> {
    Over(TakenOver<'a>),
    Tried(&'a Taken),
}

/// The present version of the configuration.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Present {
    pub(crate) version: u64,
}

/// The code that opens backups elsewhere: shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BackupCode<'a> {
    pub(crate) backup_code: &'a str,
}

/// Where the next piece begins.
#[derive(Serialize, JsonSchema)]
pub(crate) struct NextPiece {
    pub(crate) next: u64,
}

/// Where to ask how far a restore is.
#[derive(Serialize, JsonSchema)]
pub(crate) struct RestoreBegun {
    pub(crate) progress: &'static str,
}

/// The code that opens the data without the TPM: shown this once.
#[derive(Serialize, JsonSchema)]
pub(crate) struct DataCode<'a> {
    pub(crate) recovery_code: &'a str,
}

/// Where an update is fetched from.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Fetching<'a> {
    pub(crate) fetching: &'a str,
}

/// The piece of an update that is wanted now, or that there is none.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum UpdateGoesOn {
    /// Send `bytes` bytes from `next` on.
    Wanted { next: u64, bytes: u64 },
    /// All is there: this version starts next.
    Installed { installed: String },
}

/// The tunnel that is set; none when there is none.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TunnelSet {
    pub(crate) tunnel: Option<TunnelView>,
}
