//! A namespace with the services in it, and phones.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ipc::site::Site;
use native::{Installation, Load, NativeError, Outcome, PASSWORD, Plan, Profile, Running, number};
use nix::sched::{CloneFlags, unshare};

use crate::scenario::expand;

/// Where the box serves SIP in every office.
const BOX: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);
/// The port of every phone.
const PHONE_PORT: u16 = 5060;
/// Extensions of every office.
const EXTENSIONS: usize = 8;

/// A network of its own with a box in it; both are gone when it is dropped.
#[derive(Debug)]
pub struct Office {
    /// The services.
    pub box_: Installation,
}

/// A phone to be: an extension with an address.
#[derive(Clone, Debug)]
pub struct Phone {
    folder: PathBuf,
    index: usize,
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
    /// Opens an office on the calling thread, which from then on is inside the namespace, and all
    /// it starts; `arrange` changes the site first.
    ///
    /// # Errors
    /// No namespace can be made (that needs root), or a service does not start.
    pub fn open(arrange: impl FnOnce(&mut Site)) -> Result<Self, NativeError> {
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
            ..Plan::on_loopback(ramal, EXTENSIONS)
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
            index,
            address: IpAddr::from([127, 0, 1, last]),
        }
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
        let path = expand(scenario, &self.folder)?;
        let fields = self.fields(others);
        let uri = others.first().map_or_else(
            || BOX.to_string(),
            |other| format!("{}@{BOX}", number(*other)),
        );
        let outcome = self.load(&path, &fields, Some(&uri)).run(&self.folder)?;
        self.check(scenario, outcome)
    }

    /// Starts to play a scenario that waits for something.
    ///
    /// # Errors
    /// SIPp does not start.
    pub fn wait(&self, scenario: &str) -> Result<Playing, NativeError> {
        let path = expand(scenario, &self.folder)?;
        let running = self.load(&path, &[], None).answer(&self.folder)?;
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

    fn fields(&self, others: &[usize]) -> Vec<String> {
        let own = number(self.index);
        let mut line = format!("{own};[authentication username={own} password={PASSWORD}]");
        for other in others {
            line.push(';');
            line.push_str(&number(*other));
        }
        vec![line]
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
