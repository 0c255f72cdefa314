//! `ramal net`: the box's addresses, and a Unix socket that tells them.

use std::error::Error;
use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use config::StaticNetwork;
use ipc::init;
use ipc::net::{Link, Reply, Request, Status};
use ipc::store;
use net_service::{Fixed, Name, SharedStatus, World};
use run_loop::clock::Clock;
use run_loop::ipc::{Answer, BlockingClient, Client};
use run_loop::notify::Notify;
use run_loop::passed::Passed;
use run_loop::{socket_path, uid};
use tokio::signal::unix::{SignalKind, signal};

/// Command line of `ramal net`.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  ramal net --link eth0")]
pub(crate) struct Arguments {
    /// Use this link only; may be repeated. Without it every network card is used.
    #[arg(long = "link", value_name = "NAME")]
    links: Vec<String>,
}

/// Runs the service until PID 1 stops it.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    run_loop::log::init();
    let notify = Notify::from_env();
    let listener = Passed::from_env().unix_listener("ipc")?;
    let status = SharedStatus::default();
    let told = Arc::clone(&status);
    std::thread::Builder::new()
        .name("server".into())
        .spawn(move || {
            let answered = run_loop::ipc::serve(
                &listener,
                |peer| [uid::WEB, uid::PBX].contains(&peer),
                move |_, request: Request| match request {
                    Request::Status => {
                        let status = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
                        Answer::Reply(Reply::Status(status))
                    }
                },
            );
            if let Err(error) = answered {
                tracing::error!("the status is no longer served: {error}");
            }
        })?;
    let shown = Arc::clone(&status);
    let laid_down = LaidDown::read();
    let name = Name::announce(&laid_down.host_name);
    if let Err(error) = &name {
        tracing::warn!("{error}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::spawn(present(shown, laid_down.host_name.clone()));
        let clock = Clock::start();
        let mut ready = false;
        let world = World {
            now: move || clock.now(),
            beat: || {
                if !std::mem::replace(&mut ready, true) {
                    notify.ready();
                }
                notify.watchdog();
            },
            stop: async move {
                terminate.recv().await;
            },
        };
        net_service::run(arguments.links.clone(), laid_down.network, status, world).await?;
        Ok(())
    })
}

/// What an installer has laid down for the network.
struct LaidDown {
    network: Option<Fixed>,
    host_name: String,
}

impl LaidDown {
    /// Asks the store. Without an answer the box is as from the works: it must not be without an
    /// address because its store is away.
    fn read() -> Self {
        let mut laid_down = Self {
            network: None,
            host_name: FACTORY_HOST_NAME.to_owned(),
        };
        // The socket waits for a store that still starts.
        let Some(network) = (0..ASKS).find_map(|_| secret(NETWORK)) else {
            tracing::warn!("the store does not say whether an address was set; asking DHCP");
            return laid_down;
        };
        let network = network.and_then(|text| StaticNetwork::from_text(&text));
        laid_down.network = network.map(|it| Fixed {
            address: it.address,
            prefix: it.length,
            gateway: it.gateway,
            dns: it.dns,
        });
        if let Some(Some(name)) = secret(HOST_NAME) {
            laid_down.host_name = name;
        }
        laid_down
    }
}

/// A secret of ours, as text; `None` without an answer.
fn secret(name: &str) -> Option<Option<String>> {
    let store = BlockingClient::<store::Request, store::Reply>::new(socket_path("store"));
    match store.call(&store::Request::Secret(name.to_owned())) {
        Ok(store::Reply::Secret(kept)) => {
            Some(kept.and_then(|it| String::from_utf8(it.reveal().clone()).ok()))
        }
        Ok(_) | Err(_) => None,
    }
}

/// Keeps the status page on the box's own screen true. PID 1 is told again until it has heard it.
async fn present(status: SharedStatus, host_name: String) {
    let init = Client::<init::Request, init::Reply>::new(socket_path("init"));
    let mut told = None;
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        let addresses = addresses(&status.lock().unwrap_or_else(PoisonError::into_inner));
        if told.as_ref() == Some(&addresses) {
            continue;
        }
        let news = init::Presence::Network {
            host_name: host_name.clone(),
            addresses: addresses.clone(),
        };
        if init.call(&init::Request::Present(news)).await.is_ok() {
            told = Some(addresses);
        }
    }
}

fn addresses(status: &Status) -> Vec<Ipv4Addr> {
    let address = |link: &Link| link.address.split('/').next()?.parse().ok();
    status.links.iter().filter_map(address).collect()
}

/// Names of our secrets, as PID 1 lays them down.
const NETWORK: &str = "network";
const HOST_NAME: &str = "host-name";
const FACTORY_HOST_NAME: &str = "ramal";
const ASKS: u32 = 3;
/// People look at the screen while they plug a cable in.
const LOOK: Duration = Duration::from_secs(1);
