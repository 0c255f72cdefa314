//! Going back to an earlier version of the site: what comes back, and what stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use ipc::site::{Extension, Site, Whose};

/// The site of an earlier version as it is put in place of the present one.
///
/// Accounts of people stay as they are, with what they may do and see and what is asked of them
/// when they sign in, and so do password and PIN
/// of every extension that is there now: going back must not give a dismissed person or a stolen
/// password its rights again. An extension that was deleted since comes back with what it had.
/// What somebody has or may see of an extension or a group that came later goes with it.
#[must_use]
pub fn back_to(earlier: &Site, present: &Site) -> Site {
    let mut site = earlier.clone();
    present.realm.clone_into(&mut site.realm);
    site.people.clone_from(&present.people);
    site.sign_in = present.sign_in;
    // One that is not there now comes back with what it had.
    let _ = keep_secrets(&mut site.extensions, &present.extensions);
    let _ = drop_dangling(&mut site);
    site
}

/// Takes from people what refers to an extension or a group that the site does not have, so that a
/// number that is given to somebody else later brings nobody along; what that was, in words. It
/// takes rights away and never gives any.
pub fn drop_dangling(site: &mut Site) -> Vec<String> {
    let extensions = site.extensions.iter().map(|it| it.number.as_str());
    let extensions: BTreeSet<&str> = extensions.collect();
    let groups: BTreeSet<&str> = site.groups.iter().map(|it| it.number.as_str()).collect();
    let mut dropped = Vec::new();
    for person in &mut site.people {
        let login = &person.login;
        person.extensions.retain(|number| {
            let is_there = extensions.contains(number.as_str());
            if !is_there {
                dropped.push(format!("person {login}: extension {number}"));
            }
            is_there
        });
        let own = &person.extensions;
        person.extensions_since.retain(|it, _| own.contains(it));
        person.grants.retain(|grant| {
            let (kind, number, known) = match &grant.of {
                Whose::Extension(number) => ("extension", number, &extensions),
                Whose::Group(number) => ("group", number, &groups),
            };
            let is_there = known.contains(number.as_str());
            if !is_there {
                dropped.push(format!("person {login}: calls of {kind} {number}"));
            }
            is_there
        });
    }
    dropped
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
                of: Whose::Extension("100".to_owned()),
                by: "admin".to_owned(),
                since_millis: 0,
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

    #[test]
    fn what_somebody_has_of_an_extension_that_came_later_goes_with_it() {
        use crate::site::tests::site;
        let earlier = site(|_| {});
        let present = site(|site| {
            site.extensions.push(extension("105", "Rui", "new"));
            site.groups.push(ipc::site::Group {
                number: "600".into(),
                ..ipc::site::Group::default()
            });
            let person = &mut site.people[0];
            person.extensions = vec!["100".into(), "105".into()];
            person.grants = [
                Whose::Extension("105".into()),
                Whose::Group("600".into()),
                Whose::Extension("101".into()),
            ]
            .map(|of| ipc::site::Grant {
                of,
                by: "admin".into(),
                since_millis: 0,
            })
            .into();
        });
        let back = back_to(&earlier, &present);
        assert_eq!(crate::Site::parse(&back).err(), None);
        let person = &back.people[0];
        assert_eq!(person.extensions, ["100"]);
        let kept = Whose::Extension("101".into());
        assert_eq!(person.grants.len(), 1);
        assert_eq!(person.grants[0].of, kept);
        let mut whole = present.clone();
        whole.extensions = earlier.extensions;
        whole.groups = earlier.groups;
        assert_eq!(
            drop_dangling(&mut whole),
            [
                "person admin: extension 105",
                "person admin: calls of extension 105",
                "person admin: calls of group 600",
            ]
        );
    }
}
