//! The bill of materials of the box: Buildroot's packages, the crates in our programs, and what is
//! linked in from the toolchain, as one CycloneDX document.
//!
//! Source: CycloneDX 1.6 JSON reference.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};

use super::lock::Lock;
use super::{BuildrootError, Machine, licences, read};
use crate::build::workspace;
use crate::host;

/// A crate that is linked into `init` or `ramal`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Crate {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: String,
}

impl Crate {
    /// Name and version.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// The document. `info` is what `show-info` writes.
pub(crate) fn document(
    info: &Value,
    crates: &[Crate],
    lock: &Lock,
    machine: Machine,
) -> Result<Value, BuildrootError> {
    let mut components: Vec<Value> = info
        .as_object()
        .into_iter()
        .flat_map(|packages| packages.values())
        .filter_map(package)
        .collect();
    components.extend(self::components(crates)?);
    for part in licences::linked(lock, machine)? {
        components.push(json!({
            "type": "library",
            "bom-ref": format!("debian:{}", part.name),
            "name": part.name,
            "version": part.version,
            "purl": format!("pkg:deb/debian/{}@{}", part.name, part.version),
            "licenses": [{ "license": { "name": part.licence } }],
            "hashes": [{ "alg": "SHA-256", "content": part.sha256 }],
        }));
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": {
            "type": "firmware",
            "name": "ramal",
            "version": env!("CARGO_PKG_VERSION"),
        }},
        "components": components,
    }))
}

/// Crates as components, with the checksums of Cargo.lock.
pub(crate) fn components(crates: &[Crate]) -> Result<Vec<Value>, BuildrootError> {
    let checksums = checksums(&read(&workspace().join("Cargo.lock"))?)?;
    let crates = crates.iter().map(|found| component(found, &checksums));
    Ok(crates.collect())
}

/// A package that ends up on the box: not a host's, not a virtual one, not one without a source.
fn package(package: &Value) -> Option<Value> {
    let text = |name: &str| {
        package
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    if text("type") != "target" || text("version").is_empty() || text("name") == "ramal" {
        return None;
    }
    let mut component = json!({
        "type": if text("name") == "linux" { "operating-system" } else { "application" },
        "bom-ref": format!("buildroot:{}", text("name")),
        "name": text("name"),
        "version": text("version"),
        "licenses": [{ "license": { "name": text("licenses") } }],
    });
    if let (Some(map), Some(cpe)) = (component.as_object_mut(), package.get("cpe-id")) {
        map.insert("cpe".to_owned(), cpe.clone());
    }
    Some(component)
}

fn component(found: &Crate, checksums: &BTreeMap<(String, String), String>) -> Value {
    let Crate {
        name,
        version,
        licence,
    } = found;
    let purl = format!("pkg:cargo/{name}@{version}");
    // A crate that names none has its text in the image all the same.
    let licences = match licence.is_empty() {
        true => json!([{ "license": { "name": "see the licence texts of the image" } }]),
        false => json!([{ "expression": licence }]),
    };
    let mut component = json!({
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": licences,
    });
    let checksum = checksums.get(&(name.clone(), version.clone()));
    if let (Some(map), Some(checksum)) = (component.as_object_mut(), checksum) {
        let hash = json!([{ "alg": "SHA-256", "content": checksum }]);
        map.insert("hashes".to_owned(), hash);
    }
    component
}

/// The crates that cargo links into our programs, our own among them.
pub(crate) fn crates(machine: Machine) -> Result<Vec<Crate>, BuildrootError> {
    tree_of(&["-p", "init", "-p", "ramal"], machine.target())
}

/// The crates of what runs before Linux.
pub(crate) fn crates_of_the_loader(machine: Machine) -> Result<Vec<Crate>, BuildrootError> {
    tree_of(
        &["-p", "loader", "--features", "programs"],
        machine.firmware_target(),
    )
}

fn tree_of(packages: &[&str], target: &str) -> Result<Vec<Crate>, BuildrootError> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    cargo.args(["tree", "--locked", "--offline"]).args(packages);
    cargo.args(["--edges", "normal,no-proc-macro", "--prefix", "none"]);
    cargo.args(["--no-dedupe", "--target", target, "--format", "{p}|{l}"]);
    let lines = host::output(&mut cargo)?;
    Ok(tree(&String::from_utf8_lossy(&lines)))
}

/// Lines such as `redb v4.5.0|MIT OR Apache-2.0`, each crate once.
fn tree(lines: &str) -> Vec<Crate> {
    let read = |line: &str| {
        let (package, licence) = line.split_once('|')?;
        let mut words = package.split_whitespace();
        Some(Crate {
            name: words.next()?.to_owned(),
            version: words.next()?.strip_prefix('v')?.to_owned(),
            // The slash is cargo's old way to write OR.
            licence: licence.replace('/', " OR "),
        })
    };
    let mut crates: Vec<_> = lines.lines().filter_map(read).collect();
    crates.sort();
    crates.dedup();
    crates
}

fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>, BuildrootError> {
    let lock: toml::Table = toml::from_str(lock)
        .map_err(|error| BuildrootError::Check(format!("Cargo.lock: {error}")))?;
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let read = |package: &toml::Value| {
        let text = |name: &str| Some(package.get(name)?.as_str()?.to_owned());
        Some(((text("name")?, text("version")?), text("checksum")?))
    };
    Ok(packages.into_iter().flatten().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buildroot::lock;

    #[test]
    fn packages_of_the_box_crates_and_the_linked_toolchain_are_in_and_host_tools_are_not() {
        let info = json!({
            "linux": { "type": "target", "name": "linux", "version": "6.12.117",
                       "licenses": "GPL-2.0", "cpe-id": "cpe:2.3:o:linux:linux_kernel:6.12.117" },
            "host-zstd": { "type": "host", "name": "zstd", "version": "1.5.7" },
            "toolchain": { "type": "target", "name": "toolchain", "virtual": true },
        });
        let crates = tree("redb v4.5.0|MIT/Apache-2.0\nredb v4.5.0|MIT/Apache-2.0\n\nbroken\n");
        let lock = lock::load().unwrap();
        let document = document(&info, &crates, &lock, Machine::X86_64).unwrap();
        let names: Vec<&str> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|component| component["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "linux",
                "redb",
                "musl-dev",
                "linux-libc-dev",
                "libgcc-12-dev"
            ]
        );
        let crate_of_ours = &document["components"][1];
        assert_eq!(
            crate_of_ours["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        let component = &document["components"][0];
        assert_eq!(component["cpe"], "cpe:2.3:o:linux:linux_kernel:6.12.117");
    }
}
