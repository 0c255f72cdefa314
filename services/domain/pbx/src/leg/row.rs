//! An answered leg as it is kept over a restart of this process.
//!
//! Everything needed to hold, transfer and hang it up, a 2xx of ours that nobody has acknowledged,
//! what an ACK of ours is made of, and reports on a transfer that are still to come. What else was
//! under way (a re-INVITE of ours, a digit) is not kept: its peer asks again, or gives up, as after
//! any lost packet.

use std::net::SocketAddr;

use ipc::Redacted;
use ipc::sound::{Agreed, Codec, Family, Suite};
use sansio::Transport;
use sdp::{Author, CryptoLine, Direction, Ours, Session, TelephoneEvent};
use serde::{Deserialize, Serialize};
use sip::transaction::Flow;
use sip::{HeaderName, Message, NameAddr, Response, Uri};

use super::challenge::Challenges;
use super::media::Endpoint;
use super::offer_answer::Talk;
use super::session_timer::SessionTimer;
use super::state::{Abilities, Confirmation, Farewell, First, Leg, Phase};
use super::transfer::Referral;
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
    /// `None` once the call is over: only the end is still to be said.
    talk: Option<TalkRow>,
    confirmations: Vec<ConfirmationRow>,
    ack: Option<AckRow>,
    /// CSeq of the REFER whose reports are open, and the status told last.
    referral: Option<(u32, u16)>,
    /// A BYE went either way and was heard.
    said: bool,
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

/// A way to a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct FlowRow {
    transport: u8,
    stream: Option<u64>,
    local: SocketAddr,
    remote: SocketAddr,
}

/// A 2xx of ours that has no ACK.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct ConfirmationRow {
    /// As it was sent; its description may have the keys of the media.
    response: Redacted<Vec<u8>>,
    late: bool,
}

/// The last ACK of ours for a 2xx, which is sent again when that is repeated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct AckRow {
    cseq: u32,
    /// Whether for a proxy, and the value (RFC 3261 §22.1).
    credentials: Vec<(bool, Redacted<Vec<u8>>)>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct DialogRow {
    flow: FlowRow,
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
    last: Option<Redacted<String>>,
    index: u16,
    ours: Option<OursRow>,
    /// An offer in a 2xx of ours, which the ACK answers.
    offer: Option<OursRow>,
    agreed: Option<Agreed>,
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

    /// Nobody goes on with it.
    pub(super) fn forget_talk(&mut self) {
        self.talk = None;
    }
}

impl Leg {
    /// The leg as a row, when it was answered; `said`: a BYE went either way and was heard.
    pub(super) fn save(&self, said: bool) -> Option<LegRow> {
        let talk = match self.phase {
            Phase::Early => return None,
            Phase::Confirmed => Some(save_talk(&self.talk, self.offers_late())?),
            Phase::Over => None,
        };
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
            talk,
            confirmations: self.confirmations.iter().map(save_confirmation).collect(),
            ack: self.save_ack(),
            referral: self.referral.as_ref().and_then(Referral::save),
            said,
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

    /// A 2xx of ours made an offer that its ACK is to answer.
    fn offers_late(&self) -> bool {
        self.confirmations.iter().any(|one| one.late)
    }

    fn save_ack(&self) -> Option<AckRow> {
        let of_dialog =
            |(_, tag, _): &&(_, String, _)| Some(tag.as_str()) == self.dialog.remote.tag();
        let (cseq, _, ack) = self.acks.iter().rev().find(of_dialog)?;
        let credentials = CREDENTIALS.iter().enumerate().flat_map(|(place, name)| {
            let values = ack.headers.all(name);
            values.map(move |value| (place == 1, Redacted::new(value.to_vec())))
        });
        Some(AckRow {
            cseq: *cseq,
            credentials: credentials.collect(),
        })
    }

    /// The leg of a row, in progress or with only its end to be said; `None` when the row is not
    /// one of ours.
    pub(super) fn restored(core: &mut Core, row: LegRow) -> Option<Self> {
        let id = row.leg();
        let dialog = restore_dialog(row.dialog)?;
        let family = if row.v6 { Family::V6 } else { Family::V4 };
        let over = row.talk.is_none();
        let talk = match row.talk {
            Some(talk) => restore_talk(talk)?,
            None => Talk::new(id.0),
        };
        let mut endpoint = match over {
            true => Endpoint::closed(id.0, family),
            false => Endpoint::restored(core, id.0, family, row.port),
        };
        endpoint.stats.rollover = row.rollover;
        let peer = match row.peer {
            PeerRow::Extension(name) => Peer::Extension(name),
            PeerRow::Trunk(name) => Peer::Trunk(name),
        };
        let first = First::Restored { ours: row.ours };
        let profile = restore_profile(row.profile);
        let mut leg = Self::new(id, peer, profile, first, dialog, endpoint);
        leg.phase = Phase::Confirmed;
        leg.origin = None;
        leg.talk = talk;
        leg.restore_confirmations(core, row.confirmations);
        leg.restore_ack(row.ack);
        leg.referral = row.referral.and_then(Referral::restored);
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
        if over {
            leg.end_soon(core);
            if row.said {
                leg.farewell = Farewell::Said;
            }
        }
        Some(leg)
    }

    /// What nobody has acknowledged is repeated anew (RFC 3261 §13.3.1.4).
    fn restore_confirmations(&mut self, core: &mut Core, rows: Vec<ConfirmationRow>) {
        for row in rows {
            let Ok(Message::Response(response)) = sip::parse_datagram(row.response.reveal()) else {
                continue;
            };
            let Ok(cseq) = response.headers.cseq() else {
                continue;
            };
            let invite = invite_of(&response);
            let flow = self.dialog.flow;
            if let Ok(server) = core.sip.resume_server(core.now, flow, &invite, true) {
                let confirmation = Confirmation::new(core.now, response, server, cseq.number);
                self.confirmations.push(confirmation.with_offer(row.late));
            }
        }
    }

    fn restore_ack(&mut self, row: Option<AckRow>) {
        let (Some(row), Some(tag)) = (row, self.dialog.remote.tag()) else {
            return;
        };
        let mut ack = self.dialog.ack(row.cseq);
        for (proxy, value) in row.credentials {
            let [server, by_proxy] = CREDENTIALS;
            let name = if proxy { by_proxy } else { server };
            ack.headers.push(name, value.reveal().as_slice());
        }
        self.acks.push((row.cseq, tag.to_owned(), ack));
    }
}

/// Where credentials stand: for a server, for a proxy.
const CREDENTIALS: [HeaderName; 2] = [HeaderName::Authorization, HeaderName::ProxyAuthorization];

fn save_confirmation(one: &Confirmation) -> ConfirmationRow {
    ConfirmationRow {
        response: Redacted::new(one.response.to_bytes()),
        late: one.late,
    }
}

/// What of an INVITE its response tells: enough to know it again by.
fn invite_of(response: &Response) -> sip::Request {
    let headers = &response.headers;
    let uri = headers.to().map(|to| to.uri);
    let uri = uri.unwrap_or_else(|_| Uri::Other(Box::default()));
    let invite = sip::Request {
        method: sip::Method::Invite,
        uri,
        headers: headers.clone(),
        body: Vec::new(),
    };
    sip::transaction::sketch(&invite)
}

pub(super) const fn save_flow(flow: &Flow) -> FlowRow {
    FlowRow {
        transport: match flow.transport {
            Transport::Udp => 0,
            Transport::Tcp => 1,
            Transport::Tls => 2,
        },
        stream: flow.stream,
        local: flow.local,
        remote: flow.remote,
    }
}

pub(super) const fn restore_flow(row: FlowRow) -> Flow {
    Flow {
        transport: match row.transport {
            0 => Transport::Udp,
            1 => Transport::Tcp,
            _ => Transport::Tls,
        },
        local: row.local,
        remote: row.remote,
        stream: row.stream,
    }
}

fn save_dialog(dialog: &Dialog) -> DialogRow {
    DialogRow {
        flow: save_flow(&dialog.flow),
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
    let flow = restore_flow(row.flow);
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

fn save_talk(talk: &Talk, offers: bool) -> Option<TalkRow> {
    let last = talk.author.last();
    Some(TalkRow {
        author: talk.author.version(),
        last: last.map(|last| Redacted::new(format!("v=0\r\n{last}"))),
        index: u16::try_from(talk.index).ok()?,
        ours: talk.ours.as_ref().map(save_ours),
        offer: talk.offer.as_ref().filter(|_| offers).map(save_ours),
        agreed: talk.agreed.clone(),
        prefer: talk.prefer.clone(),
        keys: talk.keys.clone(),
    })
}

fn save_ours(ours: &Ours) -> OursRow {
    let events = ours.events.iter();
    let keys = ours.crypto.iter();
    let key = |line: &CryptoLine| Some((line.tag, line.suite, line.key()?.clone()));
    OursRow {
        port: ours.port,
        protocol: ours.protocol.clone(),
        codecs: ours.codecs.clone(),
        events: events
            .map(|event| (event.payload_type, event.clock))
            .collect(),
        direction: match ours.direction {
            Direction::SendReceive => 0,
            Direction::SendOnly => 1,
            Direction::ReceiveOnly => 2,
            Direction::Inactive => 3,
        },
        rtcp_mux: ours.rtcp_mux,
        crypto: keys.filter_map(key).collect(),
    }
}

fn restore_talk(row: TalkRow) -> Option<Talk> {
    let (id, version) = row.author;
    let mut talk = Talk::new(id);
    if let Some(last) = row.last {
        let mut last = Session::parse(last.reveal().as_bytes()).ok()?;
        // The version line is not the author's to keep.
        last.lines.remove(0);
        talk.author = Author::restored(id, version, last);
    }
    Some(Talk {
        index: usize::from(row.index),
        ours: row.ours.map(restore_ours),
        offer: row.offer.map(restore_ours),
        agreed: row.agreed,
        prefer: row.prefer,
        keys: row.keys,
        ..talk
    })
}

fn restore_ours(row: OursRow) -> Ours {
    let event = |(payload_type, clock)| TelephoneEvent {
        payload_type,
        clock,
    };
    let line = |(tag, suite, key)| CryptoLine::ours(tag, suite, key);
    Ours {
        port: row.port,
        protocol: row.protocol,
        codecs: row.codecs,
        events: row.events.into_iter().map(event).collect(),
        direction: match row.direction {
            0 => Direction::SendReceive,
            1 => Direction::SendOnly,
            2 => Direction::ReceiveOnly,
            _ => Direction::Inactive,
        },
        rtcp_mux: row.rtcp_mux,
        crypto: row.crypto.into_iter().map(line).collect(),
    }
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
