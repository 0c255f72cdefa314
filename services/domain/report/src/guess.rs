//! Passwords of extensions that somebody would try first (R52).
//!
//! The box draws every password of an extension itself, and keeps only what a digest needs. What
//! came another way, by a file or an earlier system, is found by trying what guessers try.

use ipc::site::{Extension, Site};
use sha2::{Digest as _, Sha256};

/// The extensions whose password is one of these guesses.
pub(crate) fn guessed(site: &Site) -> Vec<&str> {
    let is_guessed = |it: &&Extension| guesses(it).iter().any(|guess| fits(it, &site.realm, guess));
    let found = site.extensions.iter().filter(is_guessed);
    found.map(|it| it.number.as_str()).collect()
}

/// Whether the password of an extension is this one (RFC 8760: SHA-256 of user, realm, password).
fn fits(extension: &Extension, realm: &str, password: &str) -> bool {
    let text = format!("{}:{realm}:{password}", extension.number);
    let made = hex::encode(Sha256::digest(text.as_bytes()));
    made.eq_ignore_ascii_case(extension.ha1_sha256.reveal())
}

/// What is tried first: what hangs on the number, and what everybody knows.
fn guesses(extension: &Extension) -> Vec<String> {
    let number = extension.number.as_str();
    let reversed: String = number.chars().rev().collect();
    let name = extension.display_name.to_lowercase();
    let mut all = vec![
        String::new(),
        number.to_owned(),
        reversed,
        format!("{number}{number}"),
        format!("ramal{number}"),
        format!("Ramal{number}"),
        format!("senha{number}"),
        format!("{number}senha"),
        format!("{number}abc"),
        format!("abc{number}"),
        format!("{number}@{number}"),
        format!("{name}{number}"),
        name,
    ];
    all.extend(EVERYBODYS.iter().map(|it| (*it).to_owned()));
    all
}

/// What tools that guess at extensions begin with.
const EVERYBODYS: [&str; 18] = [
    "0000",
    "1111",
    "1234",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "1234567890",
    "4321",
    "654321",
    "admin",
    "admin123",
    "password",
    "senha",
    "senha123",
    "mudar123",
    "ramal",
];

#[cfg(test)]
pub(crate) fn hash(number: &str, realm: &str, password: &str) -> String {
    hex::encode(Sha256::digest(
        format!("{number}:{realm}:{password}").as_bytes(),
    ))
}
