//! Fills the folders that a build takes everything from, so that the build itself fetches nothing.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::fetch::{self, Archive};
use super::lock::{self, KernelSource, Lock, Part, Place};
use super::{BuildrootError, Machine, create_folder, file_error, toolchain};
use crate::build::{cache_folder, workspace};
use crate::countries;
use crate::host::{command, output};
use crate::progress;

/// Where everything lies.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Buildroot's download folder.
    pub downloads: PathBuf,
    /// The toolchain of the machine.
    pub toolchain: PathBuf,
    /// The crates of `Cargo.lock`, unpacked.
    pub crates: PathBuf,
}

/// Fetches what is not there yet, verifies all of it and makes the toolchain.
///
/// # Errors
/// A file can neither be found nor fetched, or is not the pinned one.
pub fn provide(machine: Machine) -> Result<Sources, BuildrootError> {
    let cache = cache_folder().join("buildroot");
    create_folder(&cache)?;
    let cache = std::path::absolute(&cache).map_err(|source| file_error(&cache, source))?;
    let lock = lock::load()?;
    let mut archive = Archive::new(&cache)?;
    let packages = cache.join("debs");
    let downloads = cache.join("dl");
    progress::timed("Getting the sources from Debian", || {
        kernel(&mut archive, &packages, &downloads, &lock.kernel)?;
        package_sources(&mut archive, &packages, &downloads, &lock)
    })?;
    progress::timed("Getting the data of countries", || {
        countries::fetch(&cache_folder())
    })?;
    let toolchain = cache.join(format!("toolchain-{}", machine.name()));
    progress::timed("Making the toolchain from Debian packages", || {
        let parts = fetch::toolchain_parts(&mut archive, &packages, &lock, machine)?;
        toolchain::make(machine, &parts, &toolchain)
    })?;
    let crates = cache.join("crates");
    progress::timed("Vendoring the crates of Cargo.lock", || vendor(&crates))?;
    Ok(Sources {
        downloads,
        toolchain,
        crates,
    })
}

fn kernel(
    archive: &mut Archive,
    packages: &Path,
    downloads: &Path,
    kernel: &KernelSource,
) -> Result<(), BuildrootError> {
    let to = downloads.join(&kernel.to);
    if to.exists() {
        return fetch::verify(&to, &kernel.to_sha256);
    }
    let part = Part {
        package: kernel.package.clone(),
        version: kernel.version.clone(),
        architecture: "all".to_owned(),
        sha256: kernel.sha256.clone(),
        part: Place::Compiler,
        machine: None,
    };
    archive.binaries(packages, std::slice::from_ref(&part))?;
    let package = packages.join(part.file_name());
    let unpacked = packages.join(format!("unpacking-{}", std::process::id()));
    output(command("dpkg-deb")?.arg("-x").arg(&package).arg(&unpacked))?;
    let inside = unpacked.join(&kernel.inside);
    fetch::verify(&inside, &kernel.to_sha256)?;
    place(&inside, &to)?;
    std::fs::remove_dir_all(&unpacked).map_err(|source| file_error(&unpacked, source))
}

fn package_sources(
    archive: &mut Archive,
    packages: &Path,
    downloads: &Path,
    lock: &Lock,
) -> Result<(), BuildrootError> {
    for source in &lock.source {
        let to = downloads.join(&source.to);
        if to.exists() {
            fetch::verify(&to, &source.sha256)?;
            continue;
        }
        let package = format!("{}={}", source.package, source.version);
        let file = archive.source(packages, &source.file, &source.sha256, &package)?;
        place(&file, &to)?;
    }
    Ok(())
}

/// Moves a file to where Buildroot looks for it.
fn place(from: &Path, to: &Path) -> Result<(), BuildrootError> {
    if let Some(folder) = to.parent() {
        create_folder(folder)?;
    }
    std::fs::rename(from, to).map_err(|source| file_error(to, source))
}

/// `Cargo.lock` holds each crate's hash, and cargo refuses another.
fn vendor(folder: &Path) -> Result<(), BuildrootError> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    cargo.args(["vendor", "--quiet", "--locked", "--versioned-dirs"]);
    output(cargo.arg(folder))?;
    Ok(())
}
