//! Somebody who guesses and scans with the programs that real ones use: Debian's `sipvicious`.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use native::NativeError;

/// An attacker at an address of his own.
#[derive(Debug)]
pub struct Attacker {
    server: SocketAddr,
    address: IpAddr,
    folder: std::path::PathBuf,
}

impl Attacker {
    pub(crate) fn new(server: SocketAddr, address: IpAddr, folder: &std::path::Path) -> Self {
        Self {
            server,
            address,
            folder: folder.to_owned(),
        }
    }

    /// Guesses these passwords of an extension, in order: which was right, if he found out.
    ///
    /// The program reads the first challenge of an answer only and knows no SHA-256, so that by
    /// itself it gives up here; it is helped by somebody in between who leaves MD5 alone.
    ///
    /// # Errors
    /// `svcrack` is missing.
    pub fn crack(
        &self,
        extension: &str,
        passwords: &[&str],
    ) -> Result<Option<String>, NativeError> {
        let words = self.folder.join("words.txt");
        std::fs::write(&words, passwords.join("\n") + "\n")
            .map_err(NativeError::io("write", &words))?;
        let file = words.display().to_string();
        let relay = UdpSocket::bind((self.address, 0))
            .and_then(|socket| socket.set_read_timeout(Some(LOOK_EVERY)).map(|()| socket))
            .map_err(NativeError::io("bind", &self.folder))?;
        let at = relay
            .local_addr()
            .map_err(NativeError::io("bind", &self.folder))?;
        let is_over = AtomicBool::new(false);
        let said = std::thread::scope(|scope| {
            let relayed = scope.spawn(|| without_sha256(&relay, self.server, &is_over));
            let domain = self.server.ip().to_string();
            let words = ["-u", extension, "-d", &file, "--domain", &domain];
            let said = self.run("svcrack", at, &words);
            is_over.store(true, Ordering::Relaxed);
            let relayed = relayed.join().unwrap_or(Ok(()));
            relayed.map_err(NativeError::io("relay", &self.folder))?;
            said
        })?;
        // | 1000      | secret   |
        let found = said.lines().find_map(|line| {
            let mut cells = line.split('|').map(str::trim).skip(1);
            (cells.next()? == extension).then(|| cells.next())?
        });
        Ok(found.map(ToOwned::to_owned))
    }

    /// Looks which of the extensions from one to another exist; those he found.
    ///
    /// # Errors
    /// `svwar` is missing.
    pub fn enumerate(&self, from: u16, to: u16) -> Result<Vec<String>, NativeError> {
        let range = format!("{from}-{to}");
        let said = self.run("svwar", self.server, &["-e", &range])?;
        let found = said.lines().filter_map(|line| {
            let cell = line.split('|').map(str::trim).nth(1)?;
            let is_number = !cell.is_empty() && cell.bytes().all(|it| it.is_ascii_digit());
            is_number.then(|| cell.to_owned())
        });
        Ok(found.collect())
    }

    /// Runs one of his programs against a server; what it says in the end.
    fn run(
        &self,
        program: &'static str,
        server: SocketAddr,
        arguments: &[&str],
    ) -> Result<String, NativeError> {
        let own = self.address.to_string();
        let output = Command::new(program)
            .args(["-b", &own, "-x", &own, "-p", &server.port().to_string()])
            // What hears nothing for so many seconds gives up.
            .args(["--maximumtime", "5"])
            .args(arguments)
            .arg(server.ip().to_string())
            .current_dir(&self.folder)
            .env("HOME", &self.folder)
            .output()
            .map_err(|source| NativeError::Missing {
                program,
                package: "sipvicious",
                source,
            })?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(said + &String::from_utf8_lossy(&output.stderr))
    }
}

/// Carries datagrams between a client and the server, and of challenges the first, SHA-256's, not.
fn without_sha256(relay: &UdpSocket, server: SocketAddr, is_over: &AtomicBool) -> io::Result<()> {
    let mut buffer = [0; 65_536];
    let mut client = None;
    while !is_over.load(Ordering::Relaxed) {
        let (length, from) = match relay.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
        let (text, to) = if from == server {
            let is_kept = |line: &&str| !line.contains("algorithm=SHA-256");
            (
                text.split_inclusive("\r\n").filter(is_kept).collect(),
                client,
            )
        } else {
            client = Some(from);
            (text.into_owned(), Some(server))
        };
        if let Some(to) = to {
            relay.send_to(text.as_bytes(), to)?;
        }
    }
    Ok(())
}

/// How often the relay looks whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(50);
