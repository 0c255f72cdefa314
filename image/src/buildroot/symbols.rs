//! The symbols this tree sets, and their types as a release knows them.
//!
//! `buildroot/symbols.list` and `buildroot/kernel-symbols.list` are committed, so that a machine
//! without Buildroot or a kernel's source still sees a misspelt or vanished symbol.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{BuildrootError, external, kconfig, read, release_folder, settings, write};
use crate::progress;

/// Symbol to type.
pub type Symbols = BTreeMap<String, String>;

/// Every symbol of Buildroot's that our tree names; our own packages' are left out.
///
/// # Errors
/// A file cannot be read.
pub fn used() -> Result<BTreeSet<String>, BuildrootError> {
    let mut found = BTreeSet::new();
    for file in tree_files(&external()) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let ours = name.ends_with("_defconfig") || name.ends_with(".mk") || name == "Config.in";
        if ours {
            let text = read(&file)?;
            let code = text
                .lines()
                .filter(|line| !line.starts_with('#') || line.ends_with(" is not set"));
            for line in code {
                found.extend(
                    words(line)
                        .filter(|word| is_buildroots(word))
                        .map(str::to_owned),
                );
            }
        }
    }
    Ok(found)
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}

fn is_buildroots(word: &str) -> bool {
    word.starts_with("BR2_")
        && !word.starts_with("BR2_EXTERNAL")
        && !word.starts_with("BR2_PACKAGE_RAMAL")
}

/// Every symbol that a kernel fragment sets.
///
/// # Errors
/// A file cannot be read.
pub fn used_of_kernel() -> Result<BTreeSet<String>, BuildrootError> {
    let mut found = BTreeSet::new();
    for file in fragments() {
        found.extend(
            settings(&read(&file)?)
                .into_iter()
                .map(|setting| setting.symbol),
        );
    }
    Ok(found)
}

/// All kernel fragments, sorted.
pub fn fragments() -> Vec<PathBuf> {
    let files = tree_files(&external().join("kernel"));
    let is_fragment = |file: &PathBuf| file.extension().is_some_and(|end| end == "config");
    files.into_iter().filter(is_fragment).collect()
}

/// Reads a committed list.
///
/// # Errors
/// It is not there.
pub fn list(name: &str) -> Result<Symbols, BuildrootError> {
    let text = read(&external().join(name))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines
        .filter_map(|line| line.split_once(' '))
        .map(|(symbol, kind)| (symbol.to_owned(), kind.to_owned()))
        .collect())
}

/// Makes both lists anew: from `BUILDROOT_DIR` and from an unpacked source of the kernel.
///
/// # Errors
/// A symbol is not defined there; all of them are named.
pub fn renew(kernel: &Path) -> Result<(), BuildrootError> {
    let release = release_folder()?;
    let known = defined(&release, "Config.in", "");
    save("symbols.list", "Buildroot's", &used()?, &known)?;
    let known = defined(kernel, "Kconfig", "CONFIG_");
    save(KERNEL_LIST, "the kernel's", &used_of_kernel()?, &known)
}

fn save(
    name: &str,
    whose: &str,
    used: &BTreeSet<String>,
    known: &Symbols,
) -> Result<(), BuildrootError> {
    let unknown: Vec<&str> = used
        .iter()
        .filter(|symbol| !known.contains_key(*symbol))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        return Err(BuildrootError::Check(format!(
            "{whose} Kconfig files do not define: {unknown}"
        )));
    }
    let mut text = format!(
        "# Which of {whose} symbols this tree names, with their types.\n\
         # Made by `cargo image buildroot symbols`; do not edit.\n"
    );
    for (symbol, kind) in known.iter().filter(|(symbol, _)| used.contains(*symbol)) {
        text += &format!("{symbol} {kind}\n");
    }
    progress::note(&format!("{} symbols in {name}", used.len()));
    write(&external().join(name), text)
}

/// What the Kconfig files of a source tree define, those whose name begins with `files`.
pub(crate) fn defined(tree: &Path, files: &str, prefix: &str) -> Symbols {
    let mut found = Symbols::new();
    for file in tree_files(tree) {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(files) {
            continue;
        }
        // A tree of others may hold a file that is not UTF-8; its symbols are ASCII all the same.
        let bytes = std::fs::read(&file).unwrap_or_default();
        for (symbol, kind) in kconfig::definitions(&String::from_utf8_lossy(&bytes)) {
            found.entry(format!("{prefix}{symbol}")).or_insert(kind);
        }
    }
    found
}

/// Every file below a folder, sorted; links are not followed.
fn tree_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}

/// The committed list of the kernel's symbols.
pub const KERNEL_LIST: &str = "kernel-symbols.list";
