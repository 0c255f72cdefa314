//! Who may ask what, and what of it is believed: what a service says is checked as bytes from a
//! peer are.

use std::net::IpAddr;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use config::Network;
use ipc::guard::{Finding, Guest, Measure, Protection, Reply, Request, Status};
use masquerade::Sight;
use run_loop::ipc::{Answer, Connection};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use tokio::sync::mpsc;

use crate::doors::{Frame, WAITING_MAX};
use crate::guests::Who;

/// The user ids of the services with a door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peers {
    /// Our own, which may ask anything: in a native run all services share it.
    pub own: u32,
    /// `pbx`.
    pub pbx: u32,
    /// `web`.
    pub web: u32,
}

/// What the loop is asked.
#[derive(Debug)]
pub(crate) enum Ask {
    /// A door found something.
    Found(Finding),
    /// Somebody outside was heard, who has this address.
    Outsider(IpAddr),
    /// A door saw something of a router.
    Seen(Sight),
    /// What was seen of routers is to be forgotten.
    LookAnew,
    /// These are never banned, as somebody says.
    Protect(Who, Vec<(Protection, Network)>),
    /// Somebody watches from now on.
    Watch(SyncSender<Frame>),
    /// Somebody looks.
    Status(SyncSender<Status>),
    /// Ban it no more.
    Unban(Network, SyncSender<Lifted>),
}

/// What was lifted, as it is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Lifted {
    pub(crate) networks: Vec<Network>,
    /// Whether the store keeps it.
    pub(crate) is_kept: bool,
}

impl From<Lifted> for Reply {
    fn from(lifted: Lifted) -> Self {
        let Lifted { networks, is_kept } = lifted;
        Self::Unbanned {
            lifted: networks.iter().map(ToString::to_string).collect(),
            is_kept,
        }
    }
}

impl Peers {
    /// Whether a process of that user id may ask anything.
    pub(crate) const fn knows(self, uid: u32) -> bool {
        uid == self.own || uid == self.pbx || uid == self.web
    }

    const fn may(self, uid: u32, request: &Request) -> bool {
        let is_web = uid == self.web || uid == self.own;
        match request {
            Request::Found(_)
            | Request::Protect(..)
            | Request::Outsider(_)
            | Request::Seen(_)
            | Request::Watch => self.knows(uid),
            Request::Status | Request::Unban(_) | Request::LookAnew => is_web,
        }
    }

    /// Who says for these reasons that somebody is never banned; `None` when it is not for them to
    /// say so.
    fn who(self, uid: u32, reasons: &[Protection]) -> Option<Who> {
        let is_of = |who: &Who| !reasons.is_empty() && reasons.iter().all(|it| who.may_say(*it));
        let all = match uid {
            uid if uid == self.web && uid != self.own => [Who::Web].iter(),
            uid if uid == self.pbx && uid != self.own => [Who::Pbx].iter(),
            // In a native run only the reasons tell.
            _ => [Who::Pbx, Who::Web].iter(),
        };
        all.copied().find(is_of)
    }
}

/// Answers on a thread a connection, until the listener fails.
pub(crate) fn serve(
    listener: &UnixListener,
    peers: Peers,
    asks: mpsc::Sender<Ask>,
) -> std::io::Result<()> {
    run_loop::ipc::serve(
        listener,
        |uid| peers.knows(uid),
        move |connection, request| answer(connection, request, peers, &asks),
    )
}

fn answer(
    connection: &mut Connection,
    request: Request,
    peers: Peers,
    asks: &mpsc::Sender<Ask>,
) -> Answer<Reply> {
    let uid = connection.peer.uid;
    if !peers.may(uid, &request) {
        return Answer::Reply(Reply::Refused { uid });
    }
    let taken = |ask: Option<Ask>| match ask {
        None => {
            tracing::warn!(
                uid,
                "what a service said of others was not right, and is dropped"
            );
            Answer::Reply(Reply::Refused { uid })
        }
        // A service that says more than is read waits.
        Some(ask) => match asks.blocking_send(ask) {
            Ok(()) => Answer::Reply(Reply::Taken),
            Err(_) => Answer::Done,
        },
    };
    match request {
        Request::Found(finding) => taken(sound(finding).map(Ask::Found)),
        Request::Protect(reasons, guests) => taken(protect(peers, uid, &reasons, &guests)),
        // Who it was is not kept: that it can be is what people have to know.
        Request::Outsider(source) => taken(network(&source).map(|it| Ask::Outsider(it.address()))),
        Request::Seen(sighting) => taken(Sight::read(&sighting).map(Ask::Seen)),
        Request::LookAnew => taken(Some(Ask::LookAnew)),
        Request::Watch => watch(connection, asks),
        Request::Status => ask(asks, Ask::Status)
            .map_or(Answer::Done, |status| Answer::Reply(Reply::Status(status))),
        Request::Unban(network) => match Network::parse(&network).filter(guard::may_be_lifted) {
            None => Answer::Reply(Reply::Refused { uid }),
            Some(network) => ask(asks, |answer| Ask::Unban(network, answer))
                .map_or(Answer::Done, |said| Answer::Reply(said.into())),
        },
    }
}

/// Asks the loop, and waits for its answer; `None` when it has ended.
fn ask<T>(asks: &mpsc::Sender<Ask>, ask: impl FnOnce(SyncSender<T>) -> Ask) -> Option<T> {
    let (answer, answered) = sync_channel(1);
    asks.blocking_send(ask(answer)).ok()?;
    answered.recv().ok()
}

/// A finding that makes sense: it is of one line, as `sansio::network_of` draws it, or of less; of
/// all lines of an owner only where nobody is banned by it.
fn sound(finding: Finding) -> Option<Finding> {
    let network = network(&finding.source)?;
    let least = match (network.is_ipv4(), finding.measure == Measure::Narrow) {
        (true, false) => 32,
        (true, true) => 24,
        (false, false) => 64,
        (false, true) => 48,
    };
    let is_narrow = network.length() >= least;
    let is_long = |text: &String| text.len() > TRIED_LENGTH_MAX;
    let is_short = finding.tried.len() <= TRIED_MAX && !finding.tried.iter().any(is_long);
    (is_narrow && is_short && finding.count > 0).then_some(finding)
}

fn network(text: &str) -> Option<Network> {
    let text = Some(text).filter(|it| it.len() <= NETWORK_LENGTH_MAX)?;
    Network::parse(text)
}

fn protect(peers: Peers, uid: u32, reasons: &[Protection], guests: &[Guest]) -> Option<Ask> {
    let guests = Some(guests).filter(|it| it.len() <= GUESTS_MAX)?;
    let believed = |guest: &Guest| {
        let network = network(&guest.network)?;
        let is_narrow = network.length() >= narrowest(guest.why, network.is_ipv4());
        let is_right = is_narrow && reasons.contains(&guest.why);
        is_right.then_some((guest.why, network))
    };
    let guests = guests.iter().map(believed).collect::<Option<_>>()?;
    Some(Ask::Protect(peers.who(uid, reasons)?, guests))
}

/// Bits that the addresses of somebody who is never banned share at least: with half the Internet
/// on the list nobody would be banned at all. Only networks of trunks are more than one address.
const fn narrowest(why: Protection, is_ipv4: bool) -> u8 {
    match (matches!(why, Protection::Trunk), is_ipv4) {
        (true, true) => 16,
        (true, false) => 32,
        (false, true) => 32,
        (false, false) => 128,
    }
}

/// Tells a door who is banned for as long as it reads.
fn watch(connection: &mut Connection, asks: &mpsc::Sender<Ask>) -> Answer<Reply> {
    // A door that does not read at all keeps no thread of ours.
    if let Err(error) = set_socket_timeout(&*connection, Timeout::Send, Some(SENDING_MAX)) {
        tracing::warn!("a service cannot watch: {error}");
        return Answer::Done;
    }
    let (watcher, frames) = sync_channel(WAITING_MAX);
    if asks.blocking_send(Ask::Watch(watcher)).is_err() {
        return Answer::Done;
    }
    loop {
        match frames.recv_timeout(LOOK) {
            Ok(frame) => {
                if connection.send(&frame).is_err() {
                    return Answer::Done;
                }
            }
            Err(RecvTimeoutError::Timeout) if connection.is_open() => {}
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Answer::Done,
        }
    }
}

/// Bytes of the longest network as text, and some.
const NETWORK_LENGTH_MAX: usize = 64;
/// Texts of what was tried: more than a door says.
const TRIED_MAX: usize = 8;
/// Bytes of each: 40 characters.
const TRIED_LENGTH_MAX: usize = 160;
/// Guests of one service: calls and trunks of a box that is full.
const GUESTS_MAX: usize = 20_000;
/// How often a watch looks whether its peer is still there.
const LOOK: Duration = Duration::from_secs(5);
/// How long a peer may not take anything.
const SENDING_MAX: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use ipc::guard::Offence;
    use ipc::masquerade::Listener;

    use super::*;

    const PEERS: Peers = Peers {
        own: 1,
        pbx: 2,
        web: 3,
    };

    fn finding(source: &str) -> Finding {
        Finding {
            offence: Offence::SipPassword,
            source: source.into(),
            measure: Measure::Ban,
            is_in_force: true,
            count: 5,
            within_secs: 600,
            tried: vec!["100".into()],
            is_one_name: false,
        }
    }

    #[test]
    fn services_with_a_door_say_what_they_find_and_web_alone_looks_and_unbans() {
        let check = |request: Request, allowed: &[u32]| {
            for uid in 0..5 {
                assert_eq!(
                    PEERS.may(uid, &request),
                    allowed.contains(&uid),
                    "{request:?}"
                );
            }
        };
        check(Request::Found(finding("192.0.2.1/32")), &[1, 2, 3]);
        check(Request::Protect(Vec::new(), Vec::new()), &[1, 2, 3]);
        check(Request::Outsider(String::new()), &[1, 2, 3]);
        check(Request::Watch, &[1, 2, 3]);
        check(Request::Status, &[1, 3]);
        check(Request::Unban(String::new()), &[1, 3]);
        check(Request::LookAnew, &[1, 3]);
        let sighting = Sight::of(Listener::Web, [192, 0, 2, 1].into()).told();
        check(Request::Seen(sighting), &[1, 2, 3]);
    }

    #[test]
    fn a_finding_is_of_one_line_and_says_no_more_than_a_door_does() {
        for source in [
            "192.0.2.7",
            "192.0.2.7/32",
            "2001:db8:1:2::/64",
            "2001:db8::1",
        ] {
            assert!(sound(finding(source)).is_some(), "{source}");
        }
        let zeros = "0".repeat(65);
        for source in [
            "",
            "192.0.2.0/24",
            "0.0.0.0/0",
            "::/0",
            "2001:db8::/48",
            "a",
            &zeros,
        ] {
            assert!(sound(finding(source)).is_none(), "{source}");
        }
        for (source, is_sound) in [
            ("192.0.2.0/24", true),
            ("2001:db8:1::/48", true),
            ("::/0", false),
        ] {
            let narrowed = Finding {
                measure: Measure::Narrow,
                ..finding(source)
            };
            assert_eq!(sound(narrowed).is_some(), is_sound, "{source}");
        }
        let usual = finding("192.0.2.7");
        let of = |tried: Vec<String>, count| {
            sound(Finding {
                tried,
                count,
                ..usual.clone()
            })
        };
        assert!(of(vec!["x".repeat(160); 8], 1).is_some());
        assert!(of(vec!["x".repeat(161)], 1).is_none());
        assert!(of(vec![String::new(); 9], 1).is_none());
        assert!(of(Vec::new(), 0).is_none());
    }

    #[test]
    fn each_service_protects_for_its_own_reasons_and_for_no_other() {
        let guest = |why| {
            let network = "192.0.2.1".into();
            Guest { why, network }
        };
        let check = |uid, why, expected| {
            let who = match protect(PEERS, uid, &[why], &[guest(why)]) {
                Some(Ask::Protect(who, _)) => Some(who),
                _ => None,
            };
            assert_eq!(who, expected, "{uid} {why:?}");
        };
        check(2, Protection::Trunk, Some(Who::Pbx));
        check(2, Protection::Call, Some(Who::Pbx));
        check(2, Protection::Administrator, None);
        check(3, Protection::Administrator, Some(Who::Web));
        check(3, Protection::Trunk, None);
        check(2, Protection::Listed, None);
        check(1, Protection::Own, None);
        check(1, Protection::Call, Some(Who::Pbx));
        check(1, Protection::Administrator, Some(Who::Web));
        let call = [Protection::Call];
        assert!(protect(PEERS, 2, &call, &[guest(Protection::Trunk)]).is_none());
        assert!(protect(PEERS, 2, &call, &vec![guest(Protection::Call); GUESTS_MAX]).is_some());
        assert!(
            protect(
                PEERS,
                2,
                &call,
                &vec![guest(Protection::Call); GUESTS_MAX + 1]
            )
            .is_none()
        );
    }

    #[test]
    fn nobody_protects_half_the_internet() {
        let check = |uid, why, network: &str, is_believed| {
            let guest = Guest {
                why,
                network: network.into(),
            };
            let asked = protect(PEERS, uid, &[why], &[guest]);
            assert_eq!(asked.is_some(), is_believed, "{why:?} {network}");
        };
        check(2, Protection::Trunk, "198.51.0.0/16", true);
        check(2, Protection::Trunk, "2001:db8::/32", true);
        for network in [
            "0.0.0.0/0",
            "198.0.0.0/15",
            "::/0",
            "2001::/31",
            "192.0.2.1/24",
        ] {
            check(2, Protection::Trunk, network, false);
        }
        for (uid, why) in [(2, Protection::Call), (3, Protection::Administrator)] {
            check(uid, why, "192.0.2.1", true);
            check(uid, why, "2001:db8::1/128", true);
            check(uid, why, "192.0.2.0/24", false);
            check(uid, why, "2001:db8::/64", false);
        }
    }

    /// In a native run, where both have one user id.
    #[test]
    fn who_protects_nobody_takes_nobody_elses_guests() {
        for (reasons, who) in [
            (vec![Protection::Trunk, Protection::Call], Some(Who::Pbx)),
            (vec![Protection::Administrator], Some(Who::Web)),
            (Vec::new(), None),
        ] {
            let said = match protect(PEERS, 1, &reasons, &[]) {
                Some(Ask::Protect(who, _)) => Some(who),
                _ => None,
            };
            assert_eq!(said, who, "{reasons:?}");
        }
    }
}
