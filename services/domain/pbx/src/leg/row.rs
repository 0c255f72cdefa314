//! A confirmed leg as it is kept over a restart of this process.
//!
//! Everything needed to hold, transfer and hang it up. What was under way (a re-INVITE, a REFER, a
//! digit) is not kept: its peer asks again, or gives up, as after any lost packet.

use std::net::SocketAddr;

use ipc::Redacted;
use ipc::sound::{Agreed, Codec, Family, Suite};
use sansio::Transport;
use sdp::{Author, CryptoLine, Direction, Ours, Session, TelephoneEvent};
use serde::{Deserialize, Serialize};
use sip::transaction::Flow;
use sip::{NameAddr, Uri};

use super::challenge::Challenges;
use super::media::Endpoint;
use super::offer_answer::Talk;
use super::session_timer::SessionTimer;
use super::state::{Abilities, First, Leg, Phase};
use super::{DtmfMode, Encryption, LegId, Login, Peer, Profile, Use};
use crate::core::Core;
use crate::dialog::Dialog;

/// Added to our CSeq: a number that was used after the row was written must not be used again.
const CSEQ_JUMP: u32 = 1000;

/// A leg in an earlier process.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct LegRow {
    id: u64,
    ours: bool,
    peer: PeerRow,
    profile: ProfileRow,
    dialog: DialogRow,
    v6: bool,
    port: u16,
    rollover: (u32, u32),
    talk: TalkRow,
    update: bool,
    info: bool,
    /// Session interval, whether we refresh, least interval.
    session: (u32, bool, u32),
    login: Option<LoginRow>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
enum PeerRow {
    Extension(String),
    Trunk(String),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct ProfileRow {
    codecs: Vec<String>,
    dtmf: u8,
    srtp: u8,
    reliable: u8,
    timer: u8,
    session_interval: u32,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct DialogRow {
    transport: u8,
    stream: Option<u64>,
    local_address: SocketAddr,
    remote_address: SocketAddr,
    call_id: String,
    local: String,
    remote: String,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    target: String,
    route: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct TalkRow {
    author: (u64, u64),
    /// With the keys of the media in it.
    last: Redacted<String>,
    index: u16,
    ours: OursRow,
    agreed: Agreed,
    prefer: Vec<Codec>,
    keys: Vec<(Suite, Redacted<Vec<u8>>)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct OursRow {
    port: u16,
    protocol: String,
    codecs: Vec<Codec>,
    events: Vec<(u8, u32)>,
    direction: u8,
    rtcp_mux: bool,
    crypto: Vec<(u32, Suite, Redacted<Vec<u8>>)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct LoginRow {
    user: String,
    password: Redacted<String>,
    realm: Option<String>,
}

impl LegRow {
    /// The name the leg had, and gets again.
    pub(crate) const fn leg(&self) -> LegId {
        LegId(self.id)
    }
}

impl Leg {
    /// The leg as a row, when it is confirmed and something is agreed.
    pub(super) fn save(&self) -> Option<LegRow> {
        if self.phase != Phase::Confirmed {
            return None;
        }
        let ours = match &self.first {
            First::Incoming(_) => false,
            First::Outgoing(_) => true,
            First::Restored { ours } => *ours,
        };
        Some(LegRow {
            id: self.id.0,
            ours,
            peer: match &self.peer {
                Peer::Extension(name) => PeerRow::Extension(name.clone()),
                Peer::Trunk(name) => PeerRow::Trunk(name.clone()),
            },
            profile: save_profile(&self.profile),
            dialog: save_dialog(&self.dialog),
            v6: self.endpoint.family == Family::V6,
            port: self.endpoint.port,
            rollover: self.endpoint.stats.rollover,
            talk: save_talk(&self.talk)?,
            update: self.abilities.update,
            info: self.abilities.info,
            session: (self.session.interval, self.session.ours, self.session.least),
            login: self.challenges.as_ref().map(|challenges| {
                let login = challenges.login();
                LoginRow {
                    user: login.user.clone(),
                    password: login.password.clone(),
                    realm: challenges.realm().map(str::to_owned),
                }
            }),
        })
    }

    /// The leg of a row; `None` when the row is not one of ours.
    pub(super) fn restored(core: &mut Core, row: LegRow) -> Option<Self> {
        let id = row.leg();
        let dialog = restore_dialog(row.dialog)?;
        let talk = restore_talk(row.talk)?;
        let family = if row.v6 { Family::V6 } else { Family::V4 };
        let mut endpoint = Endpoint::restored(core, id.0, family, row.port);
        endpoint.stats.rollover = row.rollover;
        let peer = match row.peer {
            PeerRow::Extension(name) => Peer::Extension(name),
            PeerRow::Trunk(name) => Peer::Trunk(name),
        };
        let first = First::Restored { ours: row.ours };
        let profile = restore_profile(row.profile);
        let mut leg = Self::new(id, peer, profile, first, dialog, endpoint);
        leg.phase = Phase::Confirmed;
        leg.talk = talk;
        leg.abilities = Abilities {
            update: row.update,
            info: row.info,
        };
        leg.session = SessionTimer::restored(core.now, row.session, id.0);
        // Gone, until we are told that this connection outlived the process, or the peer comes by
        // another.
        leg.flow_lost = leg.dialog.flow.transport != Transport::Udp;
        leg.challenges = row.login.map(|login| {
            let LoginRow {
                user,
                password,
                realm,
            } = login;
            let login = Login {
                user,
                password,
                realm: realm.clone(),
            };
            Challenges::pinned(login, realm)
        });
        Some(leg)
    }
}

fn save_dialog(dialog: &Dialog) -> DialogRow {
    DialogRow {
        transport: match dialog.flow.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
            Transport::Tls => 2,
        },
        stream: dialog.flow.stream,
        local_address: dialog.flow.local,
        remote_address: dialog.flow.remote,
        call_id: dialog.call_id.clone(),
        local: dialog.local.to_string(),
        remote: dialog.remote.to_string(),
        local_cseq: dialog.local_cseq,
        remote_cseq: dialog.remote_cseq,
        target: dialog.target().to_string(),
        route: dialog.route().iter().map(ToString::to_string).collect(),
    }
}

fn restore_dialog(row: DialogRow) -> Option<Dialog> {
    let flow = Flow {
        transport: match row.transport {
            0 => Transport::Udp,
            1 => Transport::Tcp,
            _ => Transport::Tls,
        },
        local: row.local_address,
        remote: row.remote_address,
        stream: row.stream,
    };
    let address = |text: &str| NameAddr::parse(text.as_bytes());
    let target = Uri::parse(row.target.as_bytes()).ok()?;
    let route = row.route.iter().map(|hop| address(hop));
    let mut dialog = Dialog::calling(
        flow,
        row.call_id,
        address(&row.local)?,
        address(&row.remote)?,
        target,
        row.local_cseq.saturating_add(CSEQ_JUMP),
    )
    .by_way_of(route.collect::<Option<_>>()?);
    dialog.remote_cseq = row.remote_cseq;
    Some(dialog)
}

fn save_talk(talk: &Talk) -> Option<TalkRow> {
    let ours = talk.ours.as_ref()?;
    Some(TalkRow {
        author: talk.author.version(),
        last: Redacted::new(format!("v=0\r\n{}", talk.author.last()?)),
        index: u16::try_from(talk.index).ok()?,
        ours: OursRow {
            port: ours.port,
            protocol: ours.protocol.clone(),
            codecs: ours.codecs.clone(),
            events: ours
                .events
                .iter()
                .map(|event| (event.payload_type, event.clock))
                .collect(),
            direction: match ours.direction {
                Direction::SendReceive => 0,
                Direction::SendOnly => 1,
                Direction::ReceiveOnly => 2,
                Direction::Inactive => 3,
            },
            rtcp_mux: ours.rtcp_mux,
            crypto: ours
                .crypto
                .iter()
                .filter_map(|line| Some((line.tag, line.suite, line.key()?.clone())))
                .collect(),
        },
        agreed: talk.agreed.clone()?,
        prefer: talk.prefer.clone(),
        keys: talk.keys.clone(),
    })
}

fn restore_talk(row: TalkRow) -> Option<Talk> {
    let mut last = Session::parse(row.last.reveal().as_bytes()).ok()?;
    // The version line is not the author's to keep.
    last.lines.remove(0);
    let (id, version) = row.author;
    let ours = Ours {
        port: row.ours.port,
        protocol: row.ours.protocol,
        codecs: row.ours.codecs,
        events: row
            .ours
            .events
            .into_iter()
            .map(|(payload_type, clock)| TelephoneEvent {
                payload_type,
                clock,
            })
            .collect(),
        direction: match row.ours.direction {
            0 => Direction::SendReceive,
            1 => Direction::SendOnly,
            2 => Direction::ReceiveOnly,
            _ => Direction::Inactive,
        },
        rtcp_mux: row.ours.rtcp_mux,
        crypto: row
            .ours
            .crypto
            .into_iter()
            .map(|(tag, suite, key)| CryptoLine::ours(tag, suite, key))
            .collect(),
    };
    Some(Talk {
        author: Author::restored(id, version, last),
        index: usize::from(row.index),
        ours: Some(ours),
        agreed: Some(row.agreed),
        prefer: row.prefer,
        keys: row.keys,
        ..Talk::new(id)
    })
}

fn save_profile(profile: &Profile) -> ProfileRow {
    let usage = |usage| match usage {
        Use::Off => 0,
        Use::Supported => 1,
        Use::Required => 2,
    };
    ProfileRow {
        codecs: profile.codecs.clone(),
        dtmf: match profile.dtmf {
            DtmfMode::Automatic => 0,
            DtmfMode::Events => 1,
            DtmfMode::Info => 2,
            DtmfMode::InBand => 3,
        },
        srtp: match profile.srtp {
            Encryption::Off => 0,
            Encryption::Optional => 1,
            Encryption::Required => 2,
        },
        reliable: usage(profile.reliable),
        timer: usage(profile.timer),
        session_interval: profile.session_interval,
    }
}

fn restore_profile(row: ProfileRow) -> Profile {
    let usage = |usage| match usage {
        0 => Use::Off,
        1 => Use::Supported,
        _ => Use::Required,
    };
    Profile {
        codecs: row.codecs,
        dtmf: match row.dtmf {
            0 => DtmfMode::Automatic,
            1 => DtmfMode::Events,
            2 => DtmfMode::Info,
            _ => DtmfMode::InBand,
        },
        srtp: match row.srtp {
            0 => Encryption::Off,
            1 => Encryption::Optional,
            _ => Encryption::Required,
        },
        reliable: usage(row.reliable),
        timer: usage(row.timer),
        session_interval: row.session_interval,
    }
}
