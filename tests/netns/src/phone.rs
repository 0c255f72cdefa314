//! Phones that SIPp plays.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipc::Redacted;
use native::{Load, NativeError, Outcome, Running, number};

use crate::scenario::expand;

/// The port of every phone.
const PHONE_PORT: u16 = 5060;

/// A phone to be: an address, and the extension that it is, if any.
#[derive(Clone, Debug)]
pub struct Phone {
    /// Where its files go.
    pub(crate) folder: PathBuf,
    /// Where the box serves SIP.
    pub(crate) server: SocketAddr,
    pub(crate) address: IpAddr,
    pub(crate) line: Option<Line>,
}

/// What a phone is told by whoever sets it up.
#[derive(Clone, Debug)]
pub struct Line {
    /// The extension.
    pub number: String,
    /// Its password.
    pub password: Redacted<String>,
}

/// A phone that plays its scenario.
#[derive(Debug)]
pub struct Playing {
    running: Running,
    folder: PathBuf,
    name: String,
}

impl Phone {
    /// Plays a scenario to its end. Field 0 is the phone's number, field 1 its credentials, and
    /// the further ones are the numbers of these extensions.
    ///
    /// # Errors
    /// It did not go as the scenario says.
    pub fn play(&self, scenario: &str, others: &[usize]) -> Result<(), NativeError> {
        let others: Vec<String> = others.iter().map(|other| number(*other)).collect();
        self.run(self.server, scenario, &others)
    }

    /// Plays a scenario to its end with this number as field 2.
    ///
    /// # Errors
    /// It did not go as the scenario says.
    pub fn dial(&self, scenario: &str, number: &str) -> Result<(), NativeError> {
        self.run(self.server, scenario, &[number.to_owned()])
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
        let uri = format!("{other}@{}", self.server);
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
            to: self.server,
            port: PHONE_PORT,
            fields,
            authentication_uri: uri,
            count: 1,
            rate: 1,
            traced: true,
        }
    }

    /// SIPp takes a password from a file and nowhere else; the file goes with the office.
    fn fields(&self, others: &[String]) -> Vec<String> {
        let (number, login) = self.line.as_ref().map_or_else(Default::default, |line| {
            let (number, password) = (&line.number, line.password.reveal());
            let login = format!("[authentication username={number} password={password}]");
            (number.clone(), login)
        });
        let fields = [number, login].into_iter().chain(others.iter().cloned());
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
