//! Fetches Debian packages of exact versions with apt, without touching the host's own lists.

use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::lock::{Lock, Part};
use super::{BuildrootError, create_folder, file_error, write};
use crate::host::{command, output};
use crate::progress;

/// A private apt: its lists, configuration and downloads lie below one folder.
pub(crate) struct Archive {
    folder: PathBuf,
    updated: bool,
}

impl Archive {
    pub(crate) fn new(cache: &Path) -> Result<Self, BuildrootError> {
        let folder = cache.join("apt");
        for part in ["state/lists/partial", "cache/archives/partial"] {
            create_folder(&folder.join(part))?;
        }
        let place = folder.display();
        let options = format!(
            "Dir::State \"{place}/state\";\nDir::Cache \"{place}/cache\";\n\
             Dir::Etc::SourceList \"{place}/sources.list\";\nDir::Etc::SourceParts \"-\";\n\
             Dir::Etc::TrustedParts \"-\";\nAPT::Sandbox::User \"root\";\n\
             Acquire::Languages \"none\";\nAPT::Architectures {{ \"amd64\"; \"arm64\"; }};\n"
        );
        write(&folder.join("options"), options)?;
        write(&folder.join("sources.list"), SOURCES)?;
        Ok(Self {
            folder,
            updated: false,
        })
    }

    fn apt(&self) -> Result<Command, BuildrootError> {
        let mut apt = command("apt-get")?;
        apt.env("APT_CONFIG", self.folder.join("options"));
        Ok(apt)
    }

    /// Reads the archive's lists, once and only when something is missing.
    fn update(&mut self) -> Result<(), BuildrootError> {
        if !self.updated {
            progress::note("reading the archive's package lists into a folder of our own");
            output(self.apt()?.args(["update", "-qq"]))?;
            self.updated = true;
        }
        Ok(())
    }

    /// Binary packages into `folder`, all in one go: apt reads its lists once a call.
    pub(crate) fn binaries(
        &mut self,
        folder: &Path,
        parts: &[Part],
    ) -> Result<Vec<PathBuf>, BuildrootError> {
        let missing = parts
            .iter()
            .filter(|part| !folder.join(part.file_name()).exists())
            .map(package);
        let missing: Vec<String> = missing.collect();
        if !missing.is_empty() {
            self.run(folder, &["download", "-qq"], &missing)?;
        }
        let path = |part: &Part| {
            let path = folder.join(part.file_name());
            found(&path, &package(part), &part.sha256)?;
            Ok(path)
        };
        parts.iter().map(path).collect()
    }

    /// The files of a source package into `folder`; the answer is `name` among them.
    pub(crate) fn source(
        &mut self,
        folder: &Path,
        name: &str,
        sha256: &str,
        package: &str,
    ) -> Result<PathBuf, BuildrootError> {
        let path = folder.join(name);
        if !path.exists() {
            let arguments = ["source", "-qq", "--download-only", "--only-source"];
            self.run(folder, &arguments, &[package.to_owned()])?;
        }
        found(&path, package, sha256)?;
        Ok(path)
    }

    /// What could not be fetched shows when the file is looked for, with its name.
    fn run(
        &mut self,
        folder: &Path,
        arguments: &[&str],
        packages: &[String],
    ) -> Result<(), BuildrootError> {
        create_folder(folder)?;
        self.update()?;
        progress::note(&format!("fetching {}", packages.join(" ")));
        let mut apt = self.apt()?;
        apt.current_dir(folder).args(arguments).args(packages);
        if let Err(error) = output(&mut apt) {
            progress::note(&error.to_string());
        }
        Ok(())
    }
}

/// As apt wants it named.
fn package(part: &Part) -> String {
    match part.architecture.as_str() {
        "all" => format!("{}={}", part.package, part.version),
        name => format!("{}:{name}={}", part.package, part.version),
    }
}

/// A file that should be there by now, and is the pinned one.
fn found(path: &Path, package: &str, sha256: &str) -> Result<(), BuildrootError> {
    if path.exists() {
        return verify(path, sha256);
    }
    Err(BuildrootError::Gone {
        what: package.to_owned(),
        path: path.to_owned(),
    })
}

/// All parts of the toolchain for one machine, as files.
pub(crate) fn toolchain_parts(
    archive: &mut Archive,
    folder: &Path,
    lock: &Lock,
    machine: super::Machine,
) -> Result<Vec<(Part, PathBuf)>, BuildrootError> {
    let wanted = lock.toolchain.iter().filter(|part| part.serves(machine));
    let wanted: Vec<Part> = wanted.cloned().collect();
    let files = archive.binaries(folder, &wanted)?;
    Ok(wanted.into_iter().zip(files).collect())
}

/// Refuses a file that is not the pinned one.
pub(crate) fn verify(path: &Path, pinned: &str) -> Result<(), BuildrootError> {
    let found = sha256(path)?;
    if found == pinned {
        return Ok(());
    }
    Err(BuildrootError::Hash {
        path: path.to_owned(),
        found,
        pinned: pinned.to_owned(),
    })
}

/// The SHA-256 of a file in hexadecimal.
pub(crate) fn sha256(path: &Path) -> Result<String, BuildrootError> {
    let mut file = std::fs::File::open(path).map_err(|source| file_error(path, source))?;
    let mut hash = Sha256::new();
    let mut block = vec![0; 1 << 20];
    loop {
        let length = std::io::Read::read(&mut file, &mut block)
            .map_err(|source| file_error(path, source))?;
        let Some(read) = block.get(..length).filter(|read| !read.is_empty()) else {
            return Ok(hex::encode(hash.finalize()));
        };
        hash.update(read);
    }
}

/// Debian 12 for what runs on the build host, and unstable for sources that Debian 12 has older.
/// apt verifies both with Debian's keys; the hashes of the lock decide all the same.
const SOURCES: &str = "\
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian \
bookworm main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
http://deb.debian.org/debian-security bookworm-security main
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian \
sid main
deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian \
trixie main
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_the_pinned_one_is_refused_by_name() {
        let path = std::env::temp_dir().join(format!("ramal-pinned-{}", std::process::id()));
        std::fs::write(&path, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(verify(&path, known).is_ok());
        std::fs::write(&path, "abd").unwrap();
        let error = verify(&path, known).unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        assert!(
            error.contains("do not use it") && error.contains("ramal-pinned"),
            "{error}"
        );
    }
}
