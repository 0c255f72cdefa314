//! The DHCP client of one link: mozim on a task of its own, so that nothing cancels it half-way.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mozim::{DhcpError, DhcpV4Client, DhcpV4Config, DhcpV4Lease, DhcpV4State};
use tokio::sync::{mpsc, oneshot};

use crate::arp::Mac;
use crate::link::{Input, Lease};

/// Pause after the client gave up, before it begins again.
const RESTART_DELAY: Duration = Duration::from_secs(5);

/// A server that is away must not hold up the box's end.
const RELEASE_TIME_MAX: Duration = Duration::from_millis(500);

/// Commands that wait at most; they are few and the task takes them at once.
const COMMANDS_MAX: usize = 8;

/// Which of the clients that a link has had, one after the other.
pub(crate) type Turn = u64;

/// What a link's tasks have learnt, and which client did, if one: what it says may still be under
/// way when it has been stopped.
pub(crate) type News = (u32, (Option<Turn>, Input));

enum Command {
    Start(Turn),
    Stop,
    Release(oneshot::Sender<()>),
}

/// A handle to the task; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Dhcp {
    commands: mpsc::Sender<Command>,
    turn: AtomicU64,
}

impl Dhcp {
    /// A client that does nothing yet. What it learns goes to `news`.
    pub(crate) fn spawn(name: &str, index: u32, mac: Mac, news: mpsc::Sender<News>) -> Self {
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let mut config = DhcpV4Config::new(name);
        config.set_iface_index(index);
        // Six bytes are what it asks for, so this cannot fail; without them init would.
        let _ = config.set_iface_mac_raw(&mac.0);
        config.use_mac_as_client_id();
        let task = Task {
            config,
            index,
            client: None,
            lease: None,
            turn: 0,
            news,
        };
        tokio::spawn(task.run(received));
        let turn = AtomicU64::new(0);
        Self { commands, turn }
    }

    /// The client whose words count.
    pub(crate) fn turn(&self) -> Turn {
        self.turn.load(Ordering::Relaxed)
    }

    pub(crate) async fn start(&self) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) + 1;
        // The task ends only with this handle.
        let _ = self.commands.send(Command::Start(turn)).await;
    }

    pub(crate) async fn stop(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
        let _ = self.commands.send(Command::Stop).await;
    }

    /// Gives the lease back, if there is one.
    pub(crate) async fn release(&self) {
        let (done, released) = oneshot::channel();
        let _ = self.commands.send(Command::Release(done)).await;
        // The client may be pausing after a failure; it has no lease then.
        let _ = tokio::time::timeout(RELEASE_TIME_MAX * 2, released).await;
    }
}

struct Task {
    config: DhcpV4Config,
    index: u32,
    client: Option<DhcpV4Client>,
    /// What this client has got; none of an earlier one.
    lease: Option<DhcpV4Lease>,
    turn: Turn,
    news: mpsc::Sender<News>,
}

impl Task {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Start(turn)) => self.start(turn).await,
                    Some(Command::Stop) => (self.client, self.lease) = (None, None),
                    Some(Command::Release(done)) => {
                        self.release().await;
                        // Who asked may have lost patience.
                        let _ = done.send(());
                    }
                    None => return,
                },
                state = turn(self.client.as_mut()) => self.turned(state).await,
            }
        }
    }

    async fn start(&mut self, turn: Turn) {
        (self.turn, self.lease) = (turn, None);
        self.client = match DhcpV4Client::init(self.config.clone(), None).await {
            Ok(client) => Some(client),
            Err(error) => {
                tracing::error!("no DHCP on {}: {error}", self.config.iface_name);
                None
            }
        };
    }

    async fn turned(&mut self, state: Result<DhcpV4State, DhcpError>) {
        match state {
            Ok(DhcpV4State::Done(lease)) => {
                let told = leased(&lease);
                self.lease = Some(*lease);
                self.tell(Input::Leased(told)).await;
            }
            Ok(DhcpV4State::InitReboot) => self.ended().await,
            Ok(DhcpV4State::Selecting | DhcpV4State::Renewing | DhcpV4State::Rebinding) => {}
            Err(error) => {
                tracing::warn!("DHCP on {} begins again: {error}", self.config.iface_name);
                self.ended().await;
                tokio::time::sleep(RESTART_DELAY).await;
                if let Some(client) = &mut self.client {
                    client.clean_up();
                }
            }
        }
    }

    /// The lease ran out, if there was one.
    async fn ended(&mut self) {
        if self.lease.take().is_some() {
            self.tell(Input::LeaseEnded).await;
        }
    }

    async fn release(&mut self) {
        let (Some(mut client), Some(lease)) = (self.client.take(), self.lease.take()) else {
            return;
        };
        match tokio::time::timeout(RELEASE_TIME_MAX, client.release(&lease)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("the lease was not given back: {error}"),
            Err(_) => tracing::warn!("the lease was not given back in time"),
        }
    }

    async fn tell(&self, input: Input) {
        // The receiver lives as long as the service.
        let _ = self.news.send((self.index, (Some(self.turn), input))).await;
    }
}

/// Turns the client once; for ever when there is none.
async fn turn(client: Option<&mut DhcpV4Client>) -> Result<DhcpV4State, DhcpError> {
    match client {
        Some(client) => client.run().await,
        None => std::future::pending().await,
    }
}

fn leased(lease: &DhcpV4Lease) -> Lease {
    let routes = lease.classless_routes.as_deref();
    // RFC 3442: with classless routes, the router option does not count.
    let gateway = match routes {
        Some(routes) => routes
            .iter()
            .find(|route| route.destination.is_unspecified() && route.prefix_length == 0)
            .map(|route| route.router),
        None => lease
            .gateways
            .as_ref()
            .and_then(|gateways| gateways.first().copied()),
    };
    Lease {
        address: lease.yiaddr,
        prefix: prefix_of(lease.subnet_mask),
        gateway: gateway.filter(|gateway| !gateway.is_unspecified()),
        dns: lease.dns_srvs.clone().unwrap_or_default(),
        server: lease.srv_id,
        lifetime: Duration::from_secs(u64::from(lease.lease_time_sec)),
    }
}

/// The prefix length of a mask; a mask with holes counts to its first one.
fn prefix_of(mask: Ipv4Addr) -> u8 {
    u8::try_from(mask.to_bits().leading_ones()).unwrap_or(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_prefix_length() {
        let check = |mask: [u8; 4], prefix| assert_eq!(prefix_of(Ipv4Addr::from(mask)), prefix);
        check([255, 255, 255, 0], 24);
        check([255, 255, 255, 255], 32);
        check([0, 0, 0, 0], 0);
        check([255, 0, 255, 0], 8);
    }
}
