//! SIPp as load: runs a scenario and reads its own count of what worked.

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use crate::NativeError;
use crate::service::running;

/// One run of SIPp.
#[derive(Debug)]
pub struct Load<'a> {
    /// The scenario's file.
    pub scenario: &'a Path,
    /// Its own address; where calls come from and go to.
    pub address: IpAddr,
    /// Where it sends to; for a callee, who calls.
    pub to: SocketAddr,
    /// Its own port.
    pub port: u16,
    /// Lines of the injection file; none for a callee.
    pub fields: &'a [String],
    /// What its credentials are for: SIPp does not read the request's own URI. By default the
    /// server alone.
    pub authentication_uri: Option<&'a str>,
    /// Operations in all.
    pub count: u64,
    /// Operations begun a second.
    pub rate: u64,
    /// Keep every message in a file: for tests, too much for load.
    pub traced: bool,
}

/// What SIPp counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// Operations that went through.
    pub succeeded: u64,
    /// Operations that did not.
    pub failed: u64,
    /// Messages SIPp had to repeat.
    pub retransmissions: u64,
}

/// A SIPp in the background; dropping it kills it.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Waits for the end.
    ///
    /// # Errors
    /// The system lost it.
    pub fn wait(&mut self) -> Result<ExitStatus, NativeError> {
        self.0.wait().map_err(NativeError::io("wait for", "sipp"))
    }

    fn start(command: &mut Command) -> Result<Self, NativeError> {
        let child = command.spawn().map_err(|source| NativeError::Missing {
            program: "sipp",
            package: "sip-tester",
            source,
        })?;
        running().push(child.id());
        Ok(Self(child))
    }
}

/// A loopback port that is free now.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<u16, NativeError> {
    let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let port = bound
        .and_then(|socket| socket.local_addr())
        .map(|address| address.port());
    port.map_err(NativeError::io("find", "a free port"))
}

impl Load<'_> {
    /// Runs to the end.
    ///
    /// # Errors
    /// SIPp does not start, or says nothing of how it went.
    pub fn run(&self, folder: &Path) -> Result<Outcome, NativeError> {
        let statistics = self.file(folder, "csv");
        let mut command = self.command(folder)?;
        command
            .args(["-trace_stat", "-fd", "1", "-stf"])
            .arg(&statistics);
        // Nobody sends for this long once all is over: then SIPp gives up.
        let limit = Duration::from_secs(60 + self.count / self.rate.max(1) * 2);
        command.args(["-timeout", &format!("{}s", limit.as_secs())]);
        let mut load = Running::start(&mut command)?;
        let status = load.wait()?;
        drop(load);
        let text = std::fs::read_to_string(&statistics).unwrap_or_default();
        parse(&text).ok_or_else(|| NativeError::Load(format!("sipp ended with {status}")))
    }

    /// Starts answering.
    ///
    /// # Errors
    /// SIPp does not start.
    pub fn answer(&self, folder: &Path) -> Result<Running, NativeError> {
        Running::start(&mut self.command(folder)?)
    }

    /// A file of this run.
    fn file(&self, folder: &Path, kind: &str) -> PathBuf {
        let name = self
            .scenario
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy();
        folder.join(format!("{name}-{}.{kind}", self.port))
    }

    fn command(&self, folder: &Path) -> Result<Command, NativeError> {
        let output = self.file(folder, "out");
        let output = File::create(&output).map_err(NativeError::io("write", &output))?;
        let errors = output
            .try_clone()
            .map_err(NativeError::io("write", "sipp's output"))?;
        let mut command = Command::new("sipp");
        command
            .arg(self.to.to_string())
            .arg("-sf")
            .arg(self.scenario)
            .args([
                "-i",
                &self.address.to_string(),
                "-p",
                &self.port.to_string(),
                "-nostdin",
            ])
            .args(["-m", &self.count.to_string(), "-r", &self.rate.to_string()])
            .args([
                "-l",
                "2000",
                "-default_behaviors",
                "bye,abortunexp",
                "-trace_err",
            ])
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        if !self.fields.is_empty() {
            let fields = self.file(folder, "fields");
            let lines = format!("SEQUENTIAL\n{}\n", self.fields.join("\n"));
            std::fs::write(&fields, lines).map_err(NativeError::io("write", &fields))?;
            command.arg("-inf").arg(fields);
        }
        if self.traced {
            command.arg("-trace_msg");
        }
        if let Some(uri) = self.authentication_uri {
            command.args(["-auth_uri", uri]);
        }
        Ok(command)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
        running().retain(|pid| *pid != self.0.id());
    }
}

/// The last line of SIPp's statistics, by the names in the first.
fn parse(text: &str) -> Option<Outcome> {
    let names: Vec<&str> = text.lines().next()?.split(';').collect();
    let values: Vec<&str> = text.lines().last()?.split(';').collect();
    let value = |name: &str| -> Option<u64> {
        let column = names.iter().position(|found| *found == name)?;
        values.get(column)?.parse().ok()
    };
    Some(Outcome {
        succeeded: value("SuccessfulCall(C)")?,
        failed: value("FailedCall(C)")?,
        retransmissions: value("Retransmissions(C)")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_the_statistics_counts() {
        let text = "StartTime;SuccessfulCall(C);FailedCall(C);Retransmissions(C);\n\
                    0;1;0;0;\n\
                    0;20;3;7;\n";
        let expected = Outcome {
            succeeded: 20,
            failed: 3,
            retransmissions: 7,
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("a;b;\n1;2;\n"), None);
        assert_eq!(parse(""), None);
    }
}
