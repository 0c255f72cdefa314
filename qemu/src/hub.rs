//! The hub of a grid: Debian's wireguard-go, somewhere on the Internet of the lab.
//!
//! Its keys are always the same: they guard nothing, and a hub that was started anew is the same.
//! It is commanded over its own socket (WireGuard's cross-platform interface), so that nothing of
//! ours is on that side.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use crate::lan::STRANGER;
use crate::netns::{Namespace, NetnsError};
use crate::process::{Process, ProcessError, command};

/// The hub's public key, as `wg pubkey` prints it.
pub const HUB_KEY: &str = "oaF3cM+eoSBvDDgtALJwdrU7wDHPDVGF5SXv37vQkS0=";
/// Where boxes reach it.
pub const ENDPOINT: Ipv4Addr = STRANGER;
/// Its address in the grid.
pub const HUB_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 200, 0, 1);
/// The grid.
pub const GRID: &str = "10.200.0.0/24";
/// The box's address there.
pub const BOX_IN_GRID: Ipv4Addr = Ipv4Addr::new(10, 200, 0, 5);

/// Why there is no hub.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// Its namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// The program.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// Its socket.
    #[error("the socket of wireguard-go: {0}")]
    Socket(#[from] io::Error),
    /// It ended at once.
    #[error("wireguard-go does not run: {}", .0.join("; "))]
    Ended(Vec<String>),
    /// It does not do what it was told.
    #[error("wireguard-go refuses: {0}")]
    Refused(String),
}

/// A hub with one box. Dropping it ends it.
pub struct Hub {
    _process: Process,
    place: Arc<Namespace>,
    name: String,
}

impl Hub {
    /// Starts it there, for a box with this public key (base64). `also` are networks that it
    /// believes to lie behind the box.
    ///
    /// # Errors
    /// The program is missing (Debian package `wireguard-go`), or does not come up.
    pub fn start(place: Arc<Namespace>, box_key: &str, also: &[&str]) -> Result<Self, HubError> {
        let name = format!("hub{}", std::process::id());
        let mut program = command("wireguard-go")?;
        program.args(["--foreground", &name]);
        program.env("LOG_LEVEL", "verbose");
        program.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = place.spawn(program)?;
        wait_for_socket(&mut process)?;
        let hub = Self {
            _process: process,
            place,
            name,
        };
        let own = format!("{BOX_IN_GRID}/32");
        let allowed = also.iter().copied().chain([own.as_str()]);
        let allowed: String = allowed.map(|it| format!("allowed_ip={it}\n")).collect();
        hub.command(&format!(
            "set=1\nprivate_key={HUB_SECRET}\nlisten_port={PORT}\nreplace_peers=true\n\
             public_key={}\n{allowed}\n",
            hex::encode(raw(box_key)?)
        ))?;
        let address = format!("{HUB_ADDRESS}/24");
        hub.place
            .ip(&["address", "add", &address, "dev", &hub.name])?;
        hub.place.ip(&["link", "set", &hub.name, "up"])?;
        for network in also {
            hub.place.ip(&["route", "add", network, "dev", &hub.name])?;
        }
        Ok(hub)
    }

    /// Seconds since 1970 of the box's last handshake; 0 while there was none.
    ///
    /// # Errors
    /// It does not answer.
    pub fn last_handshake(&self) -> Result<u64, HubError> {
        let said = self.command("get=1\n\n")?;
        let field = |line: &str| line.strip_prefix("last_handshake_time_sec=")?.parse().ok();
        Ok(said.lines().find_map(field).unwrap_or_default())
    }

    /// From where the box sends, as the hub sees it.
    ///
    /// # Errors
    /// It does not answer.
    pub fn box_endpoint(&self) -> Result<Option<IpAddr>, HubError> {
        let said = self.command("get=1\n\n")?;
        let field = |line: &str| {
            let (address, _) = line.strip_prefix("endpoint=")?.rsplit_once(':')?;
            address.trim_matches(['[', ']']).parse().ok()
        };
        Ok(said.lines().find_map(field))
    }

    /// Where it stands.
    #[must_use]
    pub const fn place(&self) -> &Arc<Namespace> {
        &self.place
    }

    fn command(&self, text: &str) -> Result<String, HubError> {
        let mut socket = UnixStream::connect(socket_of(&self.name))?;
        socket.write_all(text.as_bytes())?;
        let mut said = String::new();
        let mut bytes = [0; 4096];
        while !said.ends_with("\n\n") {
            match socket.read(&mut bytes)? {
                0 => break,
                count => said.push_str(&String::from_utf8_lossy(bytes.get(..count).unwrap_or(&[]))),
            }
        }
        match said.contains("errno=0\n") {
            true => Ok(said),
            false => Err(HubError::Refused(said)),
        }
    }
}

/// Waits until it says that its socket is there.
fn wait_for_socket(process: &mut Process) -> Result<(), HubError> {
    let mut said = Vec::new();
    let Some(output) = process.child().stdout.take() else {
        return Err(HubError::Ended(said));
    };
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    for line in lines.by_ref() {
        let is_there = line.contains("UAPI listener started");
        said.push(line);
        if is_there {
            // It goes on talking, and must not stop because nobody listens.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(());
        }
    }
    Err(HubError::Ended(said))
}

fn socket_of(name: &str) -> PathBuf {
    PathBuf::from(format!("/var/run/wireguard/{name}.sock"))
}

/// The bytes of a key in base64.
fn raw(key: &str) -> Result<Vec<u8>, HubError> {
    let wrong = || HubError::Refused(format!("{key:?} is not a key"));
    let mut bits = String::new();
    for sign in key.trim_end_matches('=').bytes() {
        let digit = BASE64.iter().position(|it| *it == sign).ok_or_else(wrong)?;
        bits.push_str(&format!("{digit:06b}"));
    }
    let bytes = bits.as_bytes().chunks_exact(8);
    let byte = |bits: &[u8]| {
        let text = std::str::from_utf8(bits).ok()?;
        u8::from_str_radix(text, 2).ok()
    };
    let bytes: Option<Vec<u8>> = bytes.map(byte).collect();
    bytes.filter(|it| it.len() == 32).ok_or_else(wrong)
}

/// Its own key, hexadecimal as the socket takes it.
const HUB_SECRET: &str = "b0242a58c6702c769cfaa17609b1486756a2c321ac465dda6f40dd4bf8cd7659";
/// Where it listens.
const PORT: u16 = 51820;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read() {
        let bytes = raw(HUB_KEY).expect("a key");
        let expected = "a1a17770cf9ea1206f0c382d00b27076b53bc031cf0d5185e525efdfbbd0912d";
        assert_eq!(hex::encode(bytes), expected);
        assert!(raw("none").is_err());
    }
}
