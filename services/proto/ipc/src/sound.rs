//! `media`: endpoints, one a leg, and what each of them hears.
//!
//! An endpoint is one UDP port pair (RTP, RTCP) with one peer. A call of two is two endpoints that
//! hear each other. `media` forwards packets as they are when both peers have the codec in common,
//! and decodes and encodes when they have not.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::Redacted;

/// Names an endpoint; chosen by `pbx`, random, never used twice.
pub type EndpointId = u64;

/// Names a mix; chosen by `pbx`, random, never used twice.
pub type MixId = u64;

/// What `pbx` may ask.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Request {
    /// Open an endpoint. Answer: [`Reply::Opened`] or [`Reply::Failed`]. Opening an open one
    /// answers with the port it has.
    Open {
        /// Its name.
        id: EndpointId,
        /// The address family its peer is reached by.
        family: Family,
        /// The RTP port it had before `media` was restarted, so that the peer need not be told.
        port: Option<u16>,
    },
    /// Say what was agreed with an endpoint's peer, whole. Answer: [`Reply::Done`],
    /// [`Reply::Unknown`] or [`Reply::Failed`].
    Set(EndpointId, Box<Agreed>),
    /// Say what an endpoint hears from now on. Answer: [`Reply::Done`], [`Reply::Unknown`] or
    /// [`Reply::Failed`] when a file cannot be played.
    Hear(EndpointId, Source),
    /// Send DTMF to an endpoint's peer, in the way agreed. Answer: [`Reply::Done`] or
    /// [`Reply::Unknown`].
    Dial {
        /// To whom.
        id: EndpointId,
        /// `0-9 * # A-D`, at most 32.
        digits: String,
    },
    /// Record what an endpoint's peer says (left) and hears (right) into a WAV file of this name
    /// in the recordings folder. Answer: [`Reply::Done`], also when that is so already,
    /// [`Reply::Unknown`] or [`Reply::Failed`].
    Record {
        /// Whom.
        id: EndpointId,
        /// File name without folder: letters, digits, `-`, `_`, ending in `.wav`.
        file: String,
    },
    /// End a recording. Answer: [`Reply::Done`] or [`Reply::Unknown`].
    StopRecording(EndpointId),
    /// Say how recordings are kept from now on. Answer: [`Reply::Done`].
    KeepRecordings(Keeping),
    /// The recordings there are. Answer: [`Reply::Recordings`].
    Recordings,
    /// Delete a recording. Answer: [`Reply::Done`], [`Reply::Unknown`] or [`Reply::Failed`]: one
    /// that is being written stays.
    DeleteRecording(String),
    /// A piece of a recording from this octet on, empty behind its end. Answer: [`Reply::Piece`],
    /// [`Reply::Unknown`] or [`Reply::Failed`]: one that is being written is not whole.
    ReadRecording {
        /// File name without folder.
        name: String,
        /// Where the piece begins.
        offset: u64,
    },
    /// Close an endpoint. Answer: [`Reply::Closed`] or [`Reply::Unknown`].
    Close(EndpointId),
    /// Close every endpoint not in the list: asked by `pbx` once it has restored its calls.
    /// Answer: [`Reply::Done`].
    KeepOnly(Vec<EndpointId>),
    /// What endpoints are open. Answer: [`Reply::Endpoints`].
    Status,
    /// Every [`Event`] from now on, each as a [`Reply::Event`]. The connection serves nothing else
    /// afterwards.
    Watch,
}

/// How recordings are kept. What is being written is never deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Keeping {
    /// Days after which one is deleted.
    pub days: u16,
    /// Mebibytes of all together; beyond, the oldest are deleted.
    pub mib: u32,
}

/// Whether a recording may have this name, which leads nowhere else: letters, digits, `-` and `_`,
/// then `.wav`, at most 128 signs.
#[must_use]
pub fn is_recording_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let stem = name.strip_suffix(".wav").unwrap_or_default();
    !stem.is_empty() && name.len() <= RECORDING_NAME_MAX && stem.bytes().all(is_plain)
}

/// Whether a prompt may have this name: 1 to [`PROMPT_NAME_MAX`] of ASCII letters, digits, `-` and
/// `_`, so that it is a file name too.
#[must_use]
pub fn is_prompt_name(name: &str) -> bool {
    name.len() <= PROMPT_NAME_MAX && is_recording_name(&prompt_file(name))
}

/// The file of a prompt in the sounds folder.
#[must_use]
pub fn prompt_file(name: &str) -> String {
    format!("{name}.wav")
}

/// Before the file of a prompt, where it is told from a recording of the same name.
pub const SOUNDS: &str = "sounds/";

/// The file of a take: something an extension says into its phone to become a prompt. It lies among
/// the recordings, and goes with them when its days are over.
#[must_use]
pub fn take_file(extension: &str, unix_millis: i64) -> String {
    format!("{TAKE}{extension}-{:013}.wav", unix_millis.max(0))
}

/// Whose take a recording of this name is, and when it was begun, milliseconds since 1970; `None`
/// for what is none.
#[must_use]
pub fn take_of(name: &str) -> Option<(&str, i64)> {
    let rest = name
        .strip_prefix(TAKE)
        .filter(|_| is_recording_name(name))?;
    let (extension, millis) = rest.strip_suffix(".wav")?.split_once('-')?;
    Some((extension, millis.parse().ok()?))
}

/// How the name of a take begins; those of recordings of calls begin with the time.
const TAKE: &str = "take-";

/// Most signs of the name of a prompt.
pub const PROMPT_NAME_MAX: usize = 40;
/// The longest prompt, seconds: nobody listens for longer before a person answers.
pub const PROMPT_SECS_MAX: u32 = 300;

/// The longest file name, with its ending.
const RECORDING_NAME_MAX: usize = 128;

/// A recording as it lies in its folder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordingFile {
    /// File name without folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// When it was last written to, milliseconds since 1970.
    pub modified_millis: i64,
    /// It is being written.
    pub is_open: bool,
}

/// An IP version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What an endpoint's peer hears.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Source {
    /// Nothing is sent.
    #[default]
    Silence,
    /// What another endpoint's peer says.
    Endpoint(EndpointId),
    /// Everybody else who hears this mix; a mix exists as long as somebody hears it.
    Mix(MixId),
    /// Something the box plays.
    Clip(Clip),
}

/// Something the box plays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Clip {
    /// The called phone rings (country tone plan).
    Ringback,
    /// The called phone is busy.
    Busy,
    /// The call cannot be made.
    Congestion,
    /// Something was done as asked: one short beep.
    Confirm,
    /// Waiting.
    MusicOnHold,
    /// These digits spoken or beeped, as the box can.
    Digits(String),
    /// Waiting: a WAV file of this name in the sounds folder, over and over; where it cannot be
    /// played, [`Self::MusicOnHold`].
    Music(String),
    /// A WAV file of this name in the sounds folder, once; then [`Event::ClipEnded`].
    File(String),
}

/// What was agreed with an endpoint's peer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Agreed {
    /// Where its description says it listens; `None` while unknown.
    pub remote: Option<SocketAddr>,
    /// Where it wants RTCP when not on the next port (RFC 3605).
    pub remote_rtcp: Option<SocketAddr>,
    /// RTP and RTCP share the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// Where its signalling comes from: media may come from here too when its description shows a
    /// private address behind a router. The first valid source locks (symmetric RTP).
    pub signalling: Option<SocketAddr>,
    /// Formats we send it, under its payload types, best first.
    pub send: Vec<Codec>,
    /// The same formats under the payload types it sends us.
    pub receive: Vec<Codec>,
    /// How DTMF travels.
    pub dtmf: Dtmf,
    /// The peer wants to be sent media.
    pub hears: bool,
    /// The peer may send media; what it sends otherwise is dropped.
    pub speaks: bool,
    /// SRTP keys, when agreed.
    pub crypto: Option<Crypto>,
    /// Roll-over counters (sent, received) to go on with, as [`Stats::rollover`] last told them:
    /// for keys this process has not seen. Zeros when the session begins.
    pub rollover: (u32, u32),
    /// Packet time the peer wants, milliseconds; 0 is the usual 20.
    pub packet_time: u8,
    /// Lock to the next valid source: set after a new negotiation, which may have moved the media.
    pub relatch: bool,
    /// The tones it hears.
    pub tones: Tones,
}

/// Whose tones a peer hears.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tones {
    /// The country, by its code (ISO 3166-1), upper case; empty: Brazil.
    pub country: String,
    /// Signals that are not as there.
    pub own: Option<Box<Cadences>>,
}

/// Signals in steps, over and over; one without a step is that of the country.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Cadences {
    /// The called phone rings.
    pub ringback: Vec<ToneStep>,
    /// The called phone is busy.
    pub busy: Vec<ToneStep>,
    /// The call cannot be made.
    pub congestion: Vec<ToneStep>,
}

/// One step of a signal. A signal of a single step has no end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ToneStep {
    /// The tones sounding together, Hz; 0 for none.
    pub hertz: [u16; 2],
    /// For how long.
    pub millis: u16,
}

/// An audio format with a payload type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Codec {
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Encoding name as registered, upper case: `PCMA`, `G722`, `OPUS`, `CN`.
    pub name: String,
    /// RTP clock, Hz.
    pub clock: u32,
    /// Channels.
    pub channels: u8,
    /// Format parameters (`a=fmtp`) as written; may be empty.
    pub parameters: String,
}

/// How DTMF travels to and from a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Dtmf {
    /// RFC 4733 events.
    Events {
        /// Payload type we send.
        send: u8,
        /// Payload type the peer sends.
        receive: u8,
        /// Clock, Hz.
        clock: u32,
    },
    /// As tones in the audio: detected and made by `media` (G.711 and G.722 only).
    InBand,
    /// By SIP INFO, which is not `media`'s business; nothing is detected.
    #[default]
    Elsewhere,
}

/// SRTP by keys in the description (RFC 4568), one suite both ways.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Crypto {
    /// Suite.
    pub suite: Suite,
    /// Master key and salt for what we send; our packets carry no MKI.
    pub send: Redacted<Vec<u8>>,
    /// Master keys and salts for what the peer sends: one, or several told apart by their MKI.
    pub receive: Vec<MasterKey>,
    /// Bytes of MKI in the peer's packets, 0 to 128.
    pub mki_length: u8,
}

/// A master key and salt, and what names it in packets (RFC 3711 §3.1).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct MasterKey {
    /// Its MKI, in as many bytes as all of them have, big-endian; 0 when there is none.
    pub mki: u64,
    /// Master key and salt.
    pub key: Redacted<Vec<u8>>,
}

/// An SRTP protection profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80` (RFC 4568 §6.2.1): 16 octets of key, 14 of salt.
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32` (RFC 4568 §6.2.2): 16 octets of key, 14 of salt.
    AesCm128HmacSha1_32,
    /// `AEAD_AES_128_GCM` (RFC 7714 §14.2): 16 octets of key, 12 of salt.
    AeadAes128Gcm,
}

/// What `media` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The endpoint is open: RTP on this even port, RTCP on the next.
    Opened {
        /// RTP port.
        port: u16,
    },
    /// Done.
    Done,
    /// The endpoint is closed.
    Closed(Box<Stats>),
    /// No such endpoint.
    Unknown,
    /// Every open endpoint.
    Endpoints(Vec<(EndpointId, Stats)>),
    /// Every recording, by name.
    Recordings(Vec<RecordingFile>),
    /// A piece of a recording.
    Piece(Vec<u8>),
    /// Something happened.
    Event(Event),
    /// It could not be done.
    Failed {
        /// Why.
        reason: String,
    },
    /// The peer may not ask this.
    Refused {
        /// The user id that asked.
        uid: u32,
    },
}

/// What happens to endpoints without being asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Event {
    /// The peer pressed a key: told once, at its end, however it travelled.
    Digit {
        /// Whose peer.
        id: EndpointId,
        /// `0-9 * # A-D`.
        digit: char,
        /// How long it was pressed, milliseconds.
        millis: u32,
    },
    /// Nothing valid came from the peer, not even RTCP or comfort noise, though it may speak; told
    /// once for each silence.
    Idle {
        /// Whose peer.
        id: EndpointId,
        /// For how long, seconds.
        seconds: u32,
    },
    /// A clip that has an end (a file, digits, the confirmation) was played to it; silence follows.
    ClipEnded {
        /// Who heard it.
        id: EndpointId,
    },
    /// A recording ended by itself, or could not begin.
    RecordingFailed {
        /// Whose.
        id: EndpointId,
        /// Why.
        reason: String,
    },
    /// `media` was restarted: a recording ended with the process, and may go on in another file.
    /// The run-loop tells this, which knows what it had asked for.
    RecordingLost {
        /// Whose.
        id: EndpointId,
    },
}

/// What passed through an endpoint, and who sent audio from where.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Stats {
    /// RTP packets taken from the peer.
    pub received: u64,
    /// RTP packets sent to the peer.
    pub sent: u64,
    /// Packets dropped: wrong source after the lock, malformed, failed authentication, too early.
    pub dropped: u64,
    /// Packets that never came, by sequence number (RFC 3550 §A.3).
    pub lost: u64,
    /// Interarrival jitter, microseconds (RFC 3550 §A.8).
    pub jitter_micros: u32,
    /// Round trip by RTCP, microseconds; 0 while unknown.
    pub round_trip_micros: u32,
    /// What the peer reports to have lost of ours, in 1/256.
    pub peer_loss: u8,
    /// Estimated listening quality of what came from the peer, MOS times 100; 0 while unknown.
    pub mos_hundredths: u16,
    /// DTMF digits the peer sent.
    pub dtmf_digits: u32,
    /// Where its audio really comes from, once locked.
    pub source: Option<SocketAddr>,
    /// Where its description said it would be.
    pub described: Option<SocketAddr>,
    /// Other addresses that sent to this port, at most 4: for diagnosis.
    pub strangers: Vec<SocketAddr>,
    /// Milliseconds since the last valid packet from the peer.
    pub idle_millis: u64,
    /// Format it last sent.
    pub codec: String,
    /// SRTP roll-over counters (sent, received), to go on after a restart of `media`.
    pub rollover: (u32, u32),
}
