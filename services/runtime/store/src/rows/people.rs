//! People as they stand on disk.
//!
//! The first firmware knew administrators alone, and takes another role for damage to the whole
//! database. So only administrators who may sign in stand where it looks for people.

use std::collections::BTreeMap;

use ipc::Redacted;
use ipc::site::{Grant, Passkey, Person, Role, SecondFactor, Token, UnknownRole};
use serde::{Deserialize, Serialize};

/// An administrator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct PersonRow {
    login: String,
    role: RoleRow,
    password_hash: Redacted<String>,
    password_one_time: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    extensions_since: BTreeMap<String, i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    grants: Vec<Grant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second_factor: Option<SecondFactor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Token>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passkeys: Vec<Passkey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passkey_codes: Vec<Redacted<String>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    whole_numbers: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RoleRow {
    Administrator,
}

/// Somebody with another role, or an administrator who may not sign in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct OtherRow {
    login: String,
    /// A name of [`Role`], or of a role that only a newer firmware knows.
    role: String,
    password_hash: Redacted<String>,
    password_one_time: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    extensions_since: BTreeMap<String, i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    grants: Vec<Grant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    second_factor: Option<SecondFactor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tokens: Vec<Token>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passkeys: Vec<Passkey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passkey_codes: Vec<Redacted<String>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    whole_numbers: bool,
    #[serde(default)]
    disabled: bool,
}

/// People as they are kept.
pub(super) fn rows(people: &[Person]) -> (Vec<PersonRow>, Vec<OtherRow>) {
    let (administrators, others): (Vec<&Person>, Vec<&Person>) = people
        .iter()
        .partition(|it| it.role == Role::Administrator && !it.disabled);
    let administrator = |from: &Person| PersonRow {
        login: from.login.clone(),
        role: RoleRow::Administrator,
        password_hash: from.password_hash.clone(),
        password_one_time: from.password_one_time,
        extensions: from.extensions.clone(),
        extensions_since: from.extensions_since.clone(),
        grants: from.grants.clone(),
        second_factor: from.second_factor.clone(),
        tokens: from.tokens.clone(),
        passkeys: from.passkeys.clone(),
        passkey_codes: from.passkey_codes.clone(),
        whole_numbers: from.whole_numbers,
    };
    // As the newer firmware wrote it, which reads it again.
    let known = |from: &Person| UnknownRole {
        name: from.role.name().to_owned(),
        disabled: from.disabled,
    };
    let role = |from: &Person| from.unknown_role.clone().unwrap_or_else(|| known(from));
    let other = |from: &Person| OtherRow {
        login: from.login.clone(),
        role: role(from).name,
        password_hash: from.password_hash.clone(),
        password_one_time: from.password_one_time,
        extensions: from.extensions.clone(),
        extensions_since: from.extensions_since.clone(),
        grants: from.grants.clone(),
        second_factor: from.second_factor.clone(),
        tokens: from.tokens.clone(),
        passkeys: from.passkeys.clone(),
        passkey_codes: from.passkey_codes.clone(),
        whole_numbers: from.whole_numbers,
        disabled: role(from).disabled,
    };
    (
        administrators.into_iter().map(administrator).collect(),
        others.into_iter().map(other).collect(),
    )
}

/// People as they were kept, by sign-in name.
pub(super) fn people(administrators: Vec<PersonRow>, others: Vec<OtherRow>) -> Vec<Person> {
    let administrator = |from: PersonRow| Person {
        login: from.login,
        role: match from.role {
            RoleRow::Administrator => Role::Administrator,
        },
        password_hash: from.password_hash,
        password_one_time: from.password_one_time,
        extensions: from.extensions,
        extensions_since: from.extensions_since,
        grants: from.grants,
        second_factor: from.second_factor,
        tokens: from.tokens,
        passkeys: from.passkeys,
        passkey_codes: from.passkey_codes,
        whole_numbers: from.whole_numbers,
        disabled: false,
        unknown_role: None,
    };
    let mut people: Vec<Person> = administrators.into_iter().map(administrator).collect();
    people.extend(others.into_iter().map(other));
    people.sort_by(|one, other| one.login.cmp(&other.login));
    people
}

/// A role that this firmware does not know gives no rights: its owner may not sign in.
fn other(from: OtherRow) -> Person {
    let role = Role::named(&from.role);
    let unknown_role = role.is_none().then(|| UnknownRole {
        name: from.role.clone(),
        disabled: from.disabled,
    });
    if unknown_role.is_some() {
        let (login, role) = (&from.login, &from.role);
        tracing::warn!(
            "{login} has the role {role}, which this firmware does not know, and may not sign in; \
             update the firmware, or give another role"
        );
    }
    Person {
        login: from.login,
        role: role.unwrap_or_default(),
        password_hash: from.password_hash,
        password_one_time: from.password_one_time,
        extensions: from.extensions,
        extensions_since: from.extensions_since,
        grants: from.grants,
        second_factor: from.second_factor,
        tokens: from.tokens,
        passkeys: from.passkeys,
        passkey_codes: from.passkey_codes,
        whole_numbers: from.whole_numbers,
        disabled: from.disabled || role.is_none(),
        unknown_role,
    }
}

#[cfg(test)]
mod tests {
    use ipc::site::Whose;

    use super::*;

    fn person(login: &str, role: Role) -> Person {
        let by = "admin".to_owned();
        Person {
            login: login.to_owned(),
            role,
            password_hash: Redacted::new(format!("$argon2id${login}")),
            extensions: vec!["100".to_owned()],
            extensions_since: [("100".to_owned(), 1_795_351_501_000)].into(),
            grants: vec![Grant {
                of: Whose::Group("600".to_owned()),
                by,
                since_millis: 1_795_351_501_000,
            }],
            second_factor: Some(SecondFactor {
                secret: Redacted::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned()),
                recovery: vec![Redacted::new("0".repeat(64))],
            }),
            tokens: vec![Token {
                name: "panel".to_owned(),
                hash: Redacted::new("0".repeat(64)),
                permissions: vec!["see-status".to_owned()],
                expires_secs: 7,
            }],
            passkeys: vec![Passkey {
                name: "phone".to_owned(),
                id: "AQID".to_owned(),
                public_key: "pAEB".to_owned(),
                owner: "AAAA".to_owned(),
                made_for: "ramal.local".to_owned(),
                counter: 3,
                can_be_copied: true,
                made_secs: 7,
            }],
            passkey_codes: vec![Redacted::new("0".repeat(64))],
            ..Person::default()
        }
    }

    #[test]
    fn everybody_comes_back_as_they_were() {
        let mut all: Vec<Person> = Role::ALL.map(|role| person(role.name(), role)).into();
        all.push(Person {
            disabled: true,
            ..person("was-one", Role::Administrator)
        });
        all.sort_by(|one, other| one.login.cmp(&other.login));
        let (administrators, others) = rows(&all);
        assert_eq!(people(administrators, others), all);
    }

    /// What an older firmware reads after a rollback: the list it knows, with no other role in it.
    #[test]
    fn an_older_firmware_finds_nothing_but_administrators_who_may_sign_in() {
        let all = [
            person("ana", Role::User),
            person("admin", Role::Administrator),
            Person {
                disabled: true,
                ..person("rui", Role::Administrator)
            },
        ];
        let (administrators, others) = rows(&all);
        let logins: Vec<&str> = administrators.iter().map(|it| it.login.as_str()).collect();
        assert_eq!((logins, others.len()), (vec!["admin"], 2));
        let row = serde_json::to_value(&administrators).expect("a row");
        assert_eq!(row[0]["role"], "administrator");
    }

    #[test]
    fn a_role_of_a_newer_firmware_signs_nobody_in() {
        let row = r#"{"login":"ana","role":"owner","password_hash":"$argon2id$x",
            "password_one_time":false}"#;
        let row: OtherRow = serde_json::from_str(row).expect("a row");
        let read = people(Vec::new(), vec![row.clone()]);
        assert_eq!((read[0].role, read[0].disabled), (Role::User, true));
        let (_, others) = rows(&read);
        assert_eq!(others, [row], "and is there when that is back");
    }

    #[test]
    fn what_an_older_firmware_granted_is_granted_since_ever() {
        let row = r#"{"login":"ana","role":"user","password_hash":"$argon2id$x",
            "password_one_time":false,"extensions":["100"],
            "grants":[{"of":{"group":"600"},"by":"admin"}]}"#;
        let row: OtherRow = serde_json::from_str(row).expect("a row");
        let read = people(Vec::new(), vec![row]);
        assert_eq!(read[0].grants[0].since_millis, 0);
        assert!(read[0].extensions_since.is_empty() && read[0].passkeys.is_empty());
    }
}
