//! What Buildroot cannot tell of itself: the licences of the toolchain that was brought along.
//!
//! musl and libgcc are linked into every program, so their notices ship; `legal-info` names the
//! toolchain and collects nothing of it.

use std::path::Path;

use super::lock::Lock;
use super::{BuildrootError, Machine, create_folder, file_error, read, write};

/// Parts of the toolchain whose code is in the box's programs: package, as people call it, and
/// licence.
const LINKED: &[(&str, &str, &str)] = &[
    ("musl-dev", "musl", "MIT"),
    (
        "linux-libc-dev",
        "headers of Linux",
        "GPL-2.0 WITH Linux-syscall-note",
    ),
];

/// Of gcc, by machine: what is linked is libgcc.
const fn libgcc(machine: Machine) -> (&'static str, &'static str) {
    match machine {
        Machine::X86_64 => ("libgcc-12-dev", "gcc-12-base"),
        Machine::Aarch64 => ("libgcc-12-dev-arm64-cross", "gcc-12-cross-base"),
    }
}

/// A part of the toolchain that is in the box's programs.
pub(crate) struct Linked {
    pub(crate) name: String,
    /// As people call it.
    pub(crate) called: &'static str,
    pub(crate) version: String,
    pub(crate) licence: &'static str,
    pub(crate) sha256: String,
    /// The package whose copyright file speaks of it.
    pub(crate) text: &'static str,
    file: String,
}

/// All of them for a machine, as the lock pins them.
pub(crate) fn linked(lock: &Lock, machine: Machine) -> Result<Vec<Linked>, BuildrootError> {
    let (runtime, notices) = libgcc(machine);
    let gcc = (
        runtime,
        "libgcc",
        notices,
        "GPL-3.0+ WITH GCC-exception-3.1",
    );
    let others = LINKED
        .iter()
        .map(|(name, called, licence)| (*name, *called, *name, *licence));
    let all = others.chain([gcc]).map(|(name, called, text, licence)| {
        let mut parts = lock.toolchain.iter().filter(|part| part.serves(machine));
        let part = parts.find(|part| part.package == name).ok_or_else(|| {
            BuildrootError::Check(format!("buildroot/sources.lock names no {name}"))
        })?;
        Ok(Linked {
            name: name.to_owned(),
            called,
            version: part.version.clone(),
            licence,
            sha256: part.sha256.clone(),
            text,
            file: part.file_name(),
        })
    });
    all.collect()
}

/// Adds them to a `legal-info` folder; the answer is the rows that were added.
pub(crate) fn complete(
    legal: &Path,
    toolchain: &Path,
    lock: &Lock,
    machine: Machine,
) -> Result<Vec<String>, BuildrootError> {
    let mut rows = Vec::new();
    for part in linked(lock, machine)? {
        let name = format!("toolchain-{}-{}", part.name, part.version);
        let folder = legal.join("licenses").join(&name);
        create_folder(&folder)?;
        let from = toolchain.join("licences").join(part.text);
        let to = folder.join("copyright");
        std::fs::copy(&from, &to).map_err(|source| file_error(&from, source))?;
        rows.push(format!(
            "\"{0}\",\"{1}\",\"{2}\",\"copyright\",\"{3}\",\
             \"https://packages.debian.org/source/bookworm/{0}\",\"\"",
            part.name, part.version, part.licence, part.file
        ));
    }
    append(&legal.join("manifest.csv"), &rows)?;
    Ok(rows)
}

/// Adds rows that the manifest does not have yet.
fn append(manifest: &Path, rows: &[String]) -> Result<(), BuildrootError> {
    let mut text = read(manifest)?;
    for row in rows {
        if !text.lines().any(|line| line == row) {
            text += row;
            text.push('\n');
        }
    }
    write(manifest, text)
}

/// What a `legal-info` folder still lacks: packages of the target without a licence text.
pub(crate) fn missing(legal: &Path) -> Result<Vec<String>, BuildrootError> {
    let manifest = read(&legal.join("manifest.csv"))?;
    let mut lacking = Vec::new();
    for line in manifest.lines().skip(1) {
        let fields: Vec<&str> = line.trim_matches('"').split("\",\"").collect();
        let [package, version, licence, texts, ..] = fields.as_slice() else {
            continue;
        };
        let unknown = licence.is_empty() || *licence == "unknown";
        if unknown || texts.is_empty() || *texts == "not saved" {
            lacking.push(format!("{package} {version} ({licence})"));
        }
    }
    Ok(lacking)
}
