//! Lines to the outside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Codec, Dtmf, Encryption, Spend};
use crate::Redacted;

/// A line to a carrier or to another PBX.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Trunk {
    /// Unique name.
    pub name: String,
    /// Otherwise it neither registers nor takes calls.
    pub enabled: bool,
    /// How the two ends know each other.
    pub access: TrunkAccess,
    /// Host or address, with `:port` if need be, that requests go through. Empty: straight to the
    /// server.
    pub outbound_proxy: String,
    /// How SIP travels.
    pub transport: TrunkTransport,
    /// Whom a TLS server's certificate must come from.
    pub trust: TrunkTrust,
    /// Seconds between two OPTIONS that ask whether it is there; 0: never.
    pub qualify_secs: u16,
    /// Calls at one time, both directions together.
    pub channels_max: u16,
    /// Codecs, preferred first. Empty: all.
    pub codecs: Vec<Codec>,
    /// Who we say is calling.
    pub identity: Identity,
    /// Reliable provisional responses (RFC 3262).
    pub prack: Prack,
    /// Session timers (RFC 4028).
    pub session_timers: SessionTimers,
    /// How digits travel.
    pub dtmf: Dtmf,
    /// Whether media is encrypted.
    pub encryption: Encryption,
    /// Where the called number of an inbound call stands.
    pub inbound_number: InboundNumber,
    /// How the called number of an inbound call is changed: the first that fits.
    pub inbound_rewrites: Vec<InboundRewrite>,
    /// How the called number of an outbound call is written.
    pub number_form: NumberForm,
    /// Final statuses on which the next trunk is tried; besides these, none within the time that
    /// RFC 3261 allows always is one.
    pub failover_statuses: Vec<u16>,
    /// What calls by it may cost (F5).
    pub spend: Spend,
    /// Calls that come in by it in any minute; 0: as many as come.
    pub inbound_per_minute: u16,
    /// Port that its requests by UDP come from, where its address alone tells whose they are; 0:
    /// any.
    pub source_port: u16,
}

/// How the two ends know each other.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkAccess {
    /// We register there.
    Registering {
        /// Host or address, with `:port` if need be; without one DNS says where (RFC 3263).
        server: String,
        /// User part of our address there.
        user: String,
        /// Name for authentication; empty: the user.
        #[serde(default)]
        auth_user: String,
        /// Password for authentication. Kept readable: a client has to prove it to any nonce.
        #[serde(default)]
        password: Redacted<String>,
        /// The only realm the password is used for. Empty: the server's host name.
        #[serde(default)]
        realm: String,
        /// Seconds asked for.
        #[serde(default = "expires_secs")]
        expires_secs: u32,
        /// User part of the Contact; empty: the user.
        #[serde(default)]
        contact_user: String,
    },
    /// Each end knows the other's address.
    Peer {
        /// Host or address calls go to, with `:port` if need be.
        server: String,
        /// Addresses that calls come from, as `203.0.113.0/28`.
        #[serde(default)]
        networks: Vec<String>,
    },
}

/// How SIP travels to a trunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkTransport {
    /// What DNS names (RFC 3263 §4.1); UDP when it names none.
    #[default]
    Auto,
    /// UDP; TCP for long requests.
    Udp,
    /// TCP.
    Tcp,
    /// TLS.
    Tls,
}

/// Whom a TLS server's certificate must come from.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkTrust {
    /// A public authority, for the name we connect to.
    #[default]
    Public,
    /// One of these private authorities, as PEM, for the name we connect to.
    Authority(String),
    /// The certificate with this SHA-256 in hex, whatever else it says.
    Fingerprint(String),
}

/// Who we say is calling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Identity {
    /// User part of From.
    pub from_user: FromUser,
    /// Send P-Asserted-Identity (RFC 3325).
    pub asserted: bool,
    /// Send Remote-Party-ID.
    pub remote_party: bool,
    /// Send Diversion on forwarded calls (RFC 5806).
    pub diversion: bool,
    /// What is done for callers who do not want to be shown.
    pub privacy: Privacy,
    /// Believe the identity headers of inbound calls.
    pub trusted: bool,
}

/// User part of From.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FromUser {
    /// The caller's number.
    #[default]
    Caller,
    /// The account's user; the caller's number travels in the identity headers.
    Account,
}

/// What is done for callers who do not want to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Privacy {
    /// Privacy: id beside the identity, and an anonymous From (RFC 3323, RFC 3325).
    #[default]
    Header,
    /// No identity at all.
    Withheld,
}

/// Reliable provisional responses (RFC 3262).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Prack {
    /// Not offered.
    Off,
    /// Offered.
    #[default]
    Supported,
    /// Demanded.
    Required,
}

/// Session timers (RFC 4028).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SessionTimers {
    /// Whether they run.
    pub mode: TimerMode,
    /// Session-Expires we ask for, seconds; at least 90.
    pub secs: u32,
}

/// Whether session timers run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TimerMode {
    /// Not offered.
    Off,
    /// When the other end asks.
    #[default]
    Accept,
    /// We ask for them.
    Require,
}

/// Where the called number of an inbound call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InboundNumber {
    /// In the Request-URI; in To when that names only our account.
    #[default]
    Auto,
    /// In the Request-URI.
    RequestUri,
    /// In To.
    To,
}

/// How the called number of an inbound call is changed.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct InboundRewrite {
    /// Numbers it is for; the grammar of routes.
    pub pattern: String,
    /// Digits taken away in front.
    pub strip: u8,
    /// Digits put in front.
    pub prefix: String,
}

/// How a called number is written for a trunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NumberForm {
    /// As the route rewrote it.
    #[default]
    Dialled,
    /// `+551132345678`.
    E164,
    /// `551132345678`.
    E164Digits,
    /// As one dials in the country: `0` carrier area number, `00` carrier country number.
    National,
}

/// Seconds most carriers grant.
const fn expires_secs() -> u32 {
    600
}

impl Default for Trunk {
    fn default() -> Self {
        Self {
            name: String::new(),
            enabled: true,
            access: TrunkAccess::default(),
            outbound_proxy: String::new(),
            transport: TrunkTransport::default(),
            trust: TrunkTrust::default(),
            qualify_secs: 60,
            channels_max: 30,
            codecs: Vec::new(),
            identity: Identity::default(),
            prack: Prack::default(),
            session_timers: SessionTimers::default(),
            dtmf: Dtmf::default(),
            encryption: Encryption::Off,
            inbound_number: InboundNumber::default(),
            inbound_rewrites: Vec::new(),
            number_form: NumberForm::default(),
            failover_statuses: vec![408, 480, 500, 502, 503, 504],
            spend: Spend::default(),
            inbound_per_minute: 0,
            source_port: 0,
        }
    }
}

impl Default for TrunkAccess {
    fn default() -> Self {
        Self::Peer {
            server: String::new(),
            networks: Vec::new(),
        }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            from_user: FromUser::default(),
            asserted: true,
            remote_party: false,
            diversion: true,
            privacy: Privacy::default(),
            trusted: true,
        }
    }
}

impl Default for SessionTimers {
    fn default() -> Self {
        Self {
            mode: TimerMode::default(),
            secs: 1800,
        }
    }
}
