//! Lines to the outside.

use std::collections::BTreeSet;
use std::time::Duration;

use ipc::Redacted;
use ipc::site::{
    Codec, Dtmf, Encryption, Identity, InboundNumber, InboundRewrite as RawRewrite, NumberForm,
    Prack, SessionTimers, Trunk as RawTrunk, TrunkAccess as RawAccess, TrunkTransport,
};

use crate::host::Host;
use crate::network::Network;
use crate::pattern::{DIALLED_LENGTH_MAX, Pattern, is_dialled};
use crate::settings::{NETWORKS_MAX, codecs_to_ipc, parse_codecs, secs, short_secs};
use crate::tariff::Spend;
use crate::trust::Trust;
use crate::wrong::{Report, Wrong};

/// Most calls on one trunk: two E1 lines of primary rate many times over.
pub(crate) const CHANNELS_MAX: u16 = 1_000;
/// Highest rate of calls that come in: each one is remembered for a minute.
const INBOUND_PER_MINUTE_MAX: u16 = 6_000;
/// Most rewrites of one trunk.
pub(crate) const REWRITES_MAX: usize = 100;
/// Longest user name, realm or password of a trunk, characters.
pub(crate) const CREDENTIAL_LENGTH_MAX: usize = 128;

/// A line to a carrier or to another PBX.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trunk {
    /// Unique name.
    pub name: String,
    /// Otherwise it neither registers nor takes calls.
    pub enabled: bool,
    /// How the two ends know each other.
    pub access: Access,
    /// What requests go through; `None`: straight to the server.
    pub outbound_proxy: Option<Host>,
    /// How SIP travels.
    pub transport: TrunkTransport,
    /// Whom a TLS server's certificate must come from.
    pub trust: Trust,
    /// Time between two OPTIONS that ask whether it is there; `None`: never.
    pub qualify: Option<Duration>,
    /// Calls at one time, both directions together.
    pub channels_max: usize,
    /// Codecs, preferred first; never empty.
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
    /// Final statuses on which the next trunk is tried.
    pub failover_statuses: BTreeSet<u16>,
    /// What calls by it may cost (F5).
    pub spend: Spend,
    /// Calls that come in by it in any minute; `None`: as many as come.
    pub inbound_per_minute: Option<usize>,
    /// Port that its requests by UDP come from, where its address alone tells whose they are;
    /// `None`: any.
    pub source_port: Option<u16>,
}

/// How the two ends know each other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// We register there.
    Registering(Account),
    /// Each end knows the other's address.
    Peer {
        /// Where calls go to.
        server: Host,
        /// Where calls come from; never empty.
        networks: Vec<Network>,
    },
}

/// An account at a carrier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The registrar.
    pub server: Host,
    /// User part of our address there.
    pub user: String,
    /// Name for authentication.
    pub auth_user: String,
    /// Password for authentication.
    pub password: Redacted<String>,
    /// The only realm the password is used for.
    pub realm: String,
    /// Time asked for.
    pub expires: Duration,
    /// User part of the Contact.
    pub contact_user: String,
}

/// How the called number of an inbound call is changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InboundRewrite {
    /// Numbers it is for.
    pub pattern: Pattern,
    /// Digits taken away in front.
    pub strip: usize,
    /// Digits put in front.
    pub prefix: String,
}

impl Trunk {
    /// Where its requests are meant for.
    #[must_use]
    pub const fn server(&self) -> &Host {
        match &self.access {
            Access::Registering(account) => &account.server,
            Access::Peer { server, .. } => server,
        }
    }

    /// The called number of an inbound call, as routes shall see it.
    #[must_use]
    pub fn inbound(&self, called: &str) -> String {
        let fits = |rewrite: &&InboundRewrite| rewrite.pattern.matches(called);
        match self.inbound_rewrites.iter().find(fits) {
            Some(rewrite) => rewritten(called, rewrite.strip, &rewrite.prefix),
            None => called.to_owned(),
        }
    }

    pub(crate) fn parse(raw: &RawTrunk, report: &mut Report<'_>) -> Option<Self> {
        report.range(
            "inbound_per_minute",
            raw.inbound_per_minute,
            0,
            INBOUND_PER_MINUTE_MAX.into(),
        );
        report.range("channels_max", raw.channels_max, 1, CHANNELS_MAX.into());
        report.range("session_timers.secs", raw.session_timers.secs, 90, 86_400);
        if raw.qualify_secs != 0 {
            report.range("qualify_secs", raw.qualify_secs, 10, 3_600);
        }
        for status in &raw.failover_statuses {
            if !(400..700).contains(status) {
                report.wrong("failover_statuses", Wrong::NotAStatus(*status));
            }
        }
        if raw.inbound_rewrites.len() > REWRITES_MAX {
            report.wrong("inbound_rewrites", Wrong::TooMany(REWRITES_MAX));
            return None;
        }
        let proxy = &raw.outbound_proxy;
        let outbound_proxy = report.take_any("outbound_proxy", proxy, Host::parse, Wrong::NotAHost);
        let trust = Trust::parse(&raw.trust, report)?;
        let rewrites = raw.inbound_rewrites.iter();
        let codecs = parse_codecs(&raw.codecs, report);
        let inbound_rewrites = rewrites
            .filter_map(|one| InboundRewrite::parse(one, report))
            .collect();
        Some(Self {
            name: raw.name.clone(),
            enabled: raw.enabled,
            access: Access::parse(&raw.access, report)?,
            outbound_proxy,
            transport: raw.transport,
            trust,
            qualify: (raw.qualify_secs != 0).then(|| Duration::from_secs(raw.qualify_secs.into())),
            channels_max: raw.channels_max.into(),
            codecs,
            identity: raw.identity,
            prack: raw.prack,
            session_timers: raw.session_timers,
            dtmf: raw.dtmf,
            encryption: raw.encryption,
            inbound_number: raw.inbound_number,
            inbound_rewrites,
            number_form: raw.number_form,
            failover_statuses: raw.failover_statuses.iter().copied().collect(),
            spend: Spend::parse(raw.spend),
            inbound_per_minute: (raw.inbound_per_minute > 0).then(|| raw.inbound_per_minute.into()),
            source_port: (raw.source_port > 0).then_some(raw.source_port),
        })
    }

    pub(crate) fn to_ipc(&self) -> RawTrunk {
        let rewrite = |rewrite: &InboundRewrite| RawRewrite {
            pattern: rewrite.pattern.as_str().to_owned(),
            strip: u8::try_from(rewrite.strip).unwrap_or(u8::MAX),
            prefix: rewrite.prefix.clone(),
        };
        RawTrunk {
            name: self.name.clone(),
            enabled: self.enabled,
            access: self.access.to_ipc(),
            outbound_proxy: self
                .outbound_proxy
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            transport: self.transport,
            trust: self.trust.to_ipc(),
            qualify_secs: self.qualify.map(short_secs).unwrap_or_default(),
            channels_max: u16::try_from(self.channels_max).unwrap_or(CHANNELS_MAX),
            codecs: codecs_to_ipc(&self.codecs),
            identity: self.identity,
            prack: self.prack,
            session_timers: self.session_timers,
            dtmf: self.dtmf,
            encryption: self.encryption,
            inbound_number: self.inbound_number,
            inbound_rewrites: self.inbound_rewrites.iter().map(rewrite).collect(),
            number_form: self.number_form,
            failover_statuses: self.failover_statuses.iter().copied().collect(),
            spend: self.spend.to_ipc(),
            inbound_per_minute: self
                .inbound_per_minute
                .and_then(|calls| u16::try_from(calls).ok())
                .unwrap_or_default(),
            source_port: self.source_port.unwrap_or_default(),
        }
    }
}

impl Access {
    fn parse(raw: &RawAccess, report: &mut Report<'_>) -> Option<Self> {
        match raw {
            RawAccess::Registering {
                server,
                user,
                auth_user,
                password,
                realm,
                expires_secs,
                contact_user,
            } => {
                report.range("expires_secs", *expires_secs, 60, 86_400);
                for (field, text) in [
                    ("user", user),
                    ("auth_user", auth_user),
                    ("contact_user", contact_user),
                    ("realm", realm),
                    ("password", password.reveal()),
                ] {
                    report.text(field, text, CREDENTIAL_LENGTH_MAX);
                }
                if user.is_empty() {
                    report.wrong("user", Wrong::Missing);
                }
                let server = report.take("server", server, Host::parse, Wrong::NotAHost)?;
                let or = |text: &String, other: &str| {
                    if text.is_empty() { other } else { text }.to_owned()
                };
                Some(Self::Registering(Account {
                    user: user.clone(),
                    auth_user: or(auth_user, user),
                    password: password.clone(),
                    realm: or(realm, &server.name),
                    expires: Duration::from_secs((*expires_secs).into()),
                    contact_user: or(contact_user, user),
                    server,
                }))
            }
            RawAccess::Peer { server, networks } => {
                let networks = report.take_all(
                    "networks",
                    networks,
                    NETWORKS_MAX,
                    Network::parse,
                    Wrong::NotANetwork,
                );
                if networks.is_empty() {
                    report.wrong("networks", Wrong::Missing);
                }
                let server = report.take("server", server, Host::parse, Wrong::NotAHost)?;
                Some(Self::Peer { server, networks })
            }
        }
    }

    fn to_ipc(&self) -> RawAccess {
        match self {
            Self::Registering(account) => RawAccess::Registering {
                server: account.server.to_string(),
                user: account.user.clone(),
                auth_user: account.auth_user.clone(),
                password: account.password.clone(),
                realm: account.realm.clone(),
                expires_secs: secs(account.expires),
                contact_user: account.contact_user.clone(),
            },
            Self::Peer { server, networks } => RawAccess::Peer {
                server: server.to_string(),
                networks: networks.iter().map(ToString::to_string).collect(),
            },
        }
    }
}

impl InboundRewrite {
    fn parse(raw: &RawRewrite, report: &mut Report<'_>) -> Option<Self> {
        if !raw.prefix.is_empty() && !is_dialled(&raw.prefix) {
            let prefix = raw.prefix.clone();
            report.wrong("inbound_rewrites.prefix", Wrong::NotDialled(prefix));
        }
        let pattern = parse_pattern("inbound_rewrites.pattern", &raw.pattern, report)?;
        Some(Self {
            pattern,
            strip: raw.strip.into(),
            prefix: raw.prefix.clone(),
        })
    }
}

pub(crate) fn parse_pattern(
    field: &'static str,
    text: &str,
    report: &mut Report<'_>,
) -> Option<Pattern> {
    match Pattern::parse(text) {
        Ok(pattern) => Some(pattern),
        Err(fault) => {
            let text = text.to_owned();
            report.wrong(field, Wrong::Pattern { text, fault });
            None
        }
    }
}

/// A number without its first digits and with others in front; cut to what can be dialled.
#[must_use]
pub fn rewritten(number: &str, strip: usize, prefix: &str) -> String {
    let kept = number.chars().skip(strip);
    prefix
        .chars()
        .chain(kept)
        .take(DIALLED_LENGTH_MAX)
        .collect()
}
