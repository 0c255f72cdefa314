//! The licence texts of the crates in our programs, each text once with the crates it is of.
//!
//! Nearly every licence asks for its text to travel with the programs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::buildroot::sbom::Crate;
use crate::host::{self, HostError};
use crate::machine::Machine;

/// A licence text, and what it is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Notice {
    /// As its file is called.
    pub(crate) name: String,
    pub(crate) text: String,
    /// Names with versions.
    pub(crate) of: Vec<String>,
}

/// The texts of crates of others, each once. A crate has none here whose makers put none beside it;
/// where its licence asks for the text to come along, it does.
///
/// # Errors
/// cargo cannot say where the crates are.
pub(crate) fn of_crates(
    workspace: &Path,
    machine: Machine,
    crates: &[Crate],
) -> Result<Vec<Notice>, HostError> {
    let folders = folders(workspace, machine)?;
    let mut by_text: BTreeMap<String, Notice> = BTreeMap::new();
    for found in crates {
        let folder = folders.get(&(found.name.clone(), found.version.clone()));
        let mut texts = Vec::new();
        if let Some(folder) = folder.map(Path::new) {
            gather(folder, DEPTH_MAX, &mut texts);
        }
        if texts.is_empty() {
            let asked = TEXTS.iter().filter(|(it, ..)| *it == found.licence);
            let asked = asked.map(|(_, name, text)| ((*name).to_owned(), text.trim().to_owned()));
            texts.extend(asked);
        }
        for (name, text) in texts {
            let of = Vec::new();
            let notice = by_text.entry(text.clone());
            let notice = notice.or_insert(Notice { name, text, of });
            // A crate may have the same text in two folders.
            if notice.of.last() != Some(&found.title()) {
                notice.of.push(found.title());
            }
        }
    }
    Ok(by_text.into_values().collect())
}

/// The crates of others.
///
/// # Errors
/// cargo cannot say where the crates are.
pub(crate) fn foreign<'a>(
    workspace: &Path,
    machine: Machine,
    crates: &'a [Crate],
) -> Result<Vec<&'a Crate>, HostError> {
    let folders = folders(workspace, machine)?;
    let is_foreign = |it: &&Crate| {
        let folder = folders.get(&(it.name.clone(), it.version.clone()));
        folder.is_none_or(|folder| !Path::new(folder).starts_with(workspace))
    };
    Ok(crates.iter().filter(is_foreign).collect())
}

/// Where each crate's source lies, by name and version.
fn folders(
    workspace: &Path,
    machine: Machine,
) -> Result<BTreeMap<(String, String), String>, HostError> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace);
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    // Crates of other platforms need not be fetched.
    for platform in [machine.target(), machine.firmware_target()] {
        cargo.args(["--filter-platform", platform]);
    }
    let metadata = host::output(&mut cargo)?;
    let metadata: Value = serde_json::from_slice(&metadata).unwrap_or_default();
    let packages = metadata.get("packages").and_then(Value::as_array);
    let read = |package: &Value| {
        let text = |name: &str| Some(package.get(name)?.as_str()?.to_owned());
        let manifest = text("manifest_path")?;
        let folder = Path::new(&manifest)
            .parent()?
            .to_string_lossy()
            .into_owned();
        Some(((text("name")?, text("version")?), folder))
    };
    Ok(packages.into_iter().flatten().filter_map(read).collect())
}

/// The texts of a folder and of those below it, by file name: what a crate brings along of others
/// has texts of its own.
fn gather(folder: &Path, depth: u8, texts: &mut Vec<(String, String)>) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let upper = name.to_ascii_uppercase();
        if path.is_dir() {
            let is_shipped = !name.starts_with('.') && !ASIDE.contains(&&*name);
            if let Some(depth) = depth.checked_sub(1).filter(|_| is_shipped) {
                gather(&path, depth, texts);
            }
        } else if NAMES.iter().any(|known| upper.starts_with(known))
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            texts.push((name.into_owned(), text.trim().replace("\r\n", "\n")));
        }
    }
}

/// Licences whose text has to come along (LGPL-2.1 section 6, Apache-2.0 section 4), for crates
/// that have none beside them: as crates name them, the file, and the text.
const TEXTS: [(&str, &str, &str); 2] = [
    (
        "LGPL-2.1-or-later",
        "LGPL-2.1.txt",
        include_str!("../licences/LGPL-2.1.txt"),
    ),
    (
        "MIT OR Apache-2.0",
        "LICENSE-APACHE",
        include_str!("../../LICENSE"),
    ),
];
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];
/// Folders of a crate that nothing of is compiled into ours.
const ASIDE: [&str; 5] = ["target", "tests", "benches", "examples", "fuzz"];
/// Folders below that of a crate: mimalloc's text is this deep in its crate.
const DEPTH_MAX: u8 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_once_with_all_its_crates() {
        let workspace = crate::build::workspace();
        let crate_of = |name: &str, version: &str| Crate {
            name: name.into(),
            version: version.into(),
            licence: match name {
                "wireguard-control" => "LGPL-2.1-or-later".into(),
                _ => "MIT".into(),
            },
        };
        let folders = folders(&workspace, Machine::X86_64).expect("cargo knows");
        let known = |name: &str| {
            let versions = folders.keys().filter(|(it, _)| it == name);
            versions
                .map(|(_, version)| version.clone())
                .next()
                .expect("in the lock")
        };
        let crates = [
            crate_of("serde", &known("serde")),
            crate_of("serde_json", &known("serde_json")),
            crate_of("nowhere", "1.0.0"),
            crate_of("wireguard-control", &known("wireguard-control")),
        ];
        let notices = of_crates(&workspace, Machine::X86_64, &crates).expect("texts");
        let of = |text: &str| {
            let mut found = notices.iter().filter(|it| it.text.contains(text));
            let notice = found.next().expect("a text");
            assert!(found.next().is_none(), "one text, however many crates");
            notice.of.clone()
        };
        let title = |name: &str| format!("{name} {}", known(name));
        assert_eq!(
            of("Apache License\n"),
            [title("serde"), title("serde_json")]
        );
        let lesser = "GNU LESSER GENERAL PUBLIC LICENSE\n";
        assert_eq!(of(lesser), [title("wireguard-control")]);
        assert!(
            notices
                .iter()
                .all(|it| !it.of.contains(&"nowhere 1.0.0".to_owned()))
        );
    }

    #[test]
    fn what_a_crate_brings_along_has_its_text_and_our_own_crates_are_not_those_of_others() {
        let workspace = crate::build::workspace();
        let crates = crate::bill::crates(Machine::X86_64).expect("cargo knows");
        let notices = of_crates(&workspace, Machine::X86_64, &crates).expect("texts");
        let zstd = notices
            .iter()
            .find(|it| it.text.contains("For Zstandard software"));
        let of = &zstd.expect("the text of the C library").of;
        assert!(of.iter().any(|it| it.starts_with("zstd-sys ")), "{of:?}");
        let foreign = foreign(&workspace, Machine::X86_64, &crates).expect("cargo knows");
        let has = |name: &str| foreign.iter().any(|it| it.name == name);
        assert!(has("serde") && !has("init") && !has("loader"));
        assert!(crates.iter().any(|it| it.name == "init"));
    }
}
