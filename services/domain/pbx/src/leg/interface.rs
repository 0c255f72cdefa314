//! What a call may ask of a leg, and what a leg tells: no transaction, no SDP.

use std::time::Duration;

use ipc::sound::{Codec, EndpointId, Stats};
use sip::transaction::Flow;
use sip::{HeaderName, NameAddr, StatusCode, Uri};

/// Names a leg and its media endpoint alike: random, so that it is unique over restarts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct LegId(pub(crate) EndpointId);

/// Who is at the other end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Peer {
    /// A phone of this extension.
    Extension(String),
    /// This trunk.
    Trunk(String),
}

/// How a peer is spoken to: from its device, its extension's settings, or its trunk's profile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Profile {
    /// Encoding names allowed, upper case, best first; empty allows all.
    pub(crate) codecs: Vec<String>,
    /// How DTMF travels.
    pub(crate) dtmf: DtmfMode,
    /// SRTP by SDES.
    pub(crate) srtp: Encryption,
    /// Reliable provisional responses (RFC 3262).
    pub(crate) reliable: Use,
    /// Session timers (RFC 4028).
    pub(crate) timer: Use,
    /// The session interval wanted, seconds.
    pub(crate) session_interval: u32,
}

/// How DTMF travels to and from a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DtmfMode {
    /// RFC 4733 when the peer offers it, INFO or tones when it does not.
    Automatic,
    /// RFC 4733.
    Events,
    /// SIP INFO.
    Info,
    /// Tones in the audio.
    InBand,
}

/// Whether media is encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encryption {
    /// Never offered; accepted when the peer insists (`RTP/SAVP`).
    Off,
    /// Offered beside plain RTP (`RTP/AVP` with `a=crypto`), taken when offered.
    Optional,
    /// Only encrypted calls.
    Required,
}

/// Whether an extension of SIP is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Use {
    /// Not even when the peer supports it; a peer that requires it still gets it.
    Off,
    /// When the peer supports it.
    Supported,
    /// Always.
    Required,
}

/// A leg to be made.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// Who is called.
    pub(crate) peer: Peer,
    /// The way to it.
    pub(crate) flow: Flow,
    /// Request-URI.
    pub(crate) target: Uri,
    /// Route of the first request: outbound proxy, Service-Route (RFC 3608).
    pub(crate) route: Vec<NameAddr>,
    /// From, without tag.
    pub(crate) from: NameAddr,
    /// To, without tag.
    pub(crate) to: NameAddr,
    /// Max-Forwards.
    pub(crate) hops: u8,
    /// What else the INVITE says: identity, Diversion, Alert-Info, Replaces.
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// How it is spoken to.
    pub(crate) profile: Profile,
    /// What we answer a challenge with; `None` passes the 401 or 407 on.
    pub(crate) login: Option<Login>,
    /// What to offer, best first; from the other party, with what `media` can convert to.
    pub(crate) codecs: Vec<Codec>,
}

/// Credentials of ours at a server.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// User name for the digest.
    pub(crate) user: String,
    /// Password.
    pub(crate) password: ipc::Redacted<String>,
    /// The only realm that may ask for it; `None` takes the first that asks and keeps to it.
    pub(crate) realm: Option<String>,
}

/// What a leg tells its call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum LegEvent {
    /// Outgoing: 101 to 199.
    Progress {
        /// Which.
        status: StatusCode,
        /// The peer sends media already: it hears and speaks under its early description.
        early: bool,
    },
    /// Outgoing: the first 2xx; media is agreed and the ACK is sent.
    Answered,
    /// Incoming: our 2xx was acknowledged; media is agreed.
    Acknowledged,
    /// Outgoing: a final refusal, or none in time (408), or no way to the peer (503). The leg is
    /// gone.
    Failed {
        /// Why.
        status: StatusCode,
        /// When to try again (RFC 3261 §20.33).
        retry_after: Option<Duration>,
        /// Where a 3xx points.
        moved: Vec<Uri>,
    },
    /// Incoming: taken back before we answered (CANCEL, or BYE in an early dialog). The leg is
    /// gone.
    Cancelled,
    /// What was agreed has changed: hold, resume, other codecs.
    Changed,
    /// The peer asks us to call somebody else in its place (RFC 3515). Answer with
    /// [`Legs::transfer_accepted`](super::Legs) or `transfer_refused`.
    Transfer(Box<Transfer>),
    /// The peer pressed a key by INFO. Keys by RTP come from `media`.
    Digit {
        /// `0-9 * # A-D`, `!` for flash.
        digit: char,
        /// How long, milliseconds.
        millis: u32,
    },
    /// The peer asks by INFO to be recorded, or not any more. Answer with
    /// [`Legs::record_answered`](super::Legs).
    Record(bool),
    /// It was in progress and is over: the peer said BYE, or is lost. The leg is gone.
    Ended(EndCause),
    /// `media` was restarted and has the endpoint again: tell it what the endpoint hears.
    MediaRestored,
    /// The very last event of a leg that had an endpoint: what passed through it. All zero when
    /// `media` could not tell.
    Closed(Box<Stats>),
}

/// What a REFER asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Transfer {
    /// Refer-To without its header fields.
    pub(crate) target: Uri,
    /// The dialog to be taken over (RFC 3891), from the Refer-To's escaped header field.
    pub(crate) replaces: Option<Replaced>,
}

/// A dialog named in Replaces, as seen by whoever receives it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Replaced {
    /// Call-ID.
    pub(crate) call_id: String,
    /// Our tag when it is a dialog of ours.
    pub(crate) to_tag: String,
    /// The peer's tag.
    pub(crate) from_tag: String,
    /// Only while it is not answered.
    pub(crate) early_only: bool,
}

/// How a leg is ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct HangUp {
    /// What an incoming leg that is not answered is refused with.
    pub(crate) status: StatusCode,
    /// Reason (RFC 3326) of a CANCEL or BYE, or of the refusal.
    pub(crate) reason: Option<&'static str>,
    /// What else the refusal says: Retry-After, Contact.
    pub(crate) headers: Vec<(HeaderName, String)>,
}

/// Why a leg in progress is over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum EndCause {
    /// It said BYE.
    PeerHungUp,
    /// It did not acknowledge our 2xx (RFC 3261 §13.3.1.4), or did not answer a request in the
    /// dialog with anything but 408 or 481 (RFC 5057).
    PeerLost,
    /// Nobody refreshed the session in time (RFC 4028 §10).
    SessionExpired,
    /// `media` gave no endpoint.
    NoMedia,
}

/// What is agreed on a leg, for its call.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Agreement {
    /// Formats in force, best first; empty before anything is agreed.
    pub(crate) codecs: Vec<Codec>,
    /// The peer holds us: it does not want to hear.
    pub(crate) held_by_peer: bool,
}

/// A dialog as RFC 4235 and pick-up need it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DialogName {
    /// Call-ID.
    pub(crate) call_id: String,
    /// Our tag.
    pub(crate) local_tag: String,
    /// The peer's tag; `None` before it answered anything.
    pub(crate) remote_tag: Option<String>,
}
