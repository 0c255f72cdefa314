//! The loop that drives a [`TunnelNode`].

use std::collections::VecDeque;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use config::Tunnel;
use futures_util::future::OptionFuture;
use grid::{Input, Notice, Output, Standing, TunnelNode};
use sansio::{Instant, Node as _};
use tokio::sync::mpsc;

use crate::kernel::{Kernel, KernelError};
use crate::key::PrivateKey;
use crate::status::SharedStatus;

/// What the outside gives the service.
pub struct World<N, R, T, B, S> {
    /// Reads the clock.
    pub now: N,
    /// Looks up a name.
    pub resolve: R,
    /// Called with what whoever judges the firmware has to know.
    pub tell: T,
    /// Called every 2 s while the loop turns.
    pub beat: B,
    /// Ends when the service shall end.
    pub stop: S,
}

/// What is set: a tunnel or none; or what of it cannot be read.
pub type Set = Result<Option<Box<Tunnel>>, String>;

/// Holds the tunnel that was `set` last until `stop` ends, and leaves it as it is then: whoever
/// comes next takes it over.
///
/// # Errors
/// The kernel's network interface cannot be opened.
pub async fn run<N, R, F, T, B, S>(
    key: PrivateKey,
    mut set: mpsc::Receiver<Set>,
    status: SharedStatus,
    world: World<N, R, T, B, S>,
) -> Result<(), KernelError>
where
    N: Fn() -> Instant,
    R: Fn(String) -> F,
    F: Future<Output = Vec<IpAddr>> + Send + 'static,
    T: FnMut(Notice),
    B: FnMut(),
    S: Future<Output = ()>,
{
    let (now, resolve) = (world.now, world.resolve);
    let (mut beat, mut stop) = (world.beat, std::pin::pin!(world.stop));
    let (connection, handle, _) = rtnetlink::new_connection().map_err(KernelError::Open)?;
    let connection = tokio::spawn(connection);
    let (found, mut names) = mpsc::channel(NAMES_MAX);
    let mut service = Service {
        node: TunnelNode::default(),
        kernel: Kernel::new(handle)?,
        key,
        tunnel: None,
        status,
        tell: world.tell,
        lookup: move |name| {
            let (asked, found) = (resolve(name), found.clone());
            tokio::spawn(async move { drop(found.try_send(asked.await)) });
        },
    };
    let mut beats = tokio::time::interval(BEAT_INTERVAL);
    loop {
        let timer: OptionFuture<_> = service
            .node
            .deadline()
            .map(|at| tokio::time::sleep(at - now()))
            .into();
        let input = tokio::select! {
            () = &mut stop => break,
            _ = beats.tick() => {
                beat();
                continue;
            }
            Some(()) = timer => Input::Timer,
            Some(addresses) = names.recv() => Input::Resolved(addresses),
            Some(set) = set.recv() => match set {
                Ok(tunnel) => {
                    service.tunnel.clone_from(&tunnel);
                    Input::Set(tunnel)
                }
                Err(why) => {
                    service.tunnel = None;
                    Input::Unreadable(why)
                }
            }
        };
        service.feed(now(), input).await;
    }
    connection.abort();
    Ok(())
}

struct Service<T, L> {
    node: TunnelNode,
    kernel: Kernel,
    key: PrivateKey,
    /// What is set.
    tunnel: Option<Box<Tunnel>>,
    status: SharedStatus,
    tell: T,
    lookup: L,
}

impl<T: FnMut(Notice), L: Fn(String)> Service<T, L> {
    /// Hands the node one cause, and carries out all that follows from it.
    async fn feed(&mut self, now: Instant, input: Input) {
        let mut inputs = VecDeque::from([input]);
        let mut is_changed = false;
        while let Some(input) = inputs.pop_front() {
            self.node.handle(now, input);
            while let Some(output) = self.node.poll() {
                is_changed |= output == Output::Changed;
                inputs.extend(self.carry_out(output).await);
            }
        }
        let standing = self.node.standing();
        if is_changed {
            report(standing);
        }
        self.status
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(standing);
    }

    async fn carry_out(&mut self, output: Output) -> Vec<Input> {
        match output {
            Output::SetUp(tunnel) => {
                let done = self.kernel.set_up(&tunnel, &self.key).await;
                return vec![Input::SetUp(done.map_err(|error| error.to_string()))];
            }
            Output::TakeDown => {
                let done = self.kernel.take_down().await;
                let is_done = done.is_ok();
                self.warn(done);
                return vec![Input::TakenDown(is_done)];
            }
            Output::Resolve(name) => (self.lookup)(name),
            Output::Point(to) => {
                if let Some(tunnel) = &self.tunnel {
                    self.warn(self.kernel.point(tunnel, to));
                }
            }
            Output::Look => return self.look().await,
            Output::Changed => {}
            Output::Notice(notice) => (self.tell)(notice),
        }
        Vec::new()
    }

    async fn look(&self) -> Vec<Input> {
        let mut seen = Vec::new();
        match self.kernel.around().await {
            Ok(networks) => seen.push(Input::Around(networks)),
            Err(error) => self.warn(Err(error)),
        }
        // Before it is set up there is nothing to see.
        seen.extend(self.kernel.stamp().map(Input::Seen));
        seen
    }

    fn warn(&self, done: Result<(), KernelError>) {
        if let Err(error) = done {
            tracing::warn!("the tunnel: {error}");
        }
    }
}

fn report(standing: &Standing) {
    match standing {
        Standing::Unknown => {}
        Standing::Unset => tracing::info!("no tunnel is set"),
        Standing::Unreadable(why) => tracing::error!(
            "the tunnel that is set cannot be read by this version, and nobody looks after it: \
             {why}; set it anew, or install the version that set it"
        ),
        Standing::Overlapping(network, other) => tracing::error!(
            "the tunnel is down: {network} of the grid has addresses in common with {other}, \
             which the box is in; the grid's operator has to give it others"
        ),
        Standing::Refused(why) => tracing::error!("the tunnel cannot be set up: {why}"),
        Standing::Down {
            handshake: None, ..
        } => tracing::info!("the tunnel waits for its hub"),
        Standing::Down { .. } => tracing::warn!("the tunnel is down: its hub does not answer"),
        Standing::Up { .. } => tracing::info!("the tunnel is up"),
    }
}

/// What is known now.
#[must_use]
pub fn standing(status: &SharedStatus) -> Standing {
    let status = Arc::clone(status);
    let standing = status.lock().unwrap_or_else(PoisonError::into_inner);
    standing.clone()
}

/// Between two signs of life.
const BEAT_INTERVAL: Duration = Duration::from_secs(2);
/// Answers about names that wait; one is asked for at a time.
const NAMES_MAX: usize = 4;
