//! SIPp as load: runs a scenario and reads its own count of what worked.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::BenchError;
use crate::service::running;

/// One run of SIPp.
#[derive(Debug)]
pub(crate) struct Load<'a> {
    /// File name of the scenario.
    pub(crate) scenario: &'static str,
    /// Where it sends to; for a callee, who calls.
    pub(crate) to: SocketAddr,
    /// Its own port.
    pub(crate) port: u16,
    /// Lines of the injection file; none for a callee.
    pub(crate) fields: &'a [String],
    /// What its credentials are for: SIPp does not read the request's own URI. By default the
    /// server alone.
    pub(crate) authentication_uri: Option<&'a str>,
    /// Operations in all.
    pub(crate) count: u64,
    /// Operations begun a second.
    pub(crate) rate: u64,
}

/// What SIPp counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outcome {
    /// Operations that went through.
    pub(crate) succeeded: u64,
    /// Operations that did not.
    pub(crate) failed: u64,
    /// Messages SIPp had to repeat.
    pub(crate) retransmissions: u64,
}

/// A SIPp in the background; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self, BenchError> {
        let child = command.spawn().map_err(|source| BenchError::Missing {
            program: "sipp",
            package: "sip-tester",
            source,
        })?;
        running().push(child.id());
        Ok(Self(child))
    }
}

/// A loopback port that is free now.
pub(crate) fn free_port() -> Result<u16, BenchError> {
    let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0));
    let port = bound
        .and_then(|socket| socket.local_addr())
        .map(|address| address.port());
    port.map_err(BenchError::io("find", "a free port"))
}

impl Load<'_> {
    /// Runs to the end.
    pub(crate) fn run(&self, folder: &Path) -> Result<Outcome, BenchError> {
        let statistics = folder.join(format!("{}-{}.csv", self.scenario, self.port));
        let mut command = self.command(folder)?;
        command
            .args(["-trace_stat", "-fd", "1", "-stf"])
            .arg(&statistics);
        // Nobody sends for this long once all is over: then SIPp gives up.
        let limit = Duration::from_secs(60 + self.count / self.rate.max(1) * 2);
        command.args(["-timeout", &format!("{}s", limit.as_secs())]);
        let mut load = Running::start(&mut command)?;
        let status = load.0.wait().map_err(BenchError::io("wait for", "sipp"))?;
        drop(load);
        let text = std::fs::read_to_string(&statistics).unwrap_or_default();
        parse(&text).ok_or_else(|| BenchError::Load(format!("sipp ended with {status}")))
    }

    /// Starts answering.
    pub(crate) fn answer(&self, folder: &Path) -> Result<Running, BenchError> {
        Running::start(&mut self.command(folder)?)
    }

    fn command(&self, folder: &Path) -> Result<Command, BenchError> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output: PathBuf = folder.join(format!("{}-{}.out", self.scenario, self.port));
        let output = File::create(&output).map_err(BenchError::io("write", &output))?;
        let errors = output
            .try_clone()
            .map_err(BenchError::io("write", "sipp's output"))?;
        let mut command = Command::new("sipp");
        command
            .arg(self.to.to_string())
            .arg("-sf")
            .arg(here.join("scenarios").join(self.scenario))
            .args(["-i", "127.0.0.1", "-p", &self.port.to_string(), "-nostdin"])
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
            let fields = folder.join(format!("{}-{}.fields", self.scenario, self.port));
            let lines = format!("SEQUENTIAL\n{}\n", self.fields.join("\n"));
            std::fs::write(&fields, lines).map_err(BenchError::io("write", &fields))?;
            command.arg("-inf").arg(fields);
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
