//! Everything about our tree that only a Buildroot release can say.

use std::path::PathBuf;

use super::run::Output;
use super::{
    BuildrootError, Variant, external, licences, lock, read, release_folder, run, sbom, symbols,
    write,
};
use crate::build::target_folder;
use crate::host::{self, HostError};
use crate::progress;

/// Runs every check and stops at the first that fails.
///
/// # Errors
/// The check that failed, with what it found.
pub fn check() -> Result<(), BuildrootError> {
    let release = release_folder()?;
    progress::timed("Checking the symbols against this release", known_symbols)?;
    progress::timed("Checking the tree's style with check-package", style)?;
    for variant in Variant::ALL {
        let name = variant.defconfig();
        let folder = target_folder().join("buildroot/check").join(&name);
        let output = Output::new(folder, variant.machine, release.clone())?;
        progress::timed(&format!("Loading {name}"), || canonical(&output, variant))?;
        progress::timed("Asking it for its packages", || packages(&output, variant))?;
    }
    let variant = Variant::ALL[0];
    let folder = run::default_folder(variant);
    if !folder.join("images").is_dir() {
        progress::note("no build of it here, so its licences are not collected");
        return Ok(());
    }
    let output = Output::new(folder, variant.machine, release)?;
    progress::timed("Collecting the licences of the build", || {
        legal(&output, variant)
    })?;
    progress::timed("Writing its bill of materials", || bill(&output, variant))
}

/// The release defines each symbol we name, with the type that the committed list says.
fn known_symbols() -> Result<(), BuildrootError> {
    let defined = symbols::defined(&release_folder()?, "Config.in", "");
    let listed = symbols::list("symbols.list")?;
    let differing: Vec<String> = listed
        .iter()
        .filter(|(symbol, kind)| defined.get(*symbol) != Some(*kind))
        .map(|(symbol, kind)| format!("{symbol} is not a {kind} there"))
        .collect();
    refuse(&differing)
}

/// Buildroot's own checker has nothing to say.
fn style() -> Result<(), BuildrootError> {
    let checker = release_folder()?.join("utils/check-package");
    // Debian's own: another one in PATH would lack the modules of python3-magic and python3-flake8.
    let python = "/usr/bin/python3";
    let mut check = std::process::Command::new(python);
    check.arg(checker).arg("-b").args(checked_files());
    let said = check.output().map_err(|source| {
        let program = python.to_owned();
        HostError::Start { program, source }
    })?;
    if said.status.success() {
        return Ok(());
    }
    let found = [said.stdout, said.stderr].concat();
    Err(BuildrootError::Check(
        String::from_utf8_lossy(&found).into_owned(),
    ))
}

/// What is written as Buildroot writes its own; `offline/local.mk` is no package's makefile.
fn checked_files() -> Vec<PathBuf> {
    let tree = external();
    let mut files = vec![tree.join("Config.in"), tree.join("external.mk")];
    for folder in [
        "configs",
        "package/ramal",
        "package/ramal-e2fsprogs",
        "patches/linux",
    ] {
        let entries = std::fs::read_dir(tree.join(folder)).into_iter().flatten();
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    files
}

/// Nothing was dropped, and `savedefconfig` writes the very file that is committed.
fn canonical(output: &Output, variant: Variant) -> Result<(), BuildrootError> {
    output.load(variant)?;
    let saved = output.folder.join("saved_defconfig");
    let mut make = output.make()?;
    make.arg("savedefconfig");
    host::output(make.arg(format!("BR2_DEFCONFIG={}", saved.display())))?;
    let committed = external().join("configs").join(variant.defconfig());
    if read(&saved)? == read(&committed)? {
        return Ok(());
    }
    Err(BuildrootError::Check(format!(
        "{} is not what savedefconfig writes; copy {} over it",
        committed.display(),
        saved.display()
    )))
}

/// `show-info` names our packages and, outside the debug variant, no shell.
fn packages(output: &Output, variant: Variant) -> Result<(), BuildrootError> {
    let info = show_info(output)?;
    let names: Vec<&String> = info
        .as_object()
        .into_iter()
        .flat_map(|all| all.keys())
        .collect();
    progress::note(&format!("{} packages", names.len()));
    let has = |name: &str| names.iter().any(|found| *found == name);
    let mut wrong: Vec<String> = ["linux", "ramal", "ramal-e2fsprogs"]
        .into_iter()
        .filter(|name| !has(name))
        .map(|name| format!("{name} is not built"))
        .collect();
    for shell in ["busybox", "bash", "dash", "zsh", "mksh"] {
        if has(shell) && !(variant.debug && shell == "busybox") {
            wrong.push(format!("{shell} is built"));
        }
    }
    refuse(&wrong)
}

fn show_info(output: &Output) -> Result<serde_json::Value, BuildrootError> {
    let mut make = output.make()?;
    let info = host::output(make.args(["-s", "show-info"]))?;
    serde_json::from_slice(&info)
        .map_err(|error| BuildrootError::Check(format!("show-info is not JSON: {error}")))
}

/// The bill of materials, beside the images.
fn bill(output: &Output, variant: Variant) -> Result<(), BuildrootError> {
    let machine = variant.machine;
    let crates = sbom::crates(machine)?;
    let document = sbom::document(&show_info(output)?, &crates, &lock::load()?, machine)?;
    let path = output.folder.join("images/sbom.cdx.json");
    progress::note(&format!("{} crates; {}", crates.len(), path.display()));
    write(&path, format!("{document:#}\n"))
}

/// `legal-info`, completed by what is linked from the toolchain, lacks no text.
fn legal(output: &Output, variant: Variant) -> Result<(), BuildrootError> {
    output.load(variant)?;
    let log = output.folder.join("legal-info.log");
    run::logged(output.make()?.arg("legal-info"), &log)?;
    let legal = output.folder.join("legal-info");
    let rows = licences::complete(&legal, output.toolchain(), &lock::load()?, variant.machine)?;
    for row in rows {
        progress::note(&format!("added {row}"));
    }
    progress::note(&format!("all of it is in {}", legal.display()));
    refuse(&licences::missing(&legal)?)
}

fn refuse(found: &[String]) -> Result<(), BuildrootError> {
    if found.is_empty() {
        return Ok(());
    }
    Err(BuildrootError::Check(found.join("; ")))
}
