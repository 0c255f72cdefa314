//! Debian packages that go into the image: fetched by apt, verified by apt and by our own hash.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::host::{HostError, command, is_root, output};
use crate::progress;

/// Why a package cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DebError {
    /// A file of the cache cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A program of the host failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The package is not the one that was pinned.
    #[error("{package} has SHA-256 {found}, but {pinned} is pinned; do not use it")]
    Hash {
        /// The package.
        package: String,
        /// What it hashes to.
        found: String,
        /// What it should hash to.
        pinned: String,
    },
    /// The archive has neither the pinned package nor one that may take its place.
    #[error(
        "the package archive has neither {package} nor another {instead}; \
         run `apt-get update`, or add bookworm-security to apt's sources"
    )]
    NotInArchive {
        /// The pinned package.
        package: String,
        /// What was looked for instead.
        instead: String,
    },
}

/// A package as a lock file pins it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(crate) struct Pin {
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// A package by name and version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// A package on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Unpacked {
    pub(crate) package: Package,
    /// What is in it, from `/` of the package on.
    pub(crate) folder: PathBuf,
}

impl Package {
    /// As apt names it: a colon of an epoch is escaped.
    fn file_name(&self, architecture: &str) -> String {
        let version = self.version.replace(':', "%3a");
        format!("{}_{version}_{architecture}.deb", self.name)
    }

    /// The version of this package that apt would install now.
    pub(crate) fn candidate(name: &str) -> Result<Option<Self>, HostError> {
        let policy = output(command("apt-cache")?.args(["policy", name]))?;
        let policy = String::from_utf8_lossy(&policy).into_owned();
        let mut lines = policy.lines().map(str::trim);
        let version = lines.find_map(|line| line.strip_prefix("Candidate: "));
        let version = version.filter(|version| *version != "(none)");
        Ok(version.map(|version| Self {
            name: name.to_owned(),
            version: version.to_owned(),
        }))
    }

    /// Package and version, as the licence notices name it.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// The pinned package from the cache or from the archive; when the archive no longer has it, what
/// `instead` finds, which apt alone vouches for.
pub(crate) fn fetch(
    cache: &Path,
    pin: &Pin,
    instead: impl FnOnce() -> Result<Package, DebError>,
) -> Result<Unpacked, DebError> {
    std::fs::create_dir_all(cache).map_err(|source| file_error(cache, source))?;
    let pinned = Package {
        name: pin.package.clone(),
        version: pin.version.clone(),
    };
    let file = cache.join(pinned.file_name(&pin.architecture));
    if file.exists() || download(cache, &pinned)? {
        verify(&file, pin)?;
        return unpack(cache, &file, pinned);
    }
    let current = instead()?;
    progress::note(&format!(
        "the archive no longer has {}; using {}, verified by apt only",
        pinned.title(),
        current.title()
    ));
    let file = cache.join(current.file_name(&pin.architecture));
    if file.exists() || download(cache, &current)? {
        return unpack(cache, &file, current);
    }
    Err(DebError::NotInArchive {
        package: pinned.title(),
        instead: current.title(),
    })
}

/// `false` when the archive does not have it (any more).
fn download(cache: &Path, package: &Package) -> Result<bool, DebError> {
    progress::step(&format!("Fetching {}", package.title()));
    if try_download(cache, package)?.is_ok() {
        return Ok(true);
    }
    if is_root() {
        progress::note("not found; reading the archive's package lists anew");
        output(command("apt-get")?.args(["update", "-qq"]))?;
        return Ok(try_download(cache, package)?.is_ok());
    }
    Ok(false)
}

fn try_download(cache: &Path, package: &Package) -> Result<Result<(), HostError>, DebError> {
    let mut apt = command("apt-get")?;
    apt.current_dir(cache).args(["download", "-qq"]);
    if is_root() {
        // The cache folder is ours alone, so apt's own user could not write there.
        apt.args(["-o", "APT::Sandbox::User=root"]);
    }
    apt.arg(format!("{}={}", package.name, package.version));
    Ok(output(&mut apt).map(drop))
}

fn verify(file: &Path, pin: &Pin) -> Result<(), DebError> {
    let bytes = std::fs::read(file).map_err(|source| file_error(file, source))?;
    let found = hex::encode(Sha256::digest(&bytes));
    if found == pin.sha256 && u64::try_from(bytes.len()) == Ok(pin.size) {
        return Ok(());
    }
    Err(DebError::Hash {
        package: file.display().to_string(),
        found,
        pinned: pin.sha256.clone(),
    })
}

fn unpack(cache: &Path, file: &Path, package: Package) -> Result<Unpacked, DebError> {
    let folder = cache.join(format!("{}_{}", package.name, package.version));
    if !folder.exists() {
        let partial = cache.join(format!("unpacking-{}", std::process::id()));
        output(command("dpkg-deb")?.arg("-x").arg(file).arg(&partial))?;
        std::fs::rename(&partial, &folder).map_err(|source| file_error(&partial, source))?;
    }
    Ok(Unpacked { package, folder })
}

fn file_error(path: &Path, source: std::io::Error) -> DebError {
    DebError::File {
        path: path.to_owned(),
        source,
    }
}
