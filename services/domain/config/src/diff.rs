//! What changed between two sites, for the audit trail (R40). Secrets are named, never shown.

use std::collections::BTreeMap;

use crate::site::{Extension, Person, Site};

/// One line a change, in a stable order: `extension 100: display name "a" -> "b"`.
#[must_use]
pub fn diff(before: &Site, after: &Site) -> Vec<String> {
    let mut lines = Vec::new();
    if before.realm != after.realm {
        lines.push(format!("realm {:?} -> {:?}", before.realm, after.realm));
    }
    compare(
        "extension",
        &before.extensions,
        &after.extensions,
        extension_changes,
        &mut lines,
    );
    compare(
        "person",
        &before.people,
        &after.people,
        person_changes,
        &mut lines,
    );
    lines
}

fn compare<K: Ord + std::fmt::Display, V>(
    what: &str,
    before: &BTreeMap<K, V>,
    after: &BTreeMap<K, V>,
    changes: fn(&V, &V) -> Vec<String>,
    lines: &mut Vec<String>,
) {
    for (key, old) in before {
        match after.get(key) {
            None => lines.push(format!("{what} {key} deleted")),
            Some(new) => {
                lines.extend(
                    changes(old, new)
                        .iter()
                        .map(|text| format!("{what} {key}: {text}")),
                );
            }
        }
    }
    let created = after.keys().filter(|key| !before.contains_key(key));
    lines.extend(created.map(|key| format!("{what} {key} created")));
}

fn extension_changes(old: &Extension, new: &Extension) -> Vec<String> {
    let mut changes = Vec::new();
    if old.display_name != new.display_name {
        changes.push(format!(
            "display name {:?} -> {:?}",
            old.display_name, new.display_name
        ));
    }
    if old.remote != new.remote {
        changes.push(format!("remote {} -> {}", old.remote, new.remote));
    }
    if old.ha1_md5 != new.ha1_md5 || old.ha1_sha256 != new.ha1_sha256 {
        changes.push("password changed".to_owned());
    }
    changes
}

fn person_changes(old: &Person, new: &Person) -> Vec<String> {
    let mut changes = Vec::new();
    if old.role != new.role {
        changes.push(format!("role {:?} -> {:?}", old.role, new.role));
    }
    if old.password_hash != new.password_hash {
        changes.push("password changed".to_owned());
    }
    if old.password_one_time != new.password_one_time {
        let (before, after) = (old.password_one_time, new.password_one_time);
        changes.push(format!("one-time password {before} -> {after}"));
    }
    changes
}

#[cfg(test)]
mod tests {
    use ipc::Redacted;

    use super::*;
    use crate::Number;

    fn extension(number: &str, secret: &str) -> Extension {
        Extension {
            number: Number::parse(number).expect("digits"),
            display_name: String::new(),
            ha1_md5: Redacted::new(secret.to_owned()),
            ha1_sha256: Redacted::new(secret.to_owned()),
            remote: false,
        }
    }

    fn site(extensions: &[Extension]) -> Site {
        let mut site = Site::factory("ramal");
        for extension in extensions {
            site.extensions
                .insert(extension.number.clone(), extension.clone());
        }
        site
    }

    #[test]
    fn changes_are_told_without_secrets() {
        let before = site(&[extension("100", "old-secret"), extension("101", "x")]);
        let mut changed = extension("100", "new-secret");
        changed.remote = true;
        let mut after = site(&[changed, extension("102", "y")]);
        after
            .people
            .get_mut("admin")
            .expect("factory")
            .password_hash = Redacted::new("$argon2id$hash".to_owned());
        assert_eq!(
            diff(&before, &after),
            [
                "extension 100: remote false -> true",
                "extension 100: password changed",
                "extension 101 deleted",
                "extension 102 created",
                "person admin: password changed",
            ]
        );
    }

    #[test]
    fn equal_sites_differ_in_nothing() {
        let one = site(&[extension("100", "x")]);
        assert!(diff(&one, &one.clone()).is_empty());
    }
}
