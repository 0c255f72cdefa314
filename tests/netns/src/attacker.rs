//! Somebody who guesses and scans with the programs that real ones use: Debian's `sipvicious`.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

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
        let said = self.run("svcrack", &["-u", extension, "-d", &file])?;
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
        let said = self.run("svwar", &["-e", &range])?;
        let found = said.lines().filter_map(|line| {
            let cell = line.split('|').map(str::trim).nth(1)?;
            let is_number = !cell.is_empty() && cell.bytes().all(|it| it.is_ascii_digit());
            is_number.then(|| cell.to_owned())
        });
        Ok(found.collect())
    }

    /// Runs one of his programs against the box; what it says in the end.
    fn run(&self, program: &'static str, arguments: &[&str]) -> Result<String, NativeError> {
        let (server, own) = (self.server, self.address.to_string());
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
