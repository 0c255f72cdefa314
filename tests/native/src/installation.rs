//! Store, media and pbx of one run, with extensions to call between.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ipc::site::{Extension, Site};
use ipc::store::{Audit, Reply, Request};
use ipc::{Redacted, pbx};
use run_loop::ipc::BlockingClient;
use sip::digest::{Algorithm, Ha1};

use crate::service::{Home, Service};
use crate::{Folder, NativeError};

/// The first extension; the others count up from it.
const FIRST_NUMBER: usize = 1000;

/// Receive buffer of the SIP socket, as on the box.
const SIP_RECEIVE_BYTES: usize = 4 * 1024 * 1024;

/// What may wait in what keeps TCP connections over a crash, as on the box.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// The UDP ports of the relay in a run; the box has more.
const MEDIA_PORTS: &str = "20000-24095";

/// How long the exchange may take to hear of a change, and how often one looks whether it has.
const HEARD_MAX: Duration = Duration::from_secs(5);
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Password of every extension of a run; it guards nothing.
pub const PASSWORD: &str = "loadloadloadload";

/// What is to be started.
#[derive(Debug)]
pub struct Plan {
    /// The program `ramal`.
    pub ramal: PathBuf,
    /// Whether the folder of the run stays.
    pub keep: bool,
    /// Where SIP is served; port 0 takes a free one.
    pub address: SocketAddr,
    /// How many extensions there are.
    pub extensions: usize,
    /// Whether backups are made, the daily one too.
    pub backups: bool,
}

/// The services of one run; dropping it kills them and removes their folder.
#[derive(Debug)]
pub struct Installation {
    /// Fields are dropped in this order: the asking before the asked.
    pub pbx: Service,
    /// The service of that name.
    pub media: Service,
    /// The service of that name.
    pub store: Service,
    /// Where SIP is served.
    pub sip: SocketAddr,
    sockets: SipSockets,
    home: Home,
    folder: Folder,
    _calls: Folder,
}

/// What PID 1 keeps for `pbx` while that restarts.
#[derive(Debug)]
pub struct SipSockets(Vec<(&'static str, OwnedFd)>);

/// The number of the `index`th extension of a run.
#[must_use]
pub fn number(index: usize) -> String {
    (FIRST_NUMBER + index).to_string()
}

impl Plan {
    /// As many extensions on loopback, nothing kept.
    #[must_use]
    pub const fn on_loopback(ramal: PathBuf, extensions: usize) -> Self {
        Self {
            ramal,
            keep: false,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            extensions,
            backups: false,
        }
    }
}

impl Installation {
    /// Starts the services and creates the extensions; `arrange` changes the site first.
    ///
    /// # Errors
    /// Something does not start, or the store refuses the site.
    pub fn start(plan: &Plan, arrange: impl FnOnce(&mut Site)) -> Result<Self, NativeError> {
        let folder = Folder::new(plan.keep)?;
        let home = Home {
            ramal: plan.ramal.clone(),
            folder: folder.path.clone(),
        };
        let data = home.folder.join("data");
        for path in [&data, &home.folder.join(RECORDINGS)] {
            std::fs::create_dir_all(path).map_err(NativeError::io("make", path))?;
        }
        // What outlives a crash of pbx; PID 1 makes it beside the sockets, which are on a tmpfs.
        let calls = Folder::in_memory(plan.keep)?;
        let link = home.folder.join("pbx-calls");
        symlink(&calls.path, &link).map_err(NativeError::io("link", &link))?;
        let data = data.to_string_lossy().into_owned();
        let backups = home.folder.join("backups").to_string_lossy().into_owned();
        let mut arguments = vec!["--data", &data];
        if plan.backups {
            std::fs::create_dir_all(&backups).map_err(NativeError::io("make", &backups))?;
            arguments.extend(["--backups", &backups]);
        }
        let socket = unix(&home, "store")?;
        let store = Service::start(&home, "store", &arguments, &[("ipc", socket)])?;
        let extensions = plan.extensions;
        configure(&home, |site| {
            let made = self::extensions(&site.realm, 0..extensions);
            site.extensions.extend(made);
            arrange(site);
        })?;
        let media = start_media(&home)?;
        let (sip, sockets) = SipSockets::bind(&home, plan.address)?;
        let pbx = Service::start(&home, "pbx", &[], &sockets.again()?)?;
        Ok(Self {
            pbx,
            media,
            store,
            sip,
            sockets,
            home,
            folder,
            _calls: calls,
        })
    }

    /// Asks the store, as a service of its own would.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ask_store(&self, request: &Request) -> Result<Reply, NativeError> {
        let store = BlockingClient::<Request, Reply>::new(self.home.folder.join("store.sock"));
        Ok(store.call(request)?)
    }

    /// Changes the site while everything runs; back when the exchange acts on it.
    ///
    /// # Errors
    /// The store refuses it, or the exchange does not hear of it.
    pub fn configure(&self, change: impl FnOnce(&mut Site)) -> Result<(), NativeError> {
        let version = configure(&self.home, change)?;
        let socket = self.home.folder.join("pbx.sock");
        let pbx = BlockingClient::<pbx::Request, pbx::Reply>::new(socket);
        let limit = Instant::now() + HEARD_MAX;
        while Instant::now() < limit {
            if let pbx::Reply::Status(status) = pbx.call(&pbx::Request::Status)?
                && status.config_version >= version
            {
                return Ok(());
            }
            std::thread::park_timeout(LOOK_INTERVAL);
        }
        Err(NativeError::Load(
            "the exchange does not hear of a change".into(),
        ))
    }

    /// Kills `pbx` as a crash would and starts it again on the sockets it had.
    ///
    /// # Errors
    /// It does not start again.
    pub fn crash_pbx(&mut self) -> Result<(), NativeError> {
        self.pbx.kill();
        self.pbx = Service::start(&self.home, "pbx", &[], &self.sockets.again()?)?;
        Ok(())
    }

    /// Kills `media` as a crash would and starts it again.
    ///
    /// # Errors
    /// It does not start again.
    pub fn crash_media(&mut self) -> Result<(), NativeError> {
        self.media.kill();
        self.media = start_media(&self.home)?;
        Ok(())
    }

    /// Starts the web admin beside them: the service, and its control socket.
    ///
    /// # Errors
    /// It does not start.
    pub fn serve_web(&self) -> Result<(Service, PathBuf), NativeError> {
        let free = || {
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            kernel::network::tcp_listener(any).map(OwnedFd::from)
        };
        let sockets = [
            ("https", free()?),
            ("http", free()?),
            ("ctl", unix(&self.home, "ctl")?),
            ("ipc", unix(&self.home, "web")?),
        ];
        let web = Service::start(&self.home, "web", &[], &sockets)?;
        Ok((web, self.home.folder.join("ctl.sock")))
    }

    /// The services, for measuring.
    #[must_use]
    pub const fn services(&self) -> [&Service; 3] {
        [&self.pbx, &self.media, &self.store]
    }

    /// The folder of the run.
    #[must_use]
    pub const fn folder(&self) -> &PathBuf {
        &self.folder.path
    }
}

impl SipSockets {
    fn bind(home: &Home, address: SocketAddr) -> Result<(SocketAddr, Self), NativeError> {
        let udp = kernel::network::udp_socket(address, SIP_RECEIVE_BYTES)?;
        let sip = udp.local_addr().map_err(NativeError::io("bind", "UDP"))?;
        let tcp = kernel::network::tcp_listener(sip)?;
        let tls = kernel::network::tcp_listener(tls(sip, address))?;
        let mut sockets = vec![
            ("ipc", unix(home, "pbx")?),
            ("sip-udp", OwnedFd::from(udp)),
            ("sip-tcp", OwnedFd::from(tcp)),
            ("sip-tls", OwnedFd::from(tls)),
        ];
        let (into, out) = kernel::network::message_pair(KEPT_BYTES)?;
        sockets.extend([("keep-into", into), ("keep-out", out)]);
        if address.port() != 0 {
            sockets.extend(Self::bind_ipv6(address.port())?);
        }
        Ok((sip, Self(sockets)))
    }

    /// The same on the loopback address of IPv6.
    fn bind_ipv6(port: u16) -> Result<[(&'static str, OwnedFd); 3], NativeError> {
        let sip = SocketAddr::from((Ipv6Addr::LOCALHOST, port));
        let udp = kernel::network::udp_socket(sip, SIP_RECEIVE_BYTES)?;
        let tcp = kernel::network::tcp_listener(sip)?;
        let tls = kernel::network::tcp_listener(tls(sip, sip))?;
        Ok([
            ("sip-udp6", OwnedFd::from(udp)),
            ("sip-tcp6", OwnedFd::from(tcp)),
            ("sip-tls6", OwnedFd::from(tls)),
        ])
    }

    /// The same sockets for one more process.
    fn again(&self) -> Result<Vec<(&'static str, OwnedFd)>, NativeError> {
        let again = self.0.iter().map(|(name, socket)| {
            let socket = socket
                .try_clone()
                .map_err(NativeError::io("duplicate", name))?;
            Ok((*name, socket))
        });
        again.collect()
    }
}

/// Where TLS is served: one port above, as on the box, or on any free one in a run on free ports.
const fn tls(sip: SocketAddr, asked: SocketAddr) -> SocketAddr {
    let port = match asked.port() {
        0 => 0,
        port => port.saturating_add(1),
    };
    SocketAddr::new(sip.ip(), port)
}

/// A listening Unix socket for a service.
///
/// # Errors
/// It cannot be bound.
pub fn unix(home: &Home, name: &str) -> Result<OwnedFd, NativeError> {
    let path = home.folder.join(format!("{name}.sock"));
    // Left behind by a process that was killed.
    let _ = std::fs::remove_file(&path);
    Ok(OwnedFd::from(kernel::network::unix_listener(&path)?))
}

/// The folder of recordings, in that of the run.
pub const RECORDINGS: &str = "recordings";

fn start_media(home: &Home) -> Result<Service, NativeError> {
    let recordings = home.folder.join(RECORDINGS);
    let recordings = recordings.to_string_lossy();
    let arguments = ["--ports", MEDIA_PORTS, "--recordings", &recordings];
    Service::start(home, "media", &arguments, &[("ipc", unix(home, "media")?)])
}

/// The extensions with these indices, with [`PASSWORD`].
#[must_use]
pub fn extensions(realm: &str, indices: Range<usize>) -> Vec<Extension> {
    indices.map(|index| extension(realm, index)).collect()
}

fn extension(realm: &str, index: usize) -> Extension {
    let number = number(index);
    let ha1 = Ha1::from_password(&number, realm, PASSWORD);
    Extension {
        ha1_md5: Redacted::new(ha1.hex(Algorithm::Md5).to_owned()),
        ha1_sha256: Redacted::new(ha1.hex(Algorithm::Sha256).to_owned()),
        remote: true,
        number,
        ..Extension::default()
    }
}

/// Changes the site; the version that it is then.
fn configure(home: &Home, change: impl FnOnce(&mut Site)) -> Result<u64, NativeError> {
    let store = BlockingClient::<Request, Reply>::new(home.folder.join("store.sock"));
    let Reply::Config { version, mut site } = store.call(&Request::Config)? else {
        return Err(NativeError::Store("no configuration".into()));
    };
    change(&mut site);
    let audit = Audit {
        who: "test".into(),
        action: "site arranged".into(),
        ..Audit::default()
    };
    match store.call(&Request::Commit {
        base: version,
        audit,
        site,
    })? {
        Reply::Committed { version } => Ok(version),
        Reply::Invalid { faults } => Err(NativeError::Store(faults.join("; "))),
        Reply::Failed { reason } => Err(NativeError::Store(reason)),
        _ => Err(NativeError::Store("it was not committed".into())),
    }
}
