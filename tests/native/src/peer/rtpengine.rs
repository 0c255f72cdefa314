//! rtpengine beside our relay: Sipwise's media proxy, forwarding in user space as ours does.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{Processes, wait_until_answered};
use crate::{NativeError, free_port};

/// A running rtpengine; dropping it kills it.
#[derive(Debug)]
pub struct RtpEngine {
    processes: Processes,
    control: UdpSocket,
    /// As it says itself.
    pub version: String,
}

/// A session in it: where each of the two parties sends to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    /// For whoever was given as the caller.
    pub for_caller: SocketAddr,
    /// For the other.
    pub for_callee: SocketAddr,
}

impl RtpEngine {
    /// Starts it on loopback with these UDP ports.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start(folder: &Path, (first, last): (u16, u16)) -> Result<Self, NativeError> {
        let missing = |source| NativeError::Missing {
            program: "rtpengine",
            package: "rtpengine-daemon",
            source,
        };
        let shown = Command::new("rtpengine").arg("--version").output();
        let shown = shown.map_err(missing)?;
        let shown = [shown.stdout, shown.stderr].concat();
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let version = shown.split_whitespace().nth(1).unwrap_or("?").to_owned();
        let control = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut command = Command::new("rtpengine");
        command
            .args([
                "--foreground",
                "--table=-1",
                "--log-stderr",
                "--log-level=3",
            ])
            .args(["--interface=127.0.0.1", "--num-threads=1"])
            .arg(format!("--listen-ng={control}"))
            .arg(format!("--port-min={first}"))
            .arg(format!("--port-max={last}"))
            .arg(format!(
                "--pidfile={}",
                folder.join("rtpengine.pid").display()
            ));
        let ping = |_| b"1 d7:command4:pinge".to_vec();
        let ready = || wait_until_answered(control, ping);
        let processes = Processes::start(&mut command, "rtpengine", folder, ready)?;
        let socket = || -> std::io::Result<UdpSocket> {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(control)?;
            socket.set_read_timeout(Some(Duration::from_secs(5)))?;
            Ok(socket)
        };
        Ok(Self {
            processes,
            control: socket().map_err(NativeError::io("reach", "rtpengine"))?,
            version,
        })
    }

    /// Opens a session between two parties whose media is at these addresses.
    ///
    /// # Errors
    /// It refuses.
    pub fn open(
        &self,
        index: usize,
        caller: SocketAddr,
        callee: SocketAddr,
    ) -> Result<Session, NativeError> {
        let call = format!("call{index}");
        let offer = [
            ("command", "offer"),
            ("call-id", &call),
            ("from-tag", "caller"),
            ("sdp", &description(caller)),
        ];
        let for_callee = self.ask(index * 2, &offer)?;
        let answer = [
            ("command", "answer"),
            ("call-id", &call),
            ("from-tag", "caller"),
            ("to-tag", "callee"),
            ("sdp", &description(callee)),
        ];
        let for_caller = self.ask(index * 2 + 1, &answer)?;
        Ok(Session {
            for_caller,
            for_callee,
        })
    }

    /// Processor time so far, milliseconds.
    #[must_use]
    pub fn cpu_millis(&self) -> u64 {
        self.processes.cpu_millis()
    }

    /// Asks by the `ng` protocol (bencode behind a cookie); where the SDP in the answer points.
    fn ask(&self, cookie: usize, fields: &[(&str, &str)]) -> Result<SocketAddr, NativeError> {
        // It answers a cookie it has seen with what it said then: to the pings, which are numbers.
        let mut asked = format!("session{cookie} d");
        for (name, value) in fields {
            asked.push_str(&format!("{}:{name}{}:{value}", name.len(), value.len()));
        }
        asked.push('e');
        let mut buffer = [0; 8192];
        let told = self
            .control
            .send(asked.as_bytes())
            .and_then(|_| self.control.recv(&mut buffer));
        let length = told.map_err(NativeError::io("ask", "rtpengine"))?;
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()).into_owned();
        let port = text
            .split("m=audio ")
            .nth(1)
            .and_then(|rest| rest.split(' ').next()?.parse().ok());
        port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .ok_or_else(|| NativeError::Load(format!("rtpengine answered {text}")))
    }
}

fn description(media: SocketAddr) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
        ip = media.ip(),
        port = media.port(),
    )
}
