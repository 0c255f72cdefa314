//! The loop that drives a [`LinkNode`] for every link.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::OptionFuture;
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::{Handle, MulticastGroup};
use sansio::{Instant, Node as _};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::arp::{Arp, Mac};
use crate::decline;
use crate::dhcp::{Dhcp, News, Turn};
use crate::link::{Event, Fixed, Held, Input, LinkNode, Output, Source};
use crate::netlink::{self, Found};
use crate::packet::PacketSocket;
use crate::routers::{self, Routers};

/// Inputs that wait at most; ARP beyond that is dropped, as a busy link would.
const INPUTS_MAX: usize = 256;

/// Between two signs of life.
const BEAT_INTERVAL: Duration = Duration::from_secs(2);

/// Why the service cannot run.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The kernel's network interface cannot be opened.
    #[error("rtnetlink cannot be opened: {0}")]
    Open(std::io::Error),
    /// The kernel refuses; most likely a capability is missing.
    #[error("rtnetlink: {0}; the service needs CAP_NET_ADMIN and CAP_NET_RAW")]
    Netlink(rtnetlink::Error),
    /// The kernel sends no more news of links.
    #[error("rtnetlink has closed")]
    Closed,
}

impl From<rtnetlink::Error> for NetError {
    fn from(error: rtnetlink::Error) -> Self {
        Self::Netlink(error)
    }
}

/// What the service knows, for whoever asks while it runs.
pub type SharedStatus = Arc<Mutex<ipc::net::Status>>;

/// What people have set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Setting {
    /// The address of one card; the others ask DHCP, and it does too without one.
    pub fixed: Option<Fixed>,
    /// The card it is for; another one has it only while that is not there.
    pub card: Option<Mac>,
}

/// What the outside gives the service.
pub struct World<N, B, S> {
    /// Reads the clock.
    pub now: N,
    /// What people have set, now and whenever they change it.
    pub set: watch::Receiver<Setting>,
    /// Called every 2 s while the loop turns, first when the service serves.
    pub beat: B,
    /// Ends when the service shall end.
    pub stop: S,
}

/// Holds an address on every network card, or on the links named, until `stop` ends; then gives
/// the leases back. One card has the address that people have set, if they have.
///
/// # Errors
/// The kernel's network interface cannot be used.
pub async fn run<N, B, S>(
    only: Vec<String>,
    status: SharedStatus,
    world: World<N, B, S>,
) -> Result<(), NetError>
where
    N: Fn() -> Instant,
    B: FnMut(),
    S: Future<Output = ()>,
{
    let World {
        now,
        mut set,
        mut beat,
        stop,
    } = world;
    let groups = [
        MulticastGroup::Link,
        MulticastGroup::Ipv4Ifaddr,
        MulticastGroup::Ipv6Ifaddr,
    ];
    let (connection, handle, mut messages) =
        rtnetlink::new_multicast_connection(&groups).map_err(NetError::Open)?;
    let connection = tokio::spawn(connection);
    let (news, mut inputs) = mpsc::channel(INPUTS_MAX);
    let mut service = Service {
        handle,
        only,
        set: set.borrow_and_update().clone(),
        links: BTreeMap::new(),
        first: None,
        routers: BTreeMap::new(),
        news,
        status,
    };
    service.look(now()).await?;
    let mut beats = tokio::time::interval(BEAT_INTERVAL);
    let mut stop = std::pin::pin!(stop);
    loop {
        let timer: OptionFuture<_> = service
            .deadline()
            .map(|at| tokio::time::sleep(at - now()))
            .into();
        tokio::select! {
            () = &mut stop => break,
            _ = beats.tick() => {
                beat();
                service.look_at_routers().await;
            }
            Some(()) = timer => service.timer(now()).await,
            input = inputs.recv() => if let Some((index, input)) = input {
                service.hear(now(), index, input).await;
            },
            Ok(()) = set.changed() => {
                let setting = set.borrow_and_update().clone();
                service.take(now(), setting).await;
            }
            message = messages.next() => match message {
                Some((message, _)) => service.kernel_says(now(), message.payload).await?,
                None => return Err(NetError::Closed),
            },
        }
    }
    service.end().await;
    connection.abort();
    Ok(())
}

struct Service {
    handle: Handle,
    only: Vec<String>,
    set: Setting,
    links: BTreeMap<u32, Link>,
    /// The card that has the address which people set, if they have.
    first: Option<u32>,
    /// By the numbers of the links.
    routers: BTreeMap<u32, Routers>,
    news: mpsc::Sender<News>,
    status: SharedStatus,
}

struct Link {
    name: String,
    mac: Mac,
    node: LinkNode,
    /// The kernel gives them by itself; they are only told.
    ipv6: BTreeSet<(Ipv6Addr, u8)>,
    socket: Arc<PacketSocket>,
    dhcp: Dhcp,
    listener: JoinHandle<()>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Service {
    /// Compares the kernel's links with ours.
    async fn look(&mut self, now: Instant) -> Result<(), NetError> {
        let found = netlink::links(&self.handle).await?;
        let ours = |link: &Found| match self.only.as_slice() {
            [] => link.physical,
            only => only.contains(&link.name),
        };
        let found: Vec<Found> = found.into_iter().filter(ours).collect();
        let gone = |index: &u32| !found.iter().any(|link| link.index == *index);
        for index in self.links.keys().copied().filter(gone).collect::<Vec<_>>() {
            if let Some(link) = self.links.remove(&index) {
                tracing::warn!("{} is gone", link.name);
            }
        }
        for link in &found {
            if !self.links.contains_key(&link.index) {
                self.add(now, link).await?;
            }
        }
        let had = self.choose_first();
        if had != self.first && self.set.fixed.is_some() {
            self.move_from(now, had).await;
        }
        for link in found {
            self.handle(now, link.index, Input::Carrier(link.carrier))
                .await;
        }
        self.publish();
        Ok(())
    }

    /// The card that has the address which people set is the one that had it first, while it is
    /// there: one that is added later must not take it away. Where nobody knows, it is that with
    /// the lowest hardware address: the kernel numbers cards as their drivers happen to find them.
    /// Answers the one until now.
    fn choose_first(&mut self) -> Option<u32> {
        let is_there = |index: &u32| self.links.contains_key(index);
        let of_mac = |mac| self.links.iter().find(|(_, link)| link.mac == mac);
        let named = self.set.card.and_then(of_mac);
        let lowest = || self.links.iter().min_by_key(|(_, link)| link.mac);
        let index = |(index, _): (&u32, _)| *index;
        let (had, named) = (self.first, named.map(index));
        let first = named.or_else(|| had.filter(is_there));
        self.first = first.or_else(|| lowest().map(index));
        had
    }

    /// The address that people have set goes from this card to the one that has it now.
    async fn move_from(&mut self, now: Instant, had: Option<u32>) {
        if let Some(had) = had {
            self.handle(now, had, Input::Moved).await;
        }
        self.hold(now).await;
    }

    async fn add(&mut self, now: Instant, found: &Found) -> Result<(), NetError> {
        if !found.up {
            netlink::set_up(&self.handle, found.index).await?;
        }
        let socket = match PacketSocket::open(&found.name) {
            Ok(socket) => Arc::new(socket),
            Err(error) => {
                tracing::error!("{} is not used: no packet socket: {error}", found.name);
                return Ok(());
            }
        };
        let (index, news) = (found.index, self.news.clone());
        let listener = tokio::spawn(listen(Arc::clone(&socket), index, news.clone()));
        let dhcp = Dhcp::spawn(&found.name, index, found.mac, news);
        let node = LinkNode::new(found.mac);
        let (name, mac) = (found.name.clone(), found.mac);
        tracing::info!("{name} ({mac}) found");
        self.links.insert(
            index,
            Link {
                name,
                mac,
                node,
                ipv6: BTreeSet::new(),
                socket,
                dhcp,
                listener,
            },
        );
        for message in netlink::addresses(&self.handle, index).await? {
            self.ipv6_changed(&message, true);
            if let Some(address) = netlink::ipv4(&message) {
                let inherited = Input::Inherited(address, message.header.prefix_len);
                self.handle(now, index, inherited).await;
            }
        }
        Ok(())
    }

    async fn kernel_says(
        &mut self,
        now: Instant,
        payload: NetlinkPayload<RouteNetlinkMessage>,
    ) -> Result<(), NetError> {
        match payload {
            NetlinkPayload::InnerMessage(
                RouteNetlinkMessage::NewLink(_) | RouteNetlinkMessage::DelLink(_),
            ) => self.look(now).await,
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewAddress(message)) => {
                self.ipv6_changed(&message, true);
                Ok(())
            }
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelAddress(message)) => {
                self.ipv6_changed(&message, false);
                if let Some(address) = netlink::ipv4(&message) {
                    self.handle(now, message.header.index, Input::Vanished(address))
                        .await;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn ipv6_changed(&mut self, message: &AddressMessage, there: bool) {
        let Some(link) = self.links.get_mut(&message.header.index) else {
            return;
        };
        let Some((address, prefix)) = netlink::ipv6(message) else {
            return;
        };
        let changed = if there {
            link.ipv6.insert((address, prefix))
        } else {
            link.ipv6.remove(&(address, prefix))
        };
        if changed {
            let (name, state) = (&link.name, if there { "on" } else { "no longer on" });
            tracing::info!("address {address}/{prefix} {state} {name}");
            self.publish();
        }
    }

    /// Who leads elsewhere. Without an answer of the kernel's, what was known holds.
    async fn look_at_routers(&mut self) {
        match routers::look(&self.handle).await {
            Ok(found) if found != self.routers => {
                self.routers = found;
                self.publish();
            }
            Ok(_) => {}
            Err(error) => tracing::debug!("the kernel does not say who the routers are: {error}"),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.links
            .values()
            .filter_map(|link| link.node.deadline())
            .min()
    }

    async fn timer(&mut self, now: Instant) {
        let due = |link: &Link| link.node.deadline().is_some_and(|at| at <= now);
        let due: Vec<u32> = self
            .links
            .iter()
            .filter(|(_, link)| due(link))
            .map(|(index, _)| *index)
            .collect();
        for index in due {
            self.handle(now, index, Input::Timer).await;
        }
    }

    /// People have set something else.
    async fn take(&mut self, now: Instant, setting: Setting) {
        let old = std::mem::replace(&mut self.set, setting);
        let had = self.choose_first();
        match (&old.fixed, &self.set.fixed) {
            (Some(_), Some(_)) if had != self.first => self.move_from(now, had).await,
            (before, after) if before != after => self.hold(now).await,
            _ => {}
        }
        self.publish();
    }

    /// The first card gets the address that people have set, or loses it.
    async fn hold(&mut self, now: Instant) {
        let first = self.first.and_then(|it| Some((it, self.links.get(&it)?)));
        let Some((index, link)) = first else {
            return;
        };
        let Some(fixed) = &self.set.fixed else {
            return self.handle(now, index, Input::Unset).await;
        };
        let lease = fixed.as_lease();
        // A lease is given back when its address goes, and not before.
        let held = link.node.held().map(|held| &held.source);
        if !matches!(held, Some(Source::Leased(_))) {
            link.dhcp.stop().await;
        }
        // Without a cable nobody could say that it is taken.
        if link.node.carrier() {
            self.handle(now, index, Input::Set(lease)).await;
        }
    }

    /// The address that people have set for this link.
    fn fixed_of(&self, index: u32) -> Option<&Fixed> {
        let is_first = self.first == Some(index);
        self.set.fixed.as_ref().filter(|_| is_first)
    }

    /// What a link's own tasks say. The last words of a DHCP client that was stopped do not count,
    /// nor those of one that keeps a lease until its address goes for one that people have set.
    async fn hear(&mut self, now: Instant, index: u32, (turn, input): (Option<Turn>, Input)) {
        let current = self.links.get(&index).map(|link| link.dhcp.turn());
        let is_current = turn.is_none_or(|turn| Some(turn) == current);
        if is_current && (turn.is_none() || self.fixed_of(index).is_none()) {
            self.handle(now, index, input).await;
        }
    }

    async fn handle(&mut self, now: Instant, index: u32, input: Input) {
        let fixed = self.fixed_of(index).cloned();
        let Some(link) = self.links.get_mut(&index) else {
            return;
        };
        link.node.handle(now, input);
        let mut changed = false;
        while let Some(output) = link.node.poll() {
            changed = true;
            // Who has an address asks no server for one, and refuses none.
            let output = match (&fixed, output) {
                (Some(fixed), Output::StartDhcp) => {
                    link.node.handle(now, Input::Leased(fixed.as_lease()));
                    continue;
                }
                (Some(_), Output::StopDhcp | Output::Decline(..)) => continue,
                (Some(_), Output::Drop(address, prefix)) => {
                    link.dhcp.release().await;
                    Output::Drop(address, prefix)
                }
                (_, output) => output,
            };
            if let Err(problem) = apply(&self.handle, index, link, output, fixed.is_some()).await {
                tracing::error!("{}: {problem}", link.name);
            }
        }
        if changed {
            self.publish();
        }
    }

    fn publish(&self) {
        let links = self.links.iter();
        let mut links: Vec<_> = links
            .map(|(index, link)| status_of(link, self.routers.get(index)))
            .collect();
        let first = self.first.and_then(|first| {
            let place = self.links.keys().position(|index| *index == first)?;
            links.get_mut(place)
        });
        let mac = first.as_ref().map(|first| first.mac.clone());
        if let (Some(fixed), Some(first)) = (&self.set.fixed, first) {
            first.dns = fixed.dns.iter().map(ToString::to_string).collect();
        }
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.links = links;
        status.first = mac.unwrap_or_default();
    }

    /// Gives every lease back and takes the addresses down.
    async fn end(&mut self) {
        for (index, link) in &self.links {
            link.dhcp.release().await;
            if let Some(held) = link.node.held()
                && let Err(error) =
                    netlink::drop_address(&self.handle, *index, held.address, held.prefix).await
            {
                tracing::warn!("{}: {error}", link.name);
            }
        }
    }
}

async fn apply(
    handle: &Handle,
    index: u32,
    link: &Link,
    output: Output,
    is_set: bool,
) -> Result<(), String> {
    match output {
        Output::StartDhcp => link.dhcp.start().await,
        Output::StopDhcp => link.dhcp.stop().await,
        Output::Decline(address, server) => {
            // No transaction is open any more; a server goes by the client id.
            let frame = decline::frame(link.mac, address, server, index);
            link.socket
                .send(&frame)
                .map_err(|error| format!("no DHCPDECLINE: {error}"))?;
        }
        Output::Transmit(arp) => {
            link.socket
                .send(&arp.to_frame())
                .map_err(|error| format!("no ARP: {error}"))?;
        }
        Output::Hold(held) => netlink::hold(handle, index, &held)
            .await
            .map_err(|error| format!("address {} cannot be set: {error}", held.address))?,
        Output::Drop(address, prefix) => netlink::drop_address(handle, index, address, prefix)
            .await
            .map_err(|error| format!("address {address} cannot be removed: {error}"))?,
        Output::Event(event) => report(&link.name, &event, is_set),
    }
    Ok(())
}

/// Tells it; `is_set` says that the link's address comes from people.
fn report(link: &str, event: &Event, is_set: bool) {
    match event {
        Event::Bound(Held {
            address,
            prefix,
            source,
        }) => match source {
            Source::Leased(_) if is_set => {
                tracing::info!("address {address}/{prefix} on {link}, as it was set");
            }
            Source::Leased(lease) => tracing::info!(
                "address {address}/{prefix} on {link} from DHCP server {}",
                lease.server
            ),
            Source::LinkLocal | Source::Inherited => tracing::warn!(
                "address {address}/{prefix} on {link}, chosen by the box itself; phones reach it \
                 only on this cable"
            ),
        },
        Event::NoServer => tracing::warn!(
            "no DHCP server answers on {link}: check the cable and the router; the box keeps asking"
        ),
        Event::Lost(address) => {
            tracing::warn!("address {address} on {link} has ended and was not renewed");
        }
        Event::Declined(address, with) if is_set => tracing::error!(
            "address {address}, which was set for {link}, is already used by {with}: unplug that \
             machine or give it another address; the box tries again"
        ),
        Event::Declined(address, with) => tracing::error!(
            "address {address}, given by the DHCP server on {link}, is already used by {with}: \
             change the DHCP reservation or unplug the other machine; the box asks for another"
        ),
        Event::Conflict(address, with) if is_set => tracing::error!(
            "address {address} is also used by {with}: two machines have one address; unplug one \
             or give it another"
        ),
        Event::Conflict(address, with) => tracing::error!(
            "address {address} is also used by {with}: two machines have one address; unplug one \
             or change the DHCP reservation"
        ),
        Event::ConflictOver(address) => {
            tracing::info!("address {address}: no other machine has used it for 5 minutes");
        }
    }
}

fn status_of(link: &Link, routers: Option<&Routers>) -> ipc::net::Link {
    let held = link.node.held();
    let lease = held.and_then(|held| match &held.source {
        Source::Leased(lease) => Some(lease),
        Source::LinkLocal | Source::Inherited => None,
    });
    let text = |address: std::net::Ipv4Addr| address.to_string();
    let texts = |of: fn(&Routers) -> &BTreeSet<IpAddr>| {
        let all = routers.into_iter().flat_map(of);
        all.map(ToString::to_string).collect()
    };
    ipc::net::Link {
        name: link.name.clone(),
        mac: link.mac.to_string(),
        up: link.node.carrier(),
        address: held
            .map(|h| format!("{}/{}", h.address, h.prefix))
            .unwrap_or_default(),
        ipv6: link
            .ipv6
            .iter()
            .map(|(address, prefix)| format!("{address}/{prefix}"))
            .collect(),
        gateway: lease
            .and_then(|lease| lease.gateway)
            .map(text)
            .unwrap_or_default(),
        routers: texts(|it| &it.routers),
        kin: texts(|it| &it.kin),
        dns: lease
            .map(|l| l.dns.iter().copied().map(text).collect())
            .unwrap_or_default(),
        conflict_with: link
            .node
            .conflict_with()
            .map(|mac| mac.to_string())
            .unwrap_or_default(),
    }
}

/// Turns the link's ARP frames into inputs.
async fn listen(socket: Arc<PacketSocket>, index: u32, news: mpsc::Sender<News>) {
    loop {
        match socket.receive().await {
            Ok(frame) => {
                if let Some(arp) = Arp::parse(&frame) {
                    // A flood of ARP must not grow memory; what does not fit is dropped.
                    let _ = news.try_send((index, (None, Input::Arp(arp))));
                }
            }
            // The link went down; its socket works again when it is back.
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::NETDOWN.raw_os_error()) => {}
            Err(error) => {
                tracing::error!("address conflicts are no longer noticed: {error}");
                return;
            }
        }
    }
}
