//! The house rules that a compiler does not know, as tests over the tree.
//!
//! What is here reads the repository; the rules themselves stand in `tests/`.

use std::fs;
use std::path::{Path, PathBuf};

/// The repository's root.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// Every file of ours below `folder` with that extension, sorted; build output left out.
#[must_use]
pub fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with("target") && name != ".git" {
                open.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A path as a reader names it: from the repository's root.
#[must_use]
pub fn name(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// A file's text; empty when it cannot be read.
#[must_use]
pub fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A crate of the workspace.
#[derive(Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, from the repository's root.
    pub folder: String,
    /// What it is built on: not its test dependencies.
    pub dependencies: Vec<String>,
    /// What its tests are built on.
    pub test_dependencies: Vec<String>,
}

/// Every crate of the workspace, by folder.
#[must_use]
pub fn packages() -> Vec<Package> {
    files(&root(), "toml")
        .iter()
        .filter(|path| path.ends_with("Cargo.toml"))
        .filter_map(|path| {
            let manifest: toml::Table = text(path).parse().ok()?;
            let name = manifest.get("package")?.get("name")?.as_str()?.to_owned();
            let names = |table: &str| {
                manifest
                    .get(table)
                    .and_then(toml::Value::as_table)
                    .map(|table| table.keys().cloned().collect())
                    .unwrap_or_default()
            };
            Some(Package {
                name,
                folder: self::name(path.parent()?),
                dependencies: names("dependencies"),
                test_dependencies: names("dev-dependencies"),
            })
        })
        .collect()
}
