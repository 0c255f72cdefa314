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

/// All texts in one file. A crate without a file of its own is named with its licence; where that
/// asks for its text to come along, it does.
///
/// # Errors
/// cargo cannot say where the crates are.
pub(crate) fn texts(
    workspace: &Path,
    machine: Machine,
    crates: &[Crate],
) -> Result<String, HostError> {
    let folders = folders(workspace, machine)?;
    let mut by_text: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut bare = Vec::new();
    for found in crates {
        let folder = folders.get(&(found.name.clone(), found.version.clone()));
        let mut texts = folder.map(|it| texts_in(Path::new(it))).unwrap_or_default();
        let asked = TEXTS
            .iter()
            .filter(|(licence, _)| *licence == found.licence);
        if texts.is_empty() {
            texts.extend(asked.map(|(_, text)| text.trim().to_owned()));
        }
        if texts.is_empty() {
            bare.push(format!("{} ({})", found.title(), found.licence));
        }
        for text in texts {
            by_text.entry(text).or_default().push(found.title());
        }
    }
    let mut all = String::from("Software of others in this product\n");
    if !bare.is_empty() {
        all.push_str("\nWithout a text of their own:\n");
        all.push_str(&bare.join("\n"));
        all.push('\n');
    }
    for (text, titles) in by_text {
        all.push_str(&format!(
            "\n{RULE}\n{}\n{RULE}\n\n{text}\n",
            titles.join(", ")
        ));
    }
    Ok(all)
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

/// The texts of a folder, by file name.
fn texts_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort();
    let is_licence = |path: &&std::path::PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_uppercase();
        NAMES.iter().any(|known| name.starts_with(known)) && path.is_file()
    };
    let texts = files.iter().filter(is_licence);
    let texts = texts.filter_map(|path| std::fs::read_to_string(path).ok());
    texts
        .map(|text| text.trim().replace("\r\n", "\n"))
        .collect()
}

/// Licences whose text has to come along (LGPL-2.1 section 6), for crates that have none beside
/// them.
const TEXTS: [(&str, &str); 1] = [(
    "LGPL-2.1-or-later",
    include_str!("../licences/LGPL-2.1.txt"),
)];
const NAMES: [&str; 5] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE"];
const RULE: &str = "------------------------------------------------------------";

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
        let texts = texts(&workspace, Machine::X86_64, &crates).expect("texts");
        assert!(texts.contains("nowhere 1.0.0 (MIT)"));
        let lesser = texts.matches("GNU LESSER GENERAL PUBLIC LICENSE").count();
        assert!(lesser > 0 && !texts.contains("(LGPL-2.1-or-later)"));
        assert_eq!(
            texts.matches("Apache License\n").count(),
            1,
            "one text, two crates"
        );
        let both = format!(
            "serde {}, serde_json {}",
            known("serde"),
            known("serde_json")
        );
        assert!(texts.contains(&both));
    }
}
