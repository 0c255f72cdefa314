//! The bill of materials of a shipped image (CycloneDX 1.6): every crate in it, the kernel, the
//! checker, with versions, hashes and licences. The same image has the same bill.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::buildroot::BuildrootError;
use crate::buildroot::sbom::{self, Crate};
use crate::countries;
use crate::machine::Machine;

/// Something of the image that is no crate.
#[derive(Clone, Debug)]
pub(crate) struct Foreign<'a> {
    /// As people call it.
    pub(crate) name: &'a str,
    /// Package and version, as `linux-image-6.12 6.12.117-1`.
    pub(crate) source: &'a str,
    /// SPDX.
    pub(crate) licence: &'a str,
    /// Its bytes as they are in the image.
    pub(crate) bytes: &'a [u8],
}

/// The crates of the programs on the box and of those that run before it.
pub(crate) fn crates(machine: Machine) -> Result<Vec<Crate>, BuildrootError> {
    let mut crates = sbom::crates(machine)?;
    crates.extend(sbom::crates_of_the_loader(machine)?);
    crates.sort();
    crates.dedup();
    Ok(crates)
}

/// What is in every image: the kernel, the checker and the table of countries, each as package and
/// version, and its bytes.
pub(crate) fn foreign<'a>(
    (kernel, kernel_bytes): (&'a str, &'a [u8]),
    (checker, checker_bytes): (&'a str, &'a [u8]),
    (countries, countries_bytes): (&'a str, &'a [u8]),
) -> [Foreign<'a>; 3] {
    [
        Foreign {
            name: "linux",
            source: kernel,
            licence: KERNEL_LICENCE,
            bytes: kernel_bytes,
        },
        Foreign {
            name: "e2fsprogs",
            source: checker,
            licence: CHECKER_LICENCE,
            bytes: checker_bytes,
        },
        Foreign {
            name: countries::SOURCE,
            source: countries,
            licence: countries::LICENCE,
            bytes: countries_bytes,
        },
    ]
}

/// The document; the one within a slot cannot name its hash.
pub(crate) fn document(
    version: &str,
    slot: Option<&[u8]>,
    crates: &[Crate],
    foreign: &[Foreign<'_>],
) -> Result<Value, BuildrootError> {
    let mut components = sbom::components(crates)?;
    components.extend(foreign.iter().map(|part| {
        let (package, version) = part.source.split_once(' ').unwrap_or((part.source, ""));
        json!({
            "type": kind(part.name),
            "bom-ref": format!("{}@{version}", part.name.replace(' ', "-")),
            "name": part.name,
            "version": version,
            "purl": format!("pkg:deb/debian/{package}@{version}"),
            "licenses": [{ "expression": part.licence }],
            "hashes": [{ "alg": "SHA-256", "content": hex::encode(Sha256::digest(part.bytes)) }],
        })
    }));
    let mut product = json!({
        "type": "firmware",
        "bom-ref": "ramal",
        "name": "ramal",
        "version": version,
    });
    if let (Some(slot), Some(product)) = (slot, product.as_object_mut()) {
        let hash = json!([{ "alg": "SHA-256", "content": hex::encode(Sha256::digest(slot)) }]);
        product.insert("hashes".to_owned(), hash);
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": product },
        "components": components,
    }))
}

/// What CycloneDX calls such a part.
fn kind(name: &str) -> &'static str {
    match name {
        "linux" => "operating-system",
        countries::SOURCE => "data",
        _ => "application",
    }
}

/// SPDX, of the kernel.
pub(crate) const KERNEL_LICENCE: &str = "GPL-2.0-only WITH Linux-syscall-note";
/// SPDX, of the checker.
pub(crate) const CHECKER_LICENCE: &str = "GPL-2.0-only";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_a_version_a_licence_and_a_hash() {
        let crates = crates(Machine::X86_64).expect("cargo knows");
        let kernel = Foreign {
            name: "linux",
            source: "linux-image-6.12 6.12.117-1",
            licence: "GPL-2.0-only WITH Linux-syscall-note",
            bytes: b"kernel",
        };
        let bill = document("1.2.3", Some(b"slot"), &crates, &[kernel]).expect("a bill");
        let components = bill["components"].as_array().expect("components");
        let named = |name: &str| components.iter().any(|it| it["name"] == name);
        for wanted in ["linux", "redb", "uefi", "rustls", "init", "loader"] {
            assert!(named(wanted), "no {wanted}");
        }
        for component in components {
            let name = &component["name"];
            assert!(
                component["version"]
                    .as_str()
                    .is_some_and(|it| !it.is_empty()),
                "{name}"
            );
            let licence = &component["licenses"][0];
            let licence = licence["expression"]
                .as_str()
                .or_else(|| licence["license"]["name"].as_str());
            assert!(
                licence.is_some_and(|it| !it.is_empty()),
                "{name} has no licence"
            );
        }
    }
}
