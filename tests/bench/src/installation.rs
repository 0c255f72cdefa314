//! Store, media and pbx of one run, with extensions to call between.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use ipc::Redacted;
use ipc::site::Extension;
use ipc::store::{Audit, Reply, Request};
use run_loop::ipc::BlockingClient;
use sip::digest::{Algorithm, Ha1};

use crate::service::{Home, Service};
use crate::{BenchError, Run, say};

/// The first extension; the others count up from it.
const FIRST_NUMBER: usize = 1000;

/// Receive buffer of the SIP socket, as on the box.
const SIP_RECEIVE_BYTES: usize = 4 * 1024 * 1024;

/// The UDP ports of the relay in a run; the box has more.
const MEDIA_PORTS: &str = "20000-24095";

/// Password of every extension of a run; it guards nothing.
pub(crate) const PASSWORD: &str = "loadloadloadload";

/// The services of one run; dropping it kills them and removes their folder.
#[derive(Debug)]
pub(crate) struct Installation {
    /// Fields are dropped in this order: the asking before the asked.
    pub(crate) pbx: Service,
    pub(crate) media: Service,
    pub(crate) store: Service,
    /// Where SIP is served.
    pub(crate) sip: SocketAddr,
    folder: Folder,
}

/// A folder that is removed with what is in it, unless it is to be kept.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Where it is.
    pub(crate) path: PathBuf,
    keep: bool,
}

impl Folder {
    /// A new folder for this run.
    pub(crate) fn new(keep: bool) -> Result<Self, BenchError> {
        let path = std::env::temp_dir().join(format!("ramal-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(BenchError::io("make", &path))?;
        Ok(Self { path, keep })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.keep {
            say(&format!("kept {}", self.path.display()));
            return;
        }
        // A folder in the temporary directory that stays does no harm.
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The number of the `index`th extension of a run.
pub(crate) fn number(index: usize) -> String {
    (FIRST_NUMBER + index).to_string()
}

impl Installation {
    /// Starts the services and creates `extensions` extensions.
    pub(crate) fn start(run: &Run, extensions: usize) -> Result<Self, BenchError> {
        let folder = Folder::new(run.keep)?;
        let home = Home {
            ramal: run.ramal.clone(),
            folder: folder.path.clone(),
        };
        let data = home.folder.join("data");
        std::fs::create_dir_all(&data).map_err(BenchError::io("make", &data))?;
        let data = data.to_string_lossy().into_owned();
        let ipc = |name: &str| unix(&home, name);
        let store = Service::start(
            &home,
            "store",
            &["--data", &data],
            &[("ipc", ipc("store")?)],
        )?;
        create_extensions(&home, extensions)?;
        let media = Service::start(
            &home,
            "media",
            &["--ports", MEDIA_PORTS],
            &[("ipc", ipc("media")?)],
        )?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let udp = kernel::network::udp_socket(any, SIP_RECEIVE_BYTES)?;
        let sip = udp.local_addr().map_err(BenchError::io("bind", "UDP"))?;
        let tcp = kernel::network::tcp_listener(sip)?;
        let sockets = [
            ("ipc", ipc("pbx")?),
            ("sip-udp", OwnedFd::from(udp)),
            ("sip-tcp", OwnedFd::from(tcp)),
        ];
        let pbx = Service::start(&home, "pbx", &[], &sockets)?;
        Ok(Self {
            pbx,
            media,
            store,
            sip,
            folder,
        })
    }

    /// The services, for measuring.
    pub(crate) const fn services(&self) -> [&Service; 3] {
        [&self.pbx, &self.media, &self.store]
    }

    /// The folder of the run.
    pub(crate) const fn folder(&self) -> &PathBuf {
        &self.folder.path
    }
}

/// A listening Unix socket for a service.
pub(crate) fn unix(home: &Home, name: &str) -> Result<OwnedFd, BenchError> {
    let path = home.folder.join(format!("{name}.sock"));
    Ok(OwnedFd::from(kernel::network::unix_listener(&path)?))
}

fn create_extensions(home: &Home, count: usize) -> Result<(), BenchError> {
    let store = BlockingClient::<Request, Reply>::new(home.folder.join("store.sock"));
    let Reply::Config { version, mut site } = store.call(&Request::Config)? else {
        return Err(BenchError::Store("no configuration".into()));
    };
    site.extensions.extend((0..count).map(|index| {
        let number = number(index);
        let ha1 = Ha1::from_password(&number, &site.realm, PASSWORD);
        Extension {
            display_name: String::new(),
            ha1_md5: Redacted::new(ha1.hex(Algorithm::Md5).to_owned()),
            ha1_sha256: Redacted::new(ha1.hex(Algorithm::Sha256).to_owned()),
            remote: true,
            number,
        }
    }));
    let audit = Audit {
        who: "bench".into(),
        action: "extensions created".into(),
        ..Audit::default()
    };
    match store.call(&Request::Commit {
        base: version,
        audit,
        site,
    })? {
        Reply::Committed { .. } => Ok(()),
        Reply::Invalid { faults } => Err(BenchError::Store(faults.join("; "))),
        Reply::Failed { reason } => Err(BenchError::Store(reason)),
        _ => Err(BenchError::Store(
            "the extensions were not committed".into(),
        )),
    }
}
