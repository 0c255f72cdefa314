//! How a trunk is spoken to, for its legs.

use config::{Codec, Dtmf, Encryption as Wanted, Prack, TimerMode, Trunk};

use crate::leg::{DtmfMode, Encryption, Profile, Use};

/// The trunk's settings as a leg reads them.
pub(super) fn profile(trunk: &Trunk) -> Profile {
    Profile {
        codecs: trunk.codecs.iter().map(|codec| name(*codec)).collect(),
        dtmf: match trunk.dtmf {
            Dtmf::Auto => DtmfMode::Automatic,
            Dtmf::Rfc4733 => DtmfMode::Events,
            Dtmf::Info => DtmfMode::Info,
            Dtmf::Inband => DtmfMode::InBand,
        },
        srtp: match trunk.encryption {
            Wanted::Off => Encryption::Off,
            Wanted::Optional => Encryption::Optional,
            Wanted::Required => Encryption::Required,
        },
        reliable: match trunk.prack {
            Prack::Off => Use::Off,
            Prack::Supported => Use::Supported,
            Prack::Required => Use::Required,
        },
        timer: match trunk.session_timers.mode {
            TimerMode::Off => Use::Off,
            TimerMode::Accept => Use::Supported,
            TimerMode::Require => Use::Required,
        },
        session_interval: trunk.session_timers.secs,
    }
}

fn name(codec: Codec) -> String {
    let name = match codec {
        Codec::Opus => "OPUS",
        Codec::G722 => "G722",
        Codec::Pcma => "PCMA",
        Codec::Pcmu => "PCMU",
        Codec::G729 => "G729",
    };
    name.to_owned()
}
