//! The checked site and the one way to it.

use std::collections::BTreeMap;

use ipc::Redacted;
use ipc::site::{Extension as RawExtension, Person as RawPerson, Role, Site as RawSite};

use crate::fault::Fault;
use crate::number::Number;

/// Most extensions of a site: four times the largest office the box is sized for.
pub const EXTENSIONS_MAX: usize = 10_000;
/// Most people with a sign-in.
pub const PEOPLE_MAX: usize = 1_000;
/// Longest realm, bytes: fits every phone's buffer.
pub const REALM_LENGTH_MAX: usize = 64;
/// Longest display name, characters.
pub const DISPLAY_NAME_LENGTH_MAX: usize = 64;
/// Longest sign-in name, bytes.
pub const LOGIN_LENGTH_MAX: usize = 32;
/// The administrator every new site has.
pub const FACTORY_LOGIN: &str = "admin";

const HA1_MD5_LENGTH: usize = 32;
const HA1_SHA256_LENGTH: usize = 64;

/// Everything people configure, checked. Immutable: a change is a new site.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Site {
    /// Digest realm of every extension (RFC 3261 §22.1).
    pub realm: String,
    /// Desk and soft phones, by number.
    pub extensions: BTreeMap<Number, Extension>,
    /// People who may sign in, by sign-in name.
    pub people: BTreeMap<String, Person>,
}

/// A phone's identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Extension {
    /// Dialled number and SIP user name.
    pub number: Number,
    /// Name shown to the called party; may be empty.
    pub display_name: String,
    /// Lower-case hex of MD5(number:realm:password).
    pub ha1_md5: Redacted<String>,
    /// Lower-case hex of SHA-256(number:realm:password).
    pub ha1_sha256: Redacted<String>,
    /// May register and call from outside the internal networks (R51, R70).
    pub remote: bool,
}

/// A person with a sign-in of their own (R3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// Sign-in name.
    pub login: String,
    /// What they may do.
    pub role: Role,
    /// argon2id in PHC form. Empty only while the account is unclaimed: nothing matches it.
    pub password_hash: Redacted<String>,
    /// The password was made by the box and must be changed at the next sign-in.
    pub password_one_time: bool,
}

impl Site {
    /// The site of a box fresh from the works: no extension, and one unclaimed administrator
    /// whose one-time password is made at each start until somebody claims the account.
    #[must_use]
    pub fn factory(realm: &str) -> Self {
        let admin = Person {
            login: FACTORY_LOGIN.to_owned(),
            role: Role::Administrator,
            password_hash: Redacted::new(String::new()),
            password_one_time: true,
        };
        Self {
            realm: realm.to_owned(),
            extensions: BTreeMap::new(),
            people: BTreeMap::from([(admin.login.clone(), admin)]),
        }
    }

    /// Reads a site as it travels.
    ///
    /// # Errors
    /// Every [`Fault`] there is, so that a person can correct them in one go.
    pub fn parse(raw: &RawSite) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        if !is_realm(&raw.realm) {
            faults.push(Fault::Realm);
        }
        if raw.extensions.len() > EXTENSIONS_MAX {
            return Err(vec![Fault::TooManyExtensions(raw.extensions.len())]);
        }
        if raw.people.len() > PEOPLE_MAX {
            return Err(vec![Fault::TooManyPeople(raw.people.len())]);
        }
        let extensions = parse_extensions(&raw.extensions, &mut faults);
        let people = parse_people(&raw.people, &mut faults);
        if faults.is_empty() {
            Ok(Self {
                realm: raw.realm.clone(),
                extensions,
                people,
            })
        } else {
            Err(faults)
        }
    }

    /// The site as it travels; [`Site::parse`] reads it back.
    #[must_use]
    pub fn to_ipc(&self) -> RawSite {
        let extension = |extension: &Extension| RawExtension {
            number: extension.number.as_str().to_owned(),
            display_name: extension.display_name.clone(),
            ha1_md5: extension.ha1_md5.clone(),
            ha1_sha256: extension.ha1_sha256.clone(),
            remote: extension.remote,
        };
        let person = |person: &Person| RawPerson {
            login: person.login.clone(),
            role: person.role,
            password_hash: person.password_hash.clone(),
            password_one_time: person.password_one_time,
        };
        RawSite {
            realm: self.realm.clone(),
            extensions: self.extensions.values().map(extension).collect(),
            people: self.people.values().map(person).collect(),
        }
    }

    /// The extension with this number.
    #[must_use]
    pub fn extension(&self, number: &str) -> Option<&Extension> {
        self.extensions.get(number)
    }
}

impl Person {
    /// Nobody has signed in yet: `web` makes a one-time password at each start.
    #[must_use]
    pub const fn is_unclaimed(&self) -> bool {
        self.password_hash.reveal().is_empty()
    }
}

fn parse_extensions(raw: &[RawExtension], faults: &mut Vec<Fault>) -> BTreeMap<Number, Extension> {
    let mut extensions = BTreeMap::new();
    for extension in raw {
        let number = match Number::parse(&extension.number) {
            Ok(number) => number,
            Err(fault) => {
                faults.push(Fault::Number {
                    number: extension.number.clone(),
                    fault,
                });
                continue;
            }
        };
        let name = &extension.display_name;
        if name.chars().count() > DISPLAY_NAME_LENGTH_MAX || name.chars().any(char::is_control) {
            faults.push(Fault::DisplayName(extension.number.clone()));
        }
        for (field, hash, length) in [
            ("ha1_md5", &extension.ha1_md5, HA1_MD5_LENGTH),
            ("ha1_sha256", &extension.ha1_sha256, HA1_SHA256_LENGTH),
        ] {
            if !is_lower_hex(hash.reveal(), length) {
                faults.push(Fault::Ha1 {
                    number: extension.number.clone(),
                    field,
                    length,
                });
            }
        }
        let parsed = Extension {
            number: number.clone(),
            display_name: name.clone(),
            ha1_md5: extension.ha1_md5.clone(),
            ha1_sha256: extension.ha1_sha256.clone(),
            remote: extension.remote,
        };
        if extensions.insert(number, parsed).is_some() {
            faults.push(Fault::DuplicateNumber(extension.number.clone()));
        }
    }
    extensions
}

fn parse_people(raw: &[RawPerson], faults: &mut Vec<Fault>) -> BTreeMap<String, Person> {
    let mut people = BTreeMap::new();
    for person in raw {
        if !is_login(&person.login) {
            faults.push(Fault::Login(person.login.clone()));
        }
        let hash = person.password_hash.reveal();
        let unclaimed = hash.is_empty() && person.password_one_time;
        if !unclaimed && !hash.starts_with("$argon2id$") {
            faults.push(Fault::PasswordHash(person.login.clone()));
        }
        let parsed = Person {
            login: person.login.clone(),
            role: person.role,
            password_hash: person.password_hash.clone(),
            password_one_time: person.password_one_time,
        };
        if people.insert(person.login.clone(), parsed).is_some() {
            faults.push(Fault::DuplicateLogin(person.login.clone()));
        }
    }
    let administers = |person: &Person| match person.role {
        Role::Administrator => true,
    };
    if !people.values().any(administers) {
        faults.push(Fault::NoAdministrator);
    }
    people
}

fn is_realm(text: &str) -> bool {
    let allowed = |byte: u8| (0x20..0x7f).contains(&byte) && !br#""\:"#.contains(&byte);
    (1..=REALM_LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_login(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    text.len() <= LOGIN_LENGTH_MAX
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
        && text.bytes().all(allowed)
}

fn is_lower_hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests;
