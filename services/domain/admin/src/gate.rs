//! Who is heard at the pages and the API, and whose password is looked at (R53-R55, R69).
//!
//! Only people on the network are judged: a program on the box itself, its own screen and the grid
//! are not. All of them are proven to be where they say they are, as they speak TCP.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use config::{Network, Networks, Way};
use countries::{Country, Table};
use guard::{Around, Attempt, Borders, Door, Notice};
use ipc::guard::{Finding, Guest, Offence, Protection};
use ipc::site::{Role, Site};
use sansio::Instant;

use crate::admin::{Admin, Caller};
use crate::fault::{BansFault, Fault};
use crate::http::Peer;

/// What is to be told to the process that keeps the bans.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct News {
    /// What was found, in order.
    pub found: Vec<Finding>,
    /// From where administrators are signed in, where that is not what was said last.
    pub guests: Option<Vec<Guest>>,
    /// Somebody outside the internal networks who was heard (T8); one an hour at most.
    pub outsider: Option<IpAddr>,
}

/// The door, and what waits to be told.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    door: Door,
    borders: Borders,
    found: Vec<Finding>,
    /// Who signed in as an administrator, and until when he is protected, by session and address.
    administrators: BTreeMap<(u64, IpAddr), (String, Instant)>,
    /// What was said of them last.
    guests: Vec<Guest>,
    networks: Networks,
    /// Those of all links of the box, once they are known.
    neighbours: Option<Vec<Network>>,
    outsider: Option<IpAddr>,
    /// Who was last told, and when.
    outsider_told: Option<(IpAddr, Instant)>,
    /// Bans are off, and somebody outside was heard, as `guard` says.
    is_exposed: bool,
}

impl Gate {
    /// Takes what the site says of it; an unreadable one changes nothing.
    pub(crate) fn configure(&mut self, site: &Site) {
        if let Ok(site) = config::Site::parse(site) {
            self.networks = site.networks;
            self.door.configure(&site.guard);
            self.borders.configure(&site.countries);
        }
    }

    pub(crate) const fn borders(&self) -> &Borders {
        &self.borders
    }

    /// Who is no stranger; `None` before the neighbours are known: a stranger could be one of them.
    fn around(&self) -> Option<Around<'_>> {
        Some(Around {
            networks: &self.networks,
            neighbours: self.neighbours.as_deref()?,
            protected: self.door.guests(),
        })
    }

    /// The country for which somebody would not be heard at the pages under another site, and his
    /// address.
    pub(crate) fn would_refuse(
        &self,
        site: &config::Site,
        peer: Peer,
    ) -> Option<(Option<Country>, IpAddr)> {
        let Peer::Network(source) = peer else {
            return None;
        };
        let around = Around {
            networks: &site.networks,
            neighbours: self.neighbours.as_deref().unwrap_or_default(),
            protected: self.door.guests(),
        };
        let refused = self
            .borders
            .would_refuse(&site.countries, Way::Web, source, around);
        Some((refused?, source))
    }

    /// The address of somebody who is judged.
    fn visitor(&self, peer: Peer) -> Option<IpAddr> {
        match peer {
            Peer::Network(address) => {
                let is_in_grid = self.networks.grid.iter().any(|it| it.contains(address));
                (!is_in_grid).then_some(address)
            }
            Peer::Local | Peer::Screen => None,
        }
    }

    /// Whether an address is outside the internal networks; before the neighbours are known none
    /// is, as it could be one of them.
    pub(crate) fn is_outside(&self, address: IpAddr) -> bool {
        let neighbours = self.neighbours.as_ref();
        neighbours.is_some_and(|near| !self.networks.is_internal(address, near))
    }

    /// A request came: whether from outside is told now and then. Before the neighbours are known
    /// nobody is called an outsider: it could be one of them.
    pub(crate) fn heard(&mut self, now: Instant, peer: Peer) {
        let Some(source) = self.visitor(peer) else {
            return;
        };
        let Some(neighbours) = &self.neighbours else {
            return;
        };
        let is_due = |(_, told)| now - told >= OUTSIDER_PAUSE;
        let why = self.door.protected().why(source);
        if self.outsider_told.is_none_or(is_due)
            && !self.networks.is_internal(source, neighbours)
            && why.is_none_or(|why| why == Protection::Administrator)
        {
            self.outsider_told = Some((source, now));
            self.outsider = Some(source);
        }
    }
}

impl Admin {
    /// Whether nothing of an address is to be read. Asked before anything is.
    #[must_use]
    pub fn is_shut(&self, now: Instant, source: IpAddr) -> bool {
        let borders = &self.gate.borders;
        let around = self.gate.around();
        self.gate.door.is_shut(now, source)
            || around.is_some_and(|it| borders.refuses(Way::Web, source, it))
    }

    /// Somebody asks for a connection: whether nothing of him is to be read, for a ban or for his
    /// country. He is counted.
    pub fn knocks(&mut self, now: Instant, source: IpAddr) -> bool {
        let gate = &mut self.gate;
        if gate.door.is_shut(now, source) {
            return true;
        }
        let Some(neighbours) = gate.neighbours.as_deref() else {
            return false;
        };
        let around = Around {
            networks: &gate.networks,
            neighbours,
            protected: gate.door.guests(),
        };
        gate.borders.knock(Way::Web, source, around)
    }

    /// Takes the table of which country an address is registered in.
    pub fn know(&mut self, countries: Arc<Table>) {
        self.gate.borders.know(countries);
    }

    /// Does what the process says that keeps the bans. A new one knows of nobody outside.
    pub fn obey(&mut self, now: Instant, notice: Notice) {
        if let Some((source, _)) = self.gate.outsider_told.filter(|_| notice.is_whole()) {
            self.gate.outsider = Some(source);
        }
        if notice.hiding().is_some_and(|it| it.is_anew) {
            self.forget_seen();
        }
        self.gate
            .door
            .obey(now, notice, &[Protection::Administrator]);
    }

    /// Takes the networks that count as inside because the box is on them
    /// ([`config::neighbours`]).
    pub fn meet(&mut self, neighbours: Vec<Network>) {
        self.gate.door.near(&neighbours);
        self.gate.neighbours = Some(neighbours);
    }

    /// Learns whether the box can be reached from outside while bans are off.
    pub const fn is_exposed_now(&mut self, is_exposed: bool) {
        self.gate.is_exposed = is_exposed;
    }

    pub(crate) const fn is_exposed(&self) -> bool {
        self.gate.is_exposed
    }

    /// What is to be told since the last time. The runtime asks after each request, and every few
    /// seconds, as sessions end by themselves.
    pub fn take_news(&mut self, now: Instant) -> News {
        let mut administrators = std::mem::take(&mut self.gate.administrators);
        administrators.retain(|(session, _), (login, until)| {
            let is_one = |it: &ipc::site::Person| it.role == Role::Administrator;
            now < *until
                && self.person(login).is_some_and(is_one)
                && self.sessions.is_whole(now, *session)
        });
        let mut networks: Vec<_> = administrators
            .keys()
            .map(|(_, it)| Network::of(*it))
            .collect();
        self.gate.administrators = administrators;
        networks.sort_unstable();
        networks.dedup();
        let guest = |network: &Network| Guest {
            why: Protection::Administrator,
            network: network.to_string(),
        };
        let guests: Vec<_> = networks.iter().map(guest).collect();
        let door = &mut self.gate.door;
        door.protected().set(Protection::Administrator, networks);
        let is_news = self.gate.guests != guests;
        if is_news {
            self.gate.guests.clone_from(&guests);
        }
        News {
            found: std::mem::take(&mut self.gate.found),
            guests: is_news.then_some(guests),
            outsider: self.gate.outsider.take(),
        }
    }

    /// Whether a password, a code or a passkey of a caller is to be looked at.
    pub(crate) fn admits(&mut self, now: Instant, caller: &Caller) -> Result<(), Fault> {
        let Some(source) = self.gate.visitor(caller.peer) else {
            return Ok(());
        };
        let attempt = proven(source, &caller.login);
        let door = &mut self.gate.door;
        match !door.is_shut(now, source) && door.admits(now, attempt) {
            true => Ok(()),
            // Not for how long: who guesses learns nothing by asking.
            false => Err(Fault::Bans(BansFault::LockedOut)),
        }
    }

    /// Begins an attempt to say who one is, counting it as failed, or says that it is not looked
    /// at now.
    pub(crate) fn begin_attempt(
        &mut self,
        now: Instant,
        source: IpAddr,
        caller: &Caller,
    ) -> Result<(), Fault> {
        // First: who is locked out uses up no allowance.
        self.admits(now, caller)?;
        let begun = self.throttle.begin(now, source, &caller.login);
        begun.map_err(Fault::TooManyAttempts)
    }

    /// A program has shown a token that is good: nobody else on its line has it shut out.
    pub(crate) fn vouched(&mut self, now: Instant, peer: Peer, login: &str, token: &str) {
        if let Some(source) = self.gate.visitor(peer) {
            // No login has a space in it.
            let name = format!("token {token} of {login}");
            self.gate.door.proved(now, proven(source, &name));
        }
    }

    /// A caller has said wholly who he is, in the session of this token.
    pub(crate) fn proved(&mut self, now: Instant, caller: &Caller, token: &str) {
        let Some(source) = self.gate.visitor(caller.peer) else {
            return;
        };
        self.gate.door.proved(now, proven(source, &caller.login));
        let person = self.person(&caller.login);
        let is_one = person.is_some_and(|it| it.role == Role::Administrator);
        if let Some(session) = self.sessions.number(token).filter(|_| is_one) {
            let administrators = &mut self.gate.administrators;
            if administrators.len() >= ADMINISTRATORS_MAX {
                let soonest = administrators.iter().min_by_key(|(_, (_, until))| *until);
                let soonest = soonest.map(|(key, _)| *key);
                soonest.and_then(|key| administrators.remove(&key));
            }
            let until = now + ADMINISTRATOR_TIME;
            administrators.insert((session, source), (caller.login.clone(), until));
        }
    }

    /// What was said of who somebody is was wrong.
    pub(crate) fn failed(&mut self, now: Instant, caller: &Caller) {
        // No login begins so; a path does, and what is told is told apart by that.
        let name = match caller.login.starts_with('/') {
            true => UNKNOWN,
            false => &caller.login,
        };
        self.offends(now, caller.peer, name, Offence::WebSignIn);
    }

    /// Somebody did what honest people seldom do often.
    pub(crate) fn offends(&mut self, now: Instant, peer: Peer, name: &str, offence: Offence) {
        let Some(source) = self.gate.visitor(peer) else {
            return;
        };
        let name: String = name.chars().take(NAME_LENGTH_MAX).collect();
        let mut found = self.gate.door.offence(now, proven(source, &name), offence);
        for finding in &mut found {
            self.blot(&mut finding.tried);
        }
        let room = FOUND_MAX.saturating_sub(self.gate.found.len());
        self.gate.found.extend(found.into_iter().take(room));
    }

    /// What was typed as login may be a password in the wrong field: only known names are told.
    fn blot(&self, tried: &mut Vec<String>) {
        for name in &mut *tried {
            if !name.starts_with('/') && self.person(name).is_none() {
                UNKNOWN.clone_into(name);
            }
        }
        tried.sort_unstable();
        tried.dedup();
    }
}

/// Whoever speaks TCP gets what is sent to him.
const fn proven(source: IpAddr, name: &str) -> Attempt<'_> {
    Attempt { source, name }
}

/// Whether browsers ask for an address by themselves, whether or not it is there.
pub(crate) fn is_asked_by_browsers(path: &str) -> bool {
    ["/favicon.ico", "/apple-touch-icon", "/.well-known/"]
        .iter()
        .any(|known| path.starts_with(known))
}

/// A name that is nobody's.
const UNKNOWN: &str = "(unknown)";
/// Between two times that somebody outside is told of.
const OUTSIDER_PAUSE: Duration = Duration::from_secs(3_600);
/// An administrator is protected so long after a sign-in, while he is signed in (E9).
const ADMINISTRATOR_TIME: Duration = Duration::from_secs(8 * 3_600);
/// Addresses of administrators.
const ADMINISTRATORS_MAX: usize = 64;
/// Characters of a login or a path that are looked at.
const NAME_LENGTH_MAX: usize = 200;
/// Findings that wait for the runtime, which takes them after each request.
const FOUND_MAX: usize = 1_024;
