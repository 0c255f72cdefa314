//! A namespace with the services in it, and phones.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ipc::pbx::{Reply, Request};
use ipc::site::Site;
use ipc::store;
use native::{Installation, Load, NativeError, Outcome, PASSWORD, Plan, Profile, Running, number};
use nix::sched::{CloneFlags, unshare};
use run_loop::ipc::BlockingClient;

use crate::scenario::expand;

/// Where the box serves SIP in every office.
const BOX: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);
/// The port of every phone.
const PHONE_PORT: u16 = 5060;
/// How long a trunk may take to come up.
const TRUNK_UP_MAX: Duration = Duration::from_secs(20);
/// How long a record or a registration may take to be durable.
const RECORDED_MAX: Duration = Duration::from_secs(10);
/// How often one looks whether it has.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Extensions of every office.
const EXTENSIONS: usize = 8;

/// A network of its own with a box in it; both are gone when it is dropped.
#[derive(Debug)]
pub struct Office {
    /// The services.
    pub box_: Installation,
}

/// A phone to be: an address, and the extension that it is, if any.
#[derive(Clone, Debug)]
pub struct Phone {
    folder: PathBuf,
    extension: Option<usize>,
    address: IpAddr,
}

/// A phone that plays its scenario.
#[derive(Debug)]
pub struct Playing {
    running: Running,
    folder: PathBuf,
    name: String,
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
            box_: Installation::start(&plan, arrange)?,
        })
    }

    /// The phone of the extension with this index, not registered.
    #[must_use]
    pub fn phone(&self, index: usize) -> Phone {
        let last = u8::try_from(index + 1).unwrap_or(u8::MAX);
        Phone {
            folder: self.box_.folder().clone(),
            extension: Some(index),
            address: IpAddr::from([127, 0, 1, last]),
        }
    }

    /// Somebody at this address who is no extension.
    #[must_use]
    pub fn stranger(&self, address: IpAddr) -> Phone {
        Phone {
            folder: self.box_.folder().clone(),
            extension: None,
            address,
        }
    }

    /// Every call record, newest first.
    ///
    /// # Errors
    /// The store does not answer.
    pub fn records(&self) -> Result<Vec<store::CallRecord>, NativeError> {
        let socket = self.box_.folder().join("store.sock");
        let store = BlockingClient::<store::Request, store::Reply>::new(socket);
        let asked = store::Request::Calls {
            limit: 1000,
            before: None,
        };
        match store.call(&asked)? {
            store::Reply::Calls(records) => Ok(records),
            _ => Err(NativeError::Store("no records".into())),
        }
    }

    /// Every call record, newest first, once so many of them have ended: a record becomes durable a
    /// moment after the phones have hung up.
    ///
    /// # Errors
    /// The store does not answer, or fewer have ended in time.
    pub fn ended_records(&self, count: usize) -> Result<Vec<store::CallRecord>, NativeError> {
        let limit = Instant::now() + RECORDED_MAX;
        while Instant::now() < limit {
            let records = self.records()?;
            let ended = records.iter().filter(|one| one.ended_millis.is_some());
            if ended.count() >= count {
                return Ok(records);
            }
            std::thread::park_timeout(LOOK_INTERVAL);
        }
        Err(NativeError::Load(format!(
            "{count} calls are not on record as ended"
        )))
    }

    /// What SIPp sent and received as it played this scenario.
    ///
    /// # Errors
    /// Nobody has played it, or it cannot be read.
    pub fn messages(&self, scenario: &str) -> Result<String, NativeError> {
        let folder = self.box_.folder();
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

    /// Waits until the store keeps so many registrations.
    ///
    /// # Errors
    /// The store does not answer, or keeps fewer for long.
    pub fn wait_for_registrations(&self, count: usize) -> Result<(), NativeError> {
        let socket = self.box_.folder().join("store.sock");
        let store = BlockingClient::<store::Request, store::Reply>::new(socket);
        let limit = Instant::now() + RECORDED_MAX;
        while Instant::now() < limit {
            if let store::Reply::Registrations(rows) = store.call(&store::Request::Registrations)?
                && rows.len() >= count
            {
                return Ok(());
            }
            std::thread::park_timeout(LOOK_INTERVAL);
        }
        Err(NativeError::Load(format!(
            "{count} registrations are not kept"
        )))
    }

    /// Waits until a trunk can take calls.
    ///
    /// # Errors
    /// It cannot within 20 s.
    pub fn wait_for_trunk(&self, name: &str) -> Result<(), NativeError> {
        let socket = self.box_.folder().join("pbx.sock");
        let pbx = BlockingClient::<Request, Reply>::new(socket);
        let limit = Instant::now() + TRUNK_UP_MAX;
        while Instant::now() < limit {
            if let Reply::Status(status) = pbx.call(&Request::Status)?
                && status
                    .trunks
                    .iter()
                    .any(|trunk| trunk.name == name && trunk.up)
            {
                return Ok(());
            }
            std::thread::park_timeout(LOOK_INTERVAL);
        }
        Err(NativeError::Load(format!("trunk {name} is not up")))
    }

    /// The phone of the extension with this index, registered.
    ///
    /// # Errors
    /// It could not register.
    pub fn registered(&self, index: usize) -> Result<Phone, NativeError> {
        let phone = self.phone(index);
        phone.play("registers", &[])?;
        Ok(phone)
    }
}

impl Phone {
    /// Plays a scenario to its end. Field 0 is the phone's number, field 1 its credentials, and
    /// the further ones are the numbers of these extensions.
    ///
    /// # Errors
    /// It did not go as the scenario says.
    pub fn play(&self, scenario: &str, others: &[usize]) -> Result<(), NativeError> {
        let others: Vec<String> = others.iter().map(|other| number(*other)).collect();
        self.run(BOX, scenario, &others)
    }

    /// Plays a scenario to its end with this number as field 2.
    ///
    /// # Errors
    /// It did not go as the scenario says.
    pub fn dial(&self, scenario: &str, number: &str) -> Result<(), NativeError> {
        self.run(BOX, scenario, &[number.to_owned()])
    }

    /// Plays a scenario to its end towards another server than the box.
    ///
    /// # Errors
    /// It did not go as the scenario says.
    pub fn call_by(&self, server: SocketAddr, scenario: &str) -> Result<(), NativeError> {
        self.run(server, scenario, &[])
    }

    fn run(&self, to: SocketAddr, scenario: &str, others: &[String]) -> Result<(), NativeError> {
        let path = expand(scenario, &self.folder)?;
        let fields = self.fields(others);
        // SIPp does not take the URI of its credentials from the request.
        let uri = others
            .first()
            .map_or_else(|| to.to_string(), |other| format!("{other}@{to}"));
        let load = Load {
            to,
            ..self.load(&path, &fields, Some(&uri))
        };
        let outcome = load.run(&self.folder)?;
        self.check(scenario, outcome)
    }

    /// Starts to play a scenario that waits for something.
    ///
    /// # Errors
    /// SIPp does not start.
    pub fn wait(&self, scenario: &str) -> Result<Playing, NativeError> {
        self.start(scenario, &[], None)
    }

    /// Starts to play a scenario in which the phone is called and then calls another, whose number
    /// is field 2.
    ///
    /// # Errors
    /// SIPp does not start.
    pub fn wait_to_call(&self, scenario: &str, other: usize) -> Result<Playing, NativeError> {
        let other = number(other);
        let uri = format!("{other}@{BOX}");
        self.start(scenario, &self.fields(&[other]), Some(&uri))
    }

    fn start(
        &self,
        scenario: &str,
        fields: &[String],
        uri: Option<&str>,
    ) -> Result<Playing, NativeError> {
        let path = expand(scenario, &self.folder)?;
        let running = self.load(&path, fields, uri).answer(&self.folder)?;
        Ok(Playing {
            running,
            folder: self.folder.clone(),
            name: scenario.to_owned(),
        })
    }

    fn load<'a>(
        &'a self,
        scenario: &'a Path,
        fields: &'a [String],
        uri: Option<&'a str>,
    ) -> Load<'a> {
        Load {
            scenario,
            address: self.address,
            to: BOX,
            port: PHONE_PORT,
            fields,
            authentication_uri: uri,
            count: 1,
            rate: 1,
            traced: true,
        }
    }

    fn fields(&self, others: &[String]) -> Vec<String> {
        let own = self.extension.map(number).unwrap_or_default();
        let login = format!("[authentication username={own} password={PASSWORD}]");
        let fields = [own, login].into_iter().chain(others.iter().cloned());
        vec![fields.collect::<Vec<_>>().join(";")]
    }

    fn check(&self, scenario: &str, outcome: Outcome) -> Result<(), NativeError> {
        if outcome.succeeded == 1 && outcome.failed == 0 {
            return Ok(());
        }
        Err(failure(scenario, &self.folder))
    }
}

impl Playing {
    /// Waits for the end.
    ///
    /// # Errors
    /// It did not go as the scenario says.
    pub fn finish(mut self) -> Result<(), NativeError> {
        if self.running.wait()?.success() {
            return Ok(());
        }
        Err(failure(&self.name, &self.folder))
    }
}

/// What SIPp wrote about a run that failed.
fn failure(scenario: &str, folder: &Path) -> NativeError {
    let mut told = format!("{scenario}: it did not go as the scenario says\n");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for file in files.map(|file| file.path()) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(scenario) && (name.contains("_errors") || name.contains("_messages")) {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            told.push_str(&format!("--- {name}\n{text}\n"));
        }
    }
    NativeError::Load(told)
}

/// `ramal` as it is now, built once.
fn program() -> Result<PathBuf, NativeError> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built =
        BUILT.get_or_init(|| native::build(Profile::Dev).map_err(|error| error.to_string()));
    built.clone().map_err(NativeError::Load)
}
