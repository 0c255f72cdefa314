//! The update that is fetched from a server or a memory stick, beside everything else that `web`
//! does.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use admin::{FetchFault, FetchOrder, FetchState, Server, Source, StickFault};
use ipc::stick;
use ipc::store::Audit;
use ipc::update::{Reply, Request};
use run_loop::ipc::Client;
use run_loop::pbx_driver::{Lookups, trust};
use run_loop::socket_path;
use tokio::task::AbortHandle;
use web_server::fetch::{AskUpdate, Limits, Surroundings, UpdateFile, carry, fetch};

/// At most one fetch.
pub(crate) struct Fetches {
    present: Mutex<Present>,
    around: Around,
}

#[derive(Default)]
struct Present {
    state: FetchState,
    fetched: Arc<AtomicU64>,
    task: Option<AbortHandle>,
    /// What has ended, for the audit trail.
    ended: Vec<Audit>,
}

/// What it needs of the box.
struct Around {
    update: Client<Request, Reply>,
    names: Lookups,
}

impl Fetches {
    pub(crate) fn new(update_timeout_secs: u64) -> Self {
        Self {
            present: Mutex::default(),
            around: Around {
                update: Client::within(socket_path("update"), update_timeout_secs),
                names: Lookups::new(socket_path("net")),
            },
        }
    }

    /// Does what is asked; how it stands then.
    pub(crate) fn obey(self: &Arc<Self>, order: FetchOrder) -> FetchState {
        match order {
            FetchOrder::Begin(source, audit) => self.begin(source, *audit),
            FetchOrder::Stop => {
                let mut present = self.present();
                if let Some(task) = present.task.take() {
                    task.abort();
                    present.state = FetchState::None;
                }
            }
            FetchOrder::Look => {}
        }
        let present = self.present();
        let mut state = present.state.clone();
        if let FetchState::Running { fetched, .. } = &mut state {
            *fetched = present.fetched.load(Ordering::Relaxed);
        }
        state
    }

    /// Entries of fetches that have ended; once.
    pub(crate) fn ended(&self) -> Vec<Audit> {
        std::mem::take(&mut self.present().ended)
    }

    fn begin(self: &Arc<Self>, source: Source, audit: Audit) {
        let mut present = self.present();
        if let Some(task) = present.task.take() {
            task.abort();
        }
        let fetched = Arc::new(AtomicU64::new(0));
        present.fetched = Arc::clone(&fetched);
        present.state = FetchState::Running {
            from: source.shown(),
            fetched: 0,
        };
        let fetches = Arc::clone(self);
        let task = tokio::spawn(async move {
            let outcome = match &source {
                Source::Server(server) => fetches.around.fetch(server, &fetched).await,
                Source::Stick(file) => {
                    let mut stick = OnStick::new(&file.offer.file);
                    carry(&mut stick, &Limits::USUAL, &fetches.around, &fetched).await
                }
            };
            fetches.end(&source, outcome, audit);
        });
        present.task = Some(task.abort_handle());
    }

    fn end(&self, source: &Source, outcome: Result<String, FetchFault>, mut audit: Audit) {
        let from = source.shown();
        let mut present = self.present();
        present.task = None;
        audit.action = match &outcome {
            Ok(version) => format!("firmware {version} installed"),
            Err(_) => format!("firmware update from {from} failed"),
        };
        present.ended.push(audit);
        present.state = match outcome {
            Ok(version) => FetchState::Installed { version },
            Err(fault) => {
                tracing::warn!("the update from {from} was not fetched: {fault:?}");
                FetchState::Failed { from, fault }
            }
        };
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Around {
    async fn fetch(&self, source: &Server, fetched: &AtomicU64) -> Result<String, FetchFault> {
        let trust = source
            .fingerprint
            .map_or(pbx::Trust::Public, pbx::Trust::Fingerprint);
        let tls = trust::client_config(&trust).map_err(|error| {
            tracing::error!("TLS cannot be used: {error}");
            FetchFault::NoTls(source.address.host.clone())
        })?;
        fetch(source.address.clone(), tls, &Limits::USUAL, self, fetched).await
    }
}

impl AskUpdate for Around {
    async fn ask(&self, request: Request) -> Option<Reply> {
        let answer = self.update.call(&request).await;
        answer.map_err(|error| tracing::warn!("{error}")).ok()
    }
}

impl Surroundings for Around {
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        self.names.addresses(name).await
    }

    /// The box's own services are no servers for updates, whoever names them so.
    fn may_reach(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        !ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast()
    }
}

/// An update file or a backup on the memory stick in the box.
pub(super) struct OnStick {
    stick: Client<stick::Request, stick::Reply>,
    file: String,
}

impl OnStick {
    pub(super) fn new(file: &str) -> Self {
        Self {
            stick: Client::within(socket_path("stick"), STICK_TIMEOUT_SECS),
            file: file.to_owned(),
        }
    }
}

impl UpdateFile for OnStick {
    const DAMAGED: FetchFault = FetchFault::Stick(StickFault::Damaged);

    async fn read(
        &mut self,
        offset: u64,
        length: u64,
        bytes: &mut Vec<u8>,
    ) -> Result<(), FetchFault> {
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        let length = length.min(stick::PART_MAX);
        let request = stick::Request::Read {
            file: self.file.clone(),
            offset,
            length,
        };
        match self.stick.call(&request).await {
            Ok(stick::Reply::Part(part)) if part.is_empty() => {
                Err(FetchFault::Stick(StickFault::TooShort))
            }
            Ok(stick::Reply::Part(part)) if part.len() as u64 <= u64::from(length) => {
                bytes.extend(part);
                Ok(())
            }
            // More than was asked for is as good as nothing.
            Ok(stick::Reply::Part(_) | stick::Reply::Unreadable) => {
                Err(FetchFault::Stick(StickFault::Gone))
            }
            Err(error) => {
                tracing::warn!("{error}");
                Err(FetchFault::Stick(StickFault::Gone))
            }
        }
    }
}

/// What a slow stick may take for a part of a file.
const STICK_TIMEOUT_SECS: u64 = 30;
