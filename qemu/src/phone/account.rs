//! What a phone is told before it starts, and how baresip is told of the account.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipc::Redacted;

use super::PhoneError;
use crate::sound::Tone;

/// What a phone is told before it starts.
#[derive(Clone, Debug)]
pub struct PhoneConfig {
    /// Its number, which is also its user name.
    pub extension: String,
    /// The password of the extension; letters, digits and `-._~!*+=^` only.
    pub password: Redacted<String>,
    /// The PBX it registers with, and whose address is the domain of the numbers it dials.
    pub registrar: SocketAddr,
    /// The address and port it listens on; the address must exist when it starts.
    pub local: SocketAddr,
    /// What its SIP messages travel in.
    pub transport: Transport,
    /// How its media is encrypted.
    pub encryption: Encryption,
    /// The only codec it knows.
    pub codec: Codec,
    /// For how long it asks to be registered; it asks again in good time. Zero: it does not
    /// register.
    pub expires: Duration,
    /// What it plays in every call, at most five minutes long: then it hangs up.
    pub tone: Tone,
    /// Where it keeps its settings, its log `baresip.log` and its recordings; made with mode 0700.
    pub folder: PathBuf,
}

/// What SIP messages travel in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A connection.
    Tcp,
    /// A connection inside TLS; baresip takes any certificate.
    Tls,
}

/// How media is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// Not at all.
    Off,
    /// SRTP with keys in the description (RFC 4568), and no call without.
    Required,
}

/// An audio codec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.711, either law.
    G711,
    /// G.722, wide band.
    G722,
    /// Opus.
    Opus,
}

/// The address of record with all that baresip has to know of it.
pub(super) fn account(config: &PhoneConfig) -> Result<String, PhoneError> {
    let PhoneConfig {
        extension,
        password,
        registrar,
        transport,
        expires,
        encryption,
        codec,
        ..
    } = config;
    let plain = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!*+=^".contains(&byte);
        text.len() <= WORD_BYTES_MAX && text.bytes().all(plain)
    };
    if !plain(extension) || !plain(password.reveal()) {
        return Err(PhoneError::Unspeakable(extension.clone()));
    }
    let transport = match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    };
    let encryption = match encryption {
        Encryption::Off => "",
        Encryption::Required => ";mediaenc=srtp-mand",
    };
    let codecs = match codec {
        Codec::G711 => "PCMA/8000/1,PCMU/8000/1",
        Codec::G722 => "G722/16000/1",
        Codec::Opus => "opus/48000/2",
    };
    Ok(format!(
        "<sip:{extension}@{};transport={transport}>;regint={};auth_pass={};answermode=manual\
         ;audio_codecs={codecs}{encryption}",
        host(*registrar),
        expires.as_secs(),
        password.reveal(),
    ))
}

/// The host part of a URI; the usual port goes without saying.
pub(super) fn host(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) if v4.port() == 5060 => v4.ip().to_string(),
        SocketAddr::V6(v6) if v6.port() == 5060 => format!("[{}]", v6.ip()),
        other => other.to_string(),
    }
}

/// baresip takes a command of 1024 bytes.
const WORD_BYTES_MAX: usize = 128;
