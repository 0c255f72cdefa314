//! Everything that can happen to a [`PbxNode`](crate::PbxNode), and all it can ask for.

mod printed;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use config::{Network, Site};
use ipc::Redacted;
use ipc::sound::{EndpointId, Event as SoundEvent, Reply as SoundReply, Request as SoundRequest};
use ipc::store::{CallRecord, Outcome, PhoneChange, Registration, Spent};
use sansio::{Datagram, Transport, UnixTime};
use sip::transaction::Flow;

/// Names a TCP connection; chosen by the run-loop, never used twice while the process runs.
pub type StreamId = u64;

/// Set in every [`StreamId`] that the node chose itself; the run-loop chooses without it.
pub const STREAM_OUTBOUND: StreamId = 1 << 63;

/// Names a question of [`Output::Resolve`] or [`Output::LastWith`].
pub type QueryId = u64;

/// One way to reach a server: the next hop of a request (RFC 3263 §4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hop {
    /// Transport.
    pub transport: Transport,
    /// The server.
    pub remote: SocketAddr,
    /// Our address on the route to it, with the port we listen on for this transport.
    pub local: SocketAddr,
}

/// What is to be resolved, as configured: RFC 3263 §4.1 and §4.2 say how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// Host name or address.
    pub host: String,
    /// Port, when configured; SRV is asked only without one.
    pub port: Option<u16>,
    /// Transport, when configured; NAPTR and SRV choose otherwise, and UDP if they say nothing.
    pub transport: Option<Transport>,
    /// Only TLS will do: a `sips:` address.
    pub secure: bool,
}

/// Who must have signed the certificate of a TLS server we connect to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Trust {
    /// A public authority (the roots of Mozilla's programme, which come with the firmware), for
    /// the name connected to.
    #[default]
    Public,
    /// One of these, DER, for the name connected to: a private authority.
    Authorities(Vec<Vec<u8>>),
    /// The certificate with this SHA-256, whoever signed it and whatever name and dates it bears.
    Fingerprint([u8; 32]),
}

/// One cause.
#[derive(Clone, PartialEq, Eq)]
pub enum Input {
    /// The site's configuration, as of this version. Until the first one, requests get 503.
    Config(u64, Arc<Site>),
    /// A datagram on the SIP socket; `destination` is the local address it was sent to, never the
    /// wildcard, because it becomes our address in the answer.
    Datagram(Datagram),
    /// A peer connected.
    StreamOpened {
        /// Its name from now on.
        stream: StreamId,
        /// TCP or TLS.
        transport: Transport,
        /// The peer.
        remote: SocketAddr,
        /// Us.
        local: SocketAddr,
    },
    /// A peer sent bytes; message borders are found here.
    StreamBytes {
        /// Which connection.
        stream: StreamId,
        /// As read, any length.
        bytes: Vec<u8>,
    },
    /// A connection is gone, from either side; also the answer to [`Output::CloseStream`].
    StreamClosed {
        /// Which connection.
        stream: StreamId,
    },
    /// The answer to an [`Output::Resolve`].
    Resolved {
        /// Which question.
        id: QueryId,
        /// Hops in the order to try them (RFC 3263, RFC 2782); empty when the name has none.
        hops: Vec<Hop>,
        /// How long they hold, seconds.
        ttl_secs: u32,
    },
    /// The answer to an [`Output::LastWith`]. It may come late, or never: the node waits for its
    /// own time.
    LastWith {
        /// Which question.
        id: QueryId,
        /// The extension; `None` when there is none, or the store does not say.
        extension: Option<String>,
    },
    /// The answer to an [`Output::Sound`]. Requests that name one endpoint are sent and answered
    /// in order. When `media` cannot be reached, the run-loop answers `Reply::Failed`.
    Sound {
        /// The endpoint the request named; 0 for `KeepOnly` and `Status`.
        endpoint: EndpointId,
        /// What came back.
        reply: SoundReply,
    },
    /// `media` tells of something.
    SoundEvent(SoundEvent),
    /// Calls in progress as kept by an earlier process, in the order of their keys; once, at
    /// start, before the first configuration.
    StoredCalls(Vec<(u64, Vec<u8>)>),
    /// The store has made something durable, or never will.
    Stored(Stored),
    /// Registrations as kept by an earlier process; once, at start.
    StoredRegistrations(Vec<Registration>),
    /// What was spent before, as the store has it; once, at start.
    StoredSpent(Spent),
    /// The networks that count as inside because the box is on them ([`config::neighbours`]): at
    /// start, and whenever they have changed. None while none are known.
    Neighbours(Vec<Network>),
    /// What is on the box's cables, and who of them leads elsewhere: at start, and whenever it has
    /// changed.
    Around(masquerade::Around),
    /// The first packet of a connection that is about to be told, as it arrived.
    Seen(masquerade::Sight),
    /// Who is banned, and who never is, has changed: the guard says it.
    Bans(guard::Notice),
    /// The wall clock now: at start, and again whenever it was set. Only call records use it.
    WallClock(UnixTime),
    /// Stop in order: end the calls, write what is left to write, say [`Output::Stopped`].
    Shutdown,
    /// The deadline has passed.
    Timer,
}

impl From<guard::Notice> for Input {
    fn from(notice: guard::Notice) -> Self {
        Self::Bans(notice)
    }
}

/// What became of what the store was to make durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stored {
    /// Call records with these ids are durable.
    Calls(Vec<String>),
    /// Call records with these ids are lost: the store was away, and too many waited for it.
    Lost(Vec<String>),
    /// The registrations handed over last are durable.
    Registrations,
    /// What was spent, as handed over last, is durable.
    Spent,
}

/// One wish.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes. A stream that is gone swallows them.
    Transmit {
        /// By which way.
        flow: Flow,
        /// One datagram, or bytes to append to the stream.
        bytes: Vec<u8>,
    },
    /// Close a connection, once what was sent on it before is out: its peer sends what is not SIP,
    /// or nothing whole. [`Input::StreamClosed`] still has to be told.
    CloseStream(StreamId),
    /// Connect to a server under this name, which has [`STREAM_OUTBOUND`] set. What is transmitted
    /// on it before it is connected waits; [`Input::StreamClosed`] says that it failed.
    Connect {
        /// Its name from now on.
        stream: StreamId,
        /// Where to; TCP or TLS.
        hop: Hop,
        /// The name or address its certificate must have, when TLS; unused otherwise. Never a
        /// name that DNS gave in answer: that of the configuration (RFC 5922 §4).
        server_name: String,
        /// Whom its certificate must come from, when TLS.
        trust: Trust,
    },
    /// Find the hops of a server; answer with [`Input::Resolved`].
    Resolve {
        /// Names the question.
        id: QueryId,
        /// The question.
        query: Query,
    },
    /// Ask the store which extension had last to do with a number outside, in a call that began
    /// since (milliseconds since 1970); answer with [`Input::LastWith`].
    LastWith {
        /// Names the question.
        id: QueryId,
        /// The number.
        number: Redacted<String>,
        /// Since when.
        since_millis: i64,
    },
    /// Ask `media`; answer with [`Input::Sound`].
    Sound(SoundRequest),
    /// Keep this about a call in progress until told otherwise, so that the next process can go on
    /// with it; `None` forgets. It need not outlive a power cut: the call does not either.
    Checkpoint {
        /// Names the call.
        key: u64,
        /// Everything about it.
        call: Option<Vec<u8>>,
    },
    /// Make these records durable, however often it takes: the same id replaces. Answer with
    /// [`Input::Stored`].
    Persist(Vec<CallRecord>),
    /// Keep all registrations for the next start; each list replaces the one before.
    PersistRegistrations(Vec<Registration>),
    /// Keep what was spent for after a power cut; each replaces the one before.
    PersistSpent(Spent),
    /// Somebody changed a setting at a phone: let the store change the site, which then comes back
    /// as [`Input::Config`].
    Change(PhoneChange),
    /// Somebody did too often what honest people seldom do: let the guard know.
    Found(ipc::guard::Finding),
    /// Somebody outside the internal networks, and no trunk, asked for something: the box can be
    /// reached from there.
    Outsider(IpAddr),
    /// What came in this way may show that a router hides who comes in: let the guard know.
    Seen(ipc::masquerade::Sighting),
    /// These are never to be banned; they replace those of before.
    Protect(Vec<ipc::guard::Guest>),
    /// Something worth a log line or a count.
    Event(Event),
    /// [`Input::Shutdown`] is worked off.
    Stopped,
}

/// What happened, for logs, counters and the guard. Texts in it come from peers: they are bounded
/// and hold no control characters, and no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A configuration is in use.
    Configured {
        /// Its version.
        version: u64,
    },
    /// A phone registered a contact it had not before.
    Registered {
        /// The extension.
        extension: String,
        /// Where it is.
        flow: Flow,
    },
    /// A contact is gone.
    Unregistered {
        /// The extension.
        extension: String,
        /// Where it was.
        flow: Flow,
        /// Why.
        cause: UnregisterCause,
    },
    /// Somebody failed to prove who he is (R53).
    AuthFailure {
        /// In what way.
        class: AuthFailure,
        /// The extension claimed; may not exist.
        extension: String,
        /// Where it came from.
        source: SocketAddr,
        /// How it came.
        transport: Transport,
    },
    /// A peer broke the protocol.
    PeerFault {
        /// In what way.
        fault: PeerFault,
        /// Where it came from.
        source: SocketAddr,
        /// How it came.
        transport: Transport,
    },
    /// A call is accepted for processing.
    CallStarted {
        /// Id of its record.
        id: String,
        /// Calling extension.
        from: String,
        /// Called number.
        to: String,
        /// Address of the caller.
        source: IpAddr,
    },
    /// A leg belongs to a call: whoever traces SIP sees both legs as one. Told before its first
    /// message goes out, and again when it takes part in another call.
    CallLeg {
        /// Id of the call's record.
        id: String,
        /// The Call-ID of the leg.
        call_id: String,
    },
    /// A call goes first to the extension that last had to do with the caller's number.
    CalledBack {
        /// Id of its record.
        id: String,
        /// The extension.
        extension: String,
    },
    /// A call was answered.
    CallAnswered {
        /// Id of its record.
        id: String,
    },
    /// A call is over.
    CallEnded {
        /// Id of its record.
        id: String,
        /// How it ended.
        outcome: Outcome,
        /// The final status the caller was given.
        status: u16,
    },
    /// Calls can go out by a trunk.
    TrunkUp {
        /// Its name.
        trunk: String,
    },
    /// No calls can go out by a trunk any more.
    TrunkDown {
        /// Its name.
        trunk: String,
        /// Why, for people.
        reason: String,
    },
    /// `media` could not do what a call needed.
    MediaFailed {
        /// The call.
        id: String,
        /// Why.
        reason: String,
    },
    /// A call is being recorded.
    RecordingBegun {
        /// Id of its record.
        id: String,
        /// The file.
        file: String,
    },
    /// A call is not recorded, or no longer; it goes on.
    RecordingFailed {
        /// Id of its record.
        id: String,
        /// Why.
        reason: String,
    },
    /// A limit turned somebody away.
    LimitReached {
        /// Which.
        limit: Limit,
    },
}

/// Why a contact is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnregisterCause {
    /// The phone said so.
    Asked,
    /// The phone did not register again in time.
    Expired,
    /// Its connection closed.
    ConnectionClosed,
    /// A newer contact of the same extension took its place.
    Replaced,
    /// The extension was deleted, its password changed, or it may not be used from there any more.
    Reconfigured,
}

/// In what way an authentication failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum AuthFailure {
    /// The response does not match the password.
    WrongPassword,
    /// No such extension.
    UnknownUser,
    /// Right or not: this extension may not be used from outside (R51).
    RemoteNotAllowed,
    /// The credentials are not digest credentials for our realm.
    Malformed,
    /// The nonce is not one of ours, or was used before.
    BadNonce,
    /// The credentials are right, but for another extension than the request is about.
    OtherExtension,
    /// Right or not: no password for the extension is taken from there for now, as there were too
    /// many wrong ones.
    LockedOut,
    /// A phone that proved its password entered a PIN that is not the extension's (F7).
    WrongPin,
}

/// In what way a peer broke the protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PeerFault {
    /// Not SIP at all, or not readable.
    Unreadable {
        /// What is wrong with it.
        reason: String,
    },
    /// A description that is not one, or that we cannot relay.
    BadDescription {
        /// What is wrong with it.
        reason: String,
    },
    /// A request whose CSeq is lower than the dialog's (RFC 3261 §12.2.2).
    CSeqTooLow,
    /// A request for a dialog that does not exist.
    UnknownDialog,
    /// A connection on which no whole message came, or nobody proved who he is, in time.
    BadStream {
        /// What is wrong with it.
        reason: String,
    },
}

/// A bound that turned somebody away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Limit {
    /// Calls at one time.
    Calls,
    /// Contacts registered.
    Registrations,
    /// TCP connections.
    Streams,
    /// SIP transactions at one time.
    Transactions,
    /// Subscriptions of one extension, or in all.
    Subscriptions,
    /// Minutes or money: a call in progress was ended (F5).
    Spend,
}
