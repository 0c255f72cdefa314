//! Going back to an earlier version of the site: what comes back, and what stays as it is.

use std::collections::BTreeMap;

use ipc::site::{Extension, Site};

/// The site of an earlier version as it is put in place of the present one.
///
/// Accounts of people stay as they are, with what they may do and see, and so do password and PIN
/// of every extension that is there now: going back must not give a dismissed person or a stolen
/// password its rights again. An extension that was deleted since comes back with what it had.
#[must_use]
pub fn back_to(earlier: &Site, present: &Site) -> Site {
    let mut site = earlier.clone();
    present.realm.clone_into(&mut site.realm);
    site.people.clone_from(&present.people);
    // One that is not there now comes back with what it had.
    let _ = keep_secrets(&mut site.extensions, &present.extensions);
    site
}

/// Gives extensions the password and PIN that those of their numbers have now; answers the numbers
/// that are not there now, which stay as they are.
pub fn keep_secrets(extensions: &mut [Extension], present: &[Extension]) -> Vec<String> {
    let present: BTreeMap<_, _> = present
        .iter()
        .map(|extension| (extension.number.as_str(), extension))
        .collect();
    let mut unknown = Vec::new();
    for extension in extensions {
        let Some(now) = present.get(extension.number.as_str()) else {
            unknown.push(extension.number.clone());
            continue;
        };
        extension.ha1_md5 = now.ha1_md5.clone();
        extension.ha1_sha256 = now.ha1_sha256.clone();
        extension.settings.pin_hash = now.settings.pin_hash.clone();
        // Not a setting but an event, which has happened.
        extension.settings.spend_resumed = now.settings.spend_resumed;
    }
    unknown
}

#[cfg(test)]
mod tests {
    use ipc::Redacted;
    use ipc::site::{Person, Role};

    use super::*;

    fn extension(number: &str, name: &str, secret: &str) -> Extension {
        let mut extension = Extension {
            number: number.to_owned(),
            display_name: name.to_owned(),
            ha1_md5: Redacted::new(secret.to_owned()),
            ha1_sha256: Redacted::new(secret.to_owned()),
            ..Extension::default()
        };
        extension.settings.pin_hash = Redacted::new(secret.to_owned());
        extension
    }

    fn site(extensions: Vec<Extension>, login: &str) -> Site {
        let person = Person {
            login: login.to_owned(),
            role: Role::Administrator,
            password_hash: Redacted::new("$argon2id$x".to_owned()),
            grants: vec![ipc::site::Grant {
                of: ipc::site::Whose::Extension("100".to_owned()),
                by: "admin".to_owned(),
            }],
            ..Person::default()
        };
        Site {
            realm: "ramal".to_owned(),
            extensions,
            people: vec![person],
            ..Site::default()
        }
    }

    #[test]
    fn a_password_changed_since_and_a_person_dismissed_since_do_not_come_back() {
        let stolen = extension("100", "Ana", "stolen");
        let earlier = site(vec![stolen, extension("101", "Rui", "kept")], "dismissed");
        let present = site(vec![extension("100", "Bia", "new")], "admin");
        let back = back_to(&earlier, &present);
        assert_eq!(back.people, present.people);
        let expected = [
            extension("100", "Ana", "new"),
            extension("101", "Rui", "kept"),
        ];
        assert_eq!(back.extensions, expected);
    }
}
