//! `buildroot/sources.lock`: every file that is taken from Debian, by version and hash.

use serde::Deserialize;

use super::{BuildrootError, Machine, external, read};

/// The file as written.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The kernel's source.
    pub kernel: KernelSource,
    /// Sources of packages.
    pub source: Vec<Source>,
    /// Parts of the toolchain.
    pub toolchain: Vec<Part>,
}

/// A binary package that holds the kernel's source as one archive.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KernelSource {
    /// Its name.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// Of the package.
    pub sha256: String,
    /// The archive's path in the package.
    pub inside: String,
    /// Its path in the download folder.
    pub to: String,
    /// Of the archive.
    pub to_sha256: String,
    /// When it was made, Unix seconds: what the kernel says it was built at, so that a commit of
    /// ours does not change it.
    pub dated: u64,
}

/// One file of a source package.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// The file, as Debian names it.
    pub file: String,
    /// Of the file.
    pub sha256: String,
    /// Its path in the download folder, as Buildroot names it.
    pub to: String,
}

/// A binary package of the toolchain.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub package: String,
    /// Its exact version.
    pub version: String,
    /// Debian's.
    pub architecture: String,
    /// Of the package.
    pub sha256: String,
    /// Where it goes.
    pub part: Place,
    /// The machine it compiles for; none means every one.
    pub machine: Option<String>,
}

/// Where a package of the toolchain goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Programs that run on the build host.
    Compiler,
    /// Headers and libraries of the box.
    Sysroot,
}

impl Part {
    /// Whether the toolchain for this machine needs it.
    pub fn serves(&self, machine: Machine) -> bool {
        self.machine
            .as_ref()
            .is_none_or(|name| name == machine.name())
    }

    /// As apt names the file: the colon of an epoch is escaped.
    pub fn file_name(&self) -> String {
        let version = self.version.replace(':', "%3a");
        format!("{}_{version}_{}.deb", self.package, self.architecture)
    }
}

impl Lock {
    /// The makers' version of a source package: `1.47.4` of `1.47.4-1`; empty for an unknown one.
    pub fn version_of(&self, package: &str) -> &str {
        let mut found = self
            .source
            .iter()
            .filter(|source| source.package == package);
        let version = found.next().map_or("", |source| source.version.as_str());
        version
            .split_once('-')
            .map_or(version, |(version, _)| version)
    }
}

impl KernelSource {
    /// As apt names the file.
    pub fn file_name(&self) -> String {
        format!("{}_{}_all.deb", self.package, self.version)
    }

    /// The kernel's own version: `6.12.117` of `6.12.117-1~deb12u1`.
    pub fn kernel_version(&self) -> &str {
        self.version
            .split_once('-')
            .map_or(self.version.as_str(), |(version, _)| version)
    }
}

/// Reads it.
///
/// # Errors
/// It is not there or not well-formed.
pub fn load() -> Result<Lock, BuildrootError> {
    Ok(toml::from_str(&read(&external().join("sources.lock"))?)?)
}
