//! A network with a box in it, and phones.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ipc::site::Site;
use ipc::store::Outcome;
use native::{Installation, NativeError, Plan, Profile, number};
use nix::sched::{CloneFlags, unshare};
use qemu::box_api::BoxApi;
use qemu::lab::Lab;
use qemu::suite::RAMAL_VARIABLE;

use crate::Place;
use crate::attacker::Attacker;
use crate::exchange::Exchange;
use crate::in_qemu::InQemu;
use crate::phone::{Line, Phone};
use crate::record::Record;
use crate::telephone::Telephone;

/// Where the box serves SIP in every namespace.
const BOX: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);
/// How long a trunk may take to come up.
const TRUNK_UP_MAX: Duration = Duration::from_secs(20);
/// How long a record or a registration may take to be durable.
const RECORDED_MAX: Duration = Duration::from_secs(10);
/// How often one looks whether it has.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Extensions of an office that needs no more.
pub const EXTENSIONS: usize = 8;

/// A network with a box in it.
pub struct Office {
    exchange: Exchange,
}

impl Office {
    /// Opens an office with a few extensions; see [`Self::with_extensions`].
    ///
    /// # Errors
    /// No namespace can be made (that needs root), or a service does not start.
    pub fn open(arrange: impl FnOnce(&mut Site)) -> Result<Self, NativeError> {
        Self::with_extensions(EXTENSIONS, arrange)
    }

    /// Opens an office on the calling thread, which from then on is inside the namespace, and all
    /// it starts; `arrange` changes the site first.
    ///
    /// # Errors
    /// No namespace can be made (that needs root), or a service does not start.
    pub fn with_extensions(
        count: usize,
        arrange: impl FnOnce(&mut Site),
    ) -> Result<Self, NativeError> {
        let ramal = program()?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|error| {
            NativeError::Load(format!(
                "cannot make a network namespace ({error}); run the tests as root"
            ))
        })?;
        let up = Command::new("ip")
            .args(["link", "set", "lo", "up"])
            .status();
        let up = up.map_err(|source| NativeError::Missing {
            program: "ip",
            package: "iproute2",
            source,
        })?;
        if !up.success() {
            return Err(NativeError::Load("loopback does not come up".into()));
        }
        let plan = Plan {
            address: BOX,
            ..Plan::on_loopback(ramal, count)
        };
        Ok(Self {
            exchange: Exchange::Here(Installation::start(&plan, arrange)?),
        })
    }

    /// Opens an office around the built image in QEMU, which all offices of a process share, one
    /// after the other; `start` switches it on when it does not run, and `count` extensions are
    /// there at least. The calling thread is on the box's network from then on, and `arrange` says
    /// what is entered on the box first.
    ///
    /// # Errors
    /// The box does not come up, or refuses what is to be entered.
    pub fn on_the_image<E: std::fmt::Display>(
        start: impl FnOnce() -> Result<Lab, E>,
        count: usize,
        arrange: impl FnOnce(&mut Site),
    ) -> Result<Self, NativeError> {
        let mut box_ = InQemu::enter(start, count)?;
        box_.configure(arrange)?;
        Ok(Self {
            exchange: Exchange::InQemu(box_),
        })
    }

    /// Where the box serves SIP.
    #[must_use]
    pub fn server(&self) -> SocketAddr {
        self.exchange.server()
    }

    /// Where it serves SIP over IPv6.
    #[must_use]
    pub const fn server6(&self) -> SocketAddr {
        self.exchange.server6()
    }

    /// The files of the office; those of the services are there when they run here.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.exchange.folder()
    }

    /// The address of the desk of the extension with this index.
    #[must_use]
    pub fn desk(&self, index: usize) -> IpAddr {
        self.exchange.desk(index)
    }

    /// The address that packets come from for which nobody chooses one: whoever lets the kernel
    /// choose for his media has to say that he is there.
    #[must_use]
    pub const fn usual(&self) -> IpAddr {
        self.exchange.usual()
    }

    /// The same over IPv6: the one address of everybody there.
    #[must_use]
    pub const fn usual6(&self) -> IpAddr {
        self.exchange.usual6()
    }

    /// An attacker at this address.
    #[must_use]
    pub fn attacker(&self, address: IpAddr) -> Attacker {
        Attacker::new(self.server(), address, self.folder())
    }

    /// The address of somebody who is not of the office, from 1 on.
    #[must_use]
    pub fn outside(&self, who: u8) -> IpAddr {
        self.exchange.outside(who)
    }

    /// The extension with this index as its phone is told.
    #[must_use]
    pub fn line(&self, index: usize) -> Line {
        Line {
            number: number(index),
            password: self.exchange.password(index),
        }
    }

    /// The phone of the extension with this index, not registered.
    #[must_use]
    pub fn phone(&self, index: usize) -> Phone {
        Phone {
            line: Some(self.line(index)),
            ..self.stranger(self.desk(index))
        }
    }

    /// The same, registered.
    ///
    /// # Errors
    /// It could not register.
    pub fn registered(&self, index: usize) -> Result<Phone, NativeError> {
        let phone = self.phone(index);
        phone.play("registers", &[])?;
        Ok(phone)
    }

    /// Somebody at this address who is no extension.
    #[must_use]
    pub fn stranger(&self, address: IpAddr) -> Phone {
        Phone {
            folder: self.folder().to_owned(),
            server: self.server(),
            address,
            line: None,
        }
    }

    /// The telephone of the extension with this index, not registered.
    ///
    /// # Errors
    /// Its address is taken.
    pub fn telephone(&self, index: usize) -> Result<Telephone, NativeError> {
        self.telephone_at(self.desk(index), self.line(index))
    }

    /// A telephone at any address.
    ///
    /// # Errors
    /// It is taken.
    pub fn telephone_at(&self, address: IpAddr, line: Line) -> Result<Telephone, NativeError> {
        let server = match address {
            IpAddr::V4(_) => self.server(),
            IpAddr::V6(_) => self.server6(),
        };
        Telephone::new(server, address, line)
    }

    /// A telephone at a place that only the network of the lab has.
    ///
    /// # Errors
    /// The services run here, or the address is taken.
    pub fn telephone_in(&self, place: Place, line: Line) -> Result<Telephone, NativeError> {
        self.exchange.telephone_in(place, line)
    }

    /// The web API of the box, signed in.
    ///
    /// # Errors
    /// It has none: its services run here, and the web is not one of them.
    pub fn api(&self) -> Result<&BoxApi, NativeError> {
        self.exchange.api()
    }

    /// Changes the site while everything runs.
    ///
    /// # Errors
    /// The box refuses it.
    pub fn configure(&mut self, change: impl FnOnce(&mut Site)) -> Result<(), NativeError> {
        self.exchange.configure(change)
    }

    /// Kills `pbx` as a crash would; back when it serves again.
    ///
    /// # Errors
    /// It does not start again.
    pub fn crash_pbx(&mut self) -> Result<(), NativeError> {
        self.exchange.crash_pbx()
    }

    /// Kills `media` as a crash would; back when it serves again.
    ///
    /// # Errors
    /// It does not start again.
    pub fn crash_media(&mut self) -> Result<(), NativeError> {
        self.exchange.crash_media()
    }

    /// The record of every call of this office, newest first, once so many of them have ended: a
    /// record becomes durable a moment after the phones have hung up.
    ///
    /// # Errors
    /// The box does not answer, or fewer have ended in time.
    pub fn ended_records(&self, count: usize) -> Result<Vec<Record>, NativeError> {
        wait_for(RECORDED_MAX, "the end of calls on record", || {
            let records = self.exchange.records()?;
            let ended = records.iter().filter(|one| one.outcome != Outcome::Ongoing);
            Ok((ended.count() >= count).then_some(records))
        })
    }

    /// Waits until the box keeps so many registrations.
    ///
    /// # Errors
    /// The box does not answer, or keeps fewer for long.
    pub fn wait_for_registrations(&self, count: usize) -> Result<(), NativeError> {
        wait_for(RECORDED_MAX, "registrations that are kept", || {
            Ok((self.exchange.registrations()? >= count).then_some(()))
        })
    }

    /// Waits until a trunk can take calls.
    ///
    /// # Errors
    /// It cannot within 20 s.
    pub fn wait_for_trunk(&self, name: &str) -> Result<(), NativeError> {
        wait_for(TRUNK_UP_MAX, &format!("trunk {name}"), || {
            Ok(self.exchange.is_trunk_up(name)?.then_some(()))
        })
    }

    /// What SIPp sent and received as it played this scenario.
    ///
    /// # Errors
    /// Nobody has played it, or it cannot be read.
    pub fn messages(&self, scenario: &str) -> Result<String, NativeError> {
        let folder = self.folder();
        let broken = NativeError::io("read", folder);
        let files = std::fs::read_dir(folder).map_err(broken)?.flatten();
        let mut traces = files.map(|file| file.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let rest = name.strip_prefix(scenario).unwrap_or_default();
            rest.starts_with('_') && rest.ends_with("_messages.log")
        });
        let missing = || NativeError::Load(format!("nobody has played {scenario}"));
        let path = traces.next().ok_or_else(missing)?;
        std::fs::read_to_string(&path).map_err(NativeError::io("read", &path))
    }
}

/// Looks until there is something to see.
fn wait_for<T>(
    limit: Duration,
    what: &str,
    look: impl Fn() -> Result<Option<T>, NativeError>,
) -> Result<T, NativeError> {
    let until = Instant::now() + limit;
    while Instant::now() < until {
        if let Some(seen) = look()? {
            return Ok(seen);
        }
        std::thread::park_timeout(LOOK_INTERVAL);
    }
    Err(NativeError::Load(format!("{what}: not within {limit:?}")))
}

/// The configuration of Kamailio as a carrier: an account `customer` with the password of every
/// run, and one address, `OUTSIDE`, behind it.
#[must_use]
pub fn provider() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/provider.cfg")
}

/// `ramal` as it is now: what [`RAMAL_VARIABLE`] names, or else built once.
fn program() -> Result<PathBuf, NativeError> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    if let Some(built) = std::env::var_os(RAMAL_VARIABLE) {
        return Ok(built.into());
    }
    let built =
        BUILT.get_or_init(|| native::build(Profile::Dev).map_err(|error| error.to_string()));
    built.clone().map_err(NativeError::Load)
}
