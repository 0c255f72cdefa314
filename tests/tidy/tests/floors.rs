//! Dependencies point down: protocols, decisions, the outside world, composition.

use std::collections::BTreeMap;

use tidy::{Package, packages};

/// The floor a folder is on; tools and tests stand outside the house.
fn floor(folder: &str) -> Option<u8> {
    let floors = [
        ("services/proto/", 0),
        ("services/domain/", 1),
        ("services/runtime/", 2),
        ("services/apps/", 3),
    ];
    floors
        .iter()
        .find(|(prefix, _)| folder.starts_with(prefix))
        .map(|(_, floor)| *floor)
}

/// Crates that belong to one owner, so that a reader knows where to look (DESIGN §2, §4).
const OWNED: [(&str, &[&str]); 12] = [
    ("redb", &["store"]),
    ("hyper", &["web-server"]),
    ("hyper-util", &["web-server"]),
    ("tiny_http", &["web-server"]),
    // People by HTTPS, phones and carriers by SIP over TLS.
    ("tokio-rustls", &["web-server", "run-loop"]),
    // The box's own links, and the one into a grid.
    ("rtnetlink", &["net-service", "tunnel"]),
    ("wireguard-control", &["tunnel"]),
    // The packet filter.
    ("netlink-sys", &["firewall"]),
    ("mozim", &["net-service"]),
    ("mimalloc", &["ramal"]),
    ("rsip", &["sip"]),
    ("uefi", &["loader"]),
];

/// What the two lower floors must not be built on: it would bring sockets, clocks or entropy.
const OUTSIDE_WORLD: [&str; 10] = [
    "tokio",
    "rustix",
    "nix",
    "libc",
    "ring",
    "rustls",
    "getrandom",
    "rand",
    "socket2",
    "tracing",
];

fn check(found: &[String]) {
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn dependencies_point_down_only() {
    let packages = packages();
    let floors: BTreeMap<&str, u8> = packages
        .iter()
        .filter_map(|package| Some((package.name.as_str(), floor(&package.folder)?)))
        .collect();
    let upward = |package: &Package| {
        let from = floor(&package.folder)?;
        let up = package.dependencies.iter().find(|name| {
            floors
                .get(name.as_str())
                .is_some_and(|to| *to > from || (from == 3 && *to == 3))
        })?;
        Some(format!(
            "{} (floor {from}) must not depend on {up}: it is above",
            package.folder
        ))
    };
    check(&packages.iter().filter_map(upward).collect::<Vec<_>>());
    assert!(
        floors.len() >= 15,
        "only {} crates were found on the floors",
        floors.len()
    );
}

#[test]
fn services_never_depend_on_tools_or_tests() {
    let packages = packages();
    let outside: Vec<&str> = packages
        .iter()
        .filter(|package| floor(&package.folder).is_none())
        .map(|package| package.name.as_str())
        .collect();
    let found = packages
        .iter()
        .filter(|package| floor(&package.folder).is_some());
    let found = found.filter_map(|package| {
        let name = package
            .dependencies
            .iter()
            .find(|name| outside.contains(&name.as_str()))?;
        Some(format!(
            "{} must not depend on {name}: it is a tool",
            package.folder
        ))
    });
    check(&found.collect::<Vec<_>>());
}

/// What is used all the same, and only for what it computes: AES-GCM of SRTP (RFC 7714), the
/// signatures of passkeys and the encryption of backups take their keys as arguments, and no
/// randomness of their own.
const PURE_USES: [(&str, &str); 3] = [
    ("services/proto/rtp", "ring"),
    ("services/proto/webauthn", "ring"),
    ("services/domain/backup", "ring"),
];

#[test]
fn protocols_and_decisions_are_not_built_on_the_outside_world() {
    let packages = packages();
    let below = packages
        .iter()
        .filter(|package| floor(&package.folder).is_some_and(|f| f < 2));
    let found = below.flat_map(|package| {
        let outside = |name: &&String| {
            let pure = PURE_USES.contains(&(package.folder.as_str(), name.as_str()));
            OUTSIDE_WORLD.contains(&name.as_str()) && !pure
        };
        package.dependencies.iter().filter(outside).map(|name| {
            format!(
                "{} must not depend on {name}: no I/O below floor 2",
                package.folder
            )
        })
    });
    check(&found.collect::<Vec<_>>());
}

#[test]
fn libraries_with_one_owner_are_used_by_that_owner_only() {
    let packages = packages();
    let services = packages
        .iter()
        .filter(|package| floor(&package.folder).is_some());
    let found = services.flat_map(|package| {
        OWNED.iter().filter_map(|(library, owners)| {
            let uses = package.dependencies.iter().any(|name| name == library);
            (uses && !owners.contains(&package.name.as_str())).then(|| {
                format!(
                    "{} uses {library}, which belongs to {}",
                    package.folder,
                    owners.join(", ")
                )
            })
        })
    });
    check(&found.collect::<Vec<_>>());
}

#[test]
fn pid_1_links_neither_the_store_nor_the_web() {
    let packages = packages();
    let init = packages.iter().find(|package| package.name == "init");
    let dependencies = &init.expect("the init crate exists").dependencies;
    for heavy in ["store", "web-server", "tokio", "redb", "hyper", "rustls"] {
        assert!(
            !dependencies.iter().any(|name| name == heavy),
            "init depends on {heavy}"
        );
    }
}

#[test]
fn no_crate_is_named_after_nothing() {
    for package in packages() {
        for nothing in [
            "common", "utils", "util", "core", "shared", "helpers", "misc",
        ] {
            assert_ne!(
                package.name, nothing,
                "{} needs a name that says something",
                package.folder
            );
        }
    }
}

#[test]
fn only_one_tls_provider_is_linked() {
    let lock = tidy::text(&tidy::root().join("Cargo.lock"));
    assert!(
        lock.contains("name = \"ring\""),
        "ring is the provider of choice"
    );
    for second in ["aws-lc-rs", "aws-lc-sys", "openssl-sys", "native-tls"] {
        assert!(
            !lock.contains(&format!("name = \"{second}\"")),
            "{second} is in Cargo.lock: turn off the default feature that brings it"
        );
    }
}
