//! Kamailio: beside ours, or at the far end of a trunk.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::{Processes, options, wait_until_answered};
use crate::{NativeError, PASSWORD};

/// A running Kamailio; dropping it kills all its processes.
#[derive(Debug)]
pub struct Kamailio {
    processes: Processes,
    /// Where it serves SIP.
    pub sip: SocketAddr,
    /// As it says itself.
    pub version: String,
}

impl Kamailio {
    /// Starts it on this address with its files in `folder`; `ADDRESS`, `PASSWORD` and these other
    /// words in the configuration are filled in.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(
        folder: &Path,
        configuration: &Path,
        sip: SocketAddr,
        words: &[(&str, &str)],
    ) -> Result<Self, NativeError> {
        let missing = |source| NativeError::Missing {
            program: "kamailio",
            package: "kamailio",
            source,
        };
        let shown = Command::new("kamailio")
            .arg("-v")
            .output()
            .map_err(missing)?;
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let version = shown.split_whitespace().nth(2).unwrap_or("?").to_owned();
        let text = std::fs::read_to_string(configuration)
            .map_err(NativeError::io("read", configuration))?;
        let own = sip.to_string();
        let always = [("ADDRESS", own.as_str()), ("PASSWORD", PASSWORD)];
        let fill = |text: String, (word, value): &(&str, &str)| text.replace(word, value);
        let text = always.iter().chain(words).fold(text, fill);
        let path = folder.join("kamailio.cfg");
        std::fs::write(&path, text).map_err(NativeError::io("write", &path))?;
        let mut command = Command::new("kamailio");
        command
            .args(["-DD", "-E", "-m", "64", "-M", "8", "-f"])
            .arg(&path)
            .arg("-Y")
            .arg(folder)
            .arg("-w")
            .arg(folder);
        let ready = || wait_until_answered(sip, options(sip));
        let processes = Processes::start(&mut command, "kamailio", folder, ready)?;
        Ok(Self {
            processes,
            sip,
            version,
        })
    }

    /// Processor time of all its processes so far, milliseconds.
    #[must_use]
    pub fn cpu_millis(&self) -> u64 {
        self.processes.cpu_millis()
    }
}
