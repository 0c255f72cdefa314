//! People who sign in: who they are, what is theirs, and whose calls they may see besides.

use std::collections::{BTreeMap, BTreeSet};

use ipc::Redacted;
use ipc::site::{
    Grant, Passkey, Person as RawPerson, Role, SecondFactor, Token, UnknownRole, Whose,
};

use crate::fault::Fault;
use crate::route::Known;
use crate::site::{FACTORY_LOGIN, LOGIN_LENGTH_MAX, is_lower_hex};
use crate::wrong::{Report, Wrong, is_name};

/// Most extensions one person uses.
pub(crate) const OWN_EXTENSIONS_MAX: usize = 100;
/// Most extensions and groups one person may see the calls of.
pub(crate) const GRANTS_MAX: usize = 1_000;
/// Characters of the secret of a second factor.
const SECRET_LENGTH: usize = 32;
/// Most codes for a lost phone.
const RECOVERY_CODES_MAX: usize = 10;
/// Most tokens of one person.
const TOKENS_MAX: usize = 20;
/// Most passkeys of one person.
const PASSKEYS_MAX: usize = 10;
/// Most bytes of the id of a passkey (WebAuthn §7.1 step 25).
const PASSKEY_ID_MAX: usize = 1_023;
/// Most bytes of its key: RSA of 4096 bits, and what is around it.
const PASSKEY_KEY_MAX: usize = 600;
/// Most bytes of what its owner is known by (WebAuthn §5.4.3).
const PASSKEY_OWNER_MAX: usize = 64;
/// Most characters of a host name (RFC 1035 §2.3.4).
const HOST_LENGTH_MAX: usize = 253;
/// Characters of what is kept of a code or a token.
const HASH_LENGTH: usize = 64;

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
    /// The extensions they use: those calls are their own (R5).
    pub extensions: Vec<String>,
    /// Since when, where it is not since ever.
    pub extensions_since: BTreeMap<String, i64>,
    /// Whose calls they may see besides (R6).
    pub grants: Vec<Grant>,
    /// They see whole numbers of people outside in calls of others.
    pub whole_numbers: bool,
    /// They may not sign in.
    pub disabled: bool,
    /// The role they have by a newer firmware.
    pub unknown_role: Option<UnknownRole>,
    /// What they are asked for at a sign-in besides the password.
    pub second_factor: Option<SecondFactor>,
    /// With which programs ask the API in their name.
    pub tokens: Vec<Token>,
    /// With which they sign in without a password, or after it.
    pub passkeys: Vec<Passkey>,
    /// Hashes of the codes for lost passkeys.
    pub passkey_codes: Vec<Redacted<String>>,
}

impl Person {
    /// Nobody has signed in yet: `web` makes a one-time password at each start.
    #[must_use]
    pub const fn is_unclaimed(&self) -> bool {
        self.password_hash.reveal().is_empty()
    }

    pub(crate) fn to_ipc(&self) -> RawPerson {
        RawPerson {
            login: self.login.clone(),
            role: self.role,
            password_hash: self.password_hash.clone(),
            password_one_time: self.password_one_time,
            extensions: self.extensions.clone(),
            extensions_since: self.extensions_since.clone(),
            grants: self.grants.clone(),
            whole_numbers: self.whole_numbers,
            disabled: self.disabled,
            unknown_role: self.unknown_role.clone(),
            second_factor: self.second_factor.clone(),
            tokens: self.tokens.clone(),
            passkeys: self.passkeys.clone(),
            passkey_codes: self.passkey_codes.clone(),
        }
    }
}

/// Reads everybody. What somebody may see refers to extensions and groups that exist: a number that
/// is given to somebody else later must not bring along who saw its calls before.
pub(crate) fn parse(
    raw: &[RawPerson],
    known: &Known<'_>,
    faults: &mut Vec<Fault>,
) -> BTreeMap<String, Person> {
    let mut people = BTreeMap::new();
    let mut credentials = BTreeSet::new();
    for person in raw {
        if !is_login(&person.login) {
            faults.push(Fault::Login(person.login.clone()));
        }
        let hash = person.password_hash.reveal();
        // Whoever else had none would sign in with the password on the box's screen.
        let unclaimed =
            hash.is_empty() && person.password_one_time && person.login == FACTORY_LOGIN;
        if !unclaimed && !hash.starts_with("$argon2id$") {
            faults.push(Fault::PasswordHash(person.login.clone()));
        }
        let mut report = Report::new(format!("person {}", person.login), faults);
        check_calls(person, known, &mut report);
        if let Some(factor) = &person.second_factor {
            check_second_factor(factor, &mut report);
        }
        check_tokens(&person.tokens, &mut report);
        check_passkeys(person, &mut credentials, &mut report);
        let parsed = Person {
            login: person.login.clone(),
            role: person.role,
            password_hash: person.password_hash.clone(),
            password_one_time: person.password_one_time,
            extensions: person.extensions.clone(),
            extensions_since: person.extensions_since.clone(),
            grants: person.grants.clone(),
            whole_numbers: person.whole_numbers,
            disabled: person.disabled,
            unknown_role: person.unknown_role.clone(),
            second_factor: person.second_factor.clone(),
            tokens: person.tokens.clone(),
            passkeys: person.passkeys.clone(),
            passkey_codes: person.passkey_codes.clone(),
        };
        if people.insert(person.login.clone(), parsed).is_some() {
            faults.push(Fault::DuplicateLogin(person.login.clone()));
        }
    }
    let administers = |person: &Person| person.role == Role::Administrator && !person.disabled;
    if !people.values().any(administers) {
        faults.push(Fault::NoAdministrator);
    }
    people
}

fn check_second_factor(factor: &SecondFactor, report: &mut Report<'_>) {
    let secret = factor.secret.reveal();
    let base32 = |byte: u8| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte);
    if secret.len() != SECRET_LENGTH || !secret.bytes().all(base32) {
        report.wrong("second_factor", Wrong::NotASecret);
    }
    if factor.recovery.len() > RECOVERY_CODES_MAX {
        report.wrong("second_factor", Wrong::TooMany(RECOVERY_CODES_MAX));
    }
    let is_hash = |it: &Redacted<String>| is_lower_hex(it.reveal(), HASH_LENGTH);
    if !factor.recovery.iter().all(is_hash) {
        report.wrong("second_factor", Wrong::NotAHash(HASH_LENGTH));
    }
}

fn check_tokens(tokens: &[Token], report: &mut Report<'_>) {
    if tokens.len() > TOKENS_MAX {
        report.wrong("tokens", Wrong::TooMany(TOKENS_MAX));
    }
    let mut names = BTreeSet::new();
    for token in tokens {
        if !is_name(&token.name) {
            report.wrong("tokens", Wrong::NotAName(token.name.clone()));
        }
        if !names.insert(&token.name) {
            report.wrong("tokens", Wrong::Twice(token.name.clone()));
        }
        if !is_lower_hex(token.hash.reveal(), HASH_LENGTH) {
            report.wrong("tokens", Wrong::NotAHash(HASH_LENGTH));
        }
    }
}

/// `credentials` are the ids so far, of everybody: by one it is told whose it is.
fn check_passkeys<'a>(
    person: &'a RawPerson,
    credentials: &mut BTreeSet<&'a str>,
    report: &mut Report<'_>,
) {
    if person.passkeys.len() > PASSKEYS_MAX {
        report.wrong("passkeys", Wrong::TooMany(PASSKEYS_MAX));
    }
    let mut names = BTreeSet::new();
    for passkey in &person.passkeys {
        if !is_name(&passkey.name) {
            report.wrong("passkeys", Wrong::NotAName(passkey.name.clone()));
        }
        if !names.insert(&passkey.name) || !credentials.insert(&passkey.id) {
            report.wrong("passkeys", Wrong::Twice(passkey.name.clone()));
        }
        for (text, longest) in [
            (&passkey.id, PASSKEY_ID_MAX),
            (&passkey.public_key, PASSKEY_KEY_MAX),
            (&passkey.owner, PASSKEY_OWNER_MAX),
        ] {
            if !is_base64url(text, longest) {
                report.wrong("passkeys", Wrong::NotBytes(longest));
            }
        }
        if passkey.made_for.len() > HOST_LENGTH_MAX || !passkey.made_for.is_ascii() {
            report.wrong("passkeys", Wrong::NotAHost(passkey.made_for.clone()));
        }
    }
    let is_hash = |it: &Redacted<String>| is_lower_hex(it.reveal(), HASH_LENGTH);
    if person.passkey_codes.len() > RECOVERY_CODES_MAX {
        report.wrong("passkey_codes", Wrong::TooMany(RECOVERY_CODES_MAX));
    }
    if !person.passkey_codes.iter().all(is_hash) {
        report.wrong("passkey_codes", Wrong::NotAHash(HASH_LENGTH));
    }
}

/// Whether this is 1 to `longest` bytes as base64url without padding (RFC 4648 §5).
fn is_base64url(text: &str, longest: usize) -> bool {
    let digit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let bytes = text.len() * 3 / 4;
    (1..=longest).contains(&bytes) && text.len() % 4 != 1 && text.bytes().all(digit)
}

fn check_calls(person: &RawPerson, known: &Known<'_>, report: &mut Report<'_>) {
    let no_extension = |name: &str| Wrong::NoSuch {
        what: "extension",
        name: name.to_owned(),
    };
    if person.extensions.len() > OWN_EXTENSIONS_MAX {
        report.wrong("extensions", Wrong::TooMany(OWN_EXTENSIONS_MAX));
    }
    let mut own = BTreeSet::new();
    for number in &person.extensions {
        if !known.is_extension(number) {
            report.wrong("extensions", no_extension(number));
        }
        if !own.insert(number) {
            report.wrong("extensions", Wrong::Twice(number.clone()));
        }
    }
    if person.grants.len() > GRANTS_MAX {
        report.wrong("grants", Wrong::TooMany(GRANTS_MAX));
    }
    // Whoever decides who is in a group would decide whose calls they see (R6).
    let is_group = |grant: &Grant| matches!(grant.of, Whose::Group(_));
    if person.role == Role::Installer && person.grants.iter().any(is_group) {
        report.wrong("grants", Wrong::GroupForInstaller);
    }
    let mut given = BTreeSet::new();
    for Grant { of, .. } in &person.grants {
        let (number, wrong) = match of {
            Whose::Extension(number) if !known.is_extension(number) => {
                (number, Some(no_extension(number)))
            }
            Whose::Group(number) if !known.groups.contains(number.as_str()) => {
                let (what, name) = ("group", number.clone());
                (number, Some(Wrong::NoSuch { what, name }))
            }
            Whose::Extension(number) | Whose::Group(number) => (number, None),
        };
        if let Some(wrong) = wrong {
            report.wrong("grants", wrong);
        }
        if !given.insert(of) {
            report.wrong("grants", Wrong::Twice(number.clone()));
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::{check, site};
    use ipc::site::Extension;

    use crate::{Site, calls_seen_by};

    fn person(login: &str) -> RawPerson {
        RawPerson {
            login: login.to_owned(),
            password_hash: Redacted::new("$argon2id$x".to_owned()),
            ..RawPerson::default()
        }
    }

    fn granted(of: Whose) -> Grant {
        let by = "admin".to_owned();
        let since_millis = 5;
        Grant {
            of,
            by,
            since_millis,
        }
    }

    #[test]
    fn an_administrator_who_may_not_sign_in_is_none() {
        check(|s| s.people[0].disabled = true, &[Fault::NoAdministrator]);
        check(
            |s| s.people[0].role = Role::Installer,
            &[Fault::NoAdministrator],
        );
        let with_another = |s: &mut ipc::site::Site| {
            s.people[0].disabled = true;
            let role = Role::Administrator;
            let other = person("ana");
            s.people.push(RawPerson { role, ..other });
        };
        check(with_another, &[]);
    }

    #[test]
    fn calls_are_those_of_extensions_and_groups_there_are() {
        let refused = |change: fn(&mut RawPerson), expected: &str| {
            let raw = site(|site| {
                let mut ana = person("ana");
                change(&mut ana);
                site.people.push(ana);
            });
            let faults = Site::parse(&raw).expect_err("refused");
            let said: Vec<String> = faults.iter().map(ToString::to_string).collect();
            assert_eq!(said, [expected]);
        };
        refused(
            |ana| ana.extensions = vec!["999".into()],
            "person ana: extensions: there is no extension \"999\"; create it first or choose \
             another",
        );
        refused(
            |ana| ana.extensions = vec!["100".into(), "100".into()],
            "person ana: extensions: \"100\" is there twice; remove one or change it",
        );
        refused(
            |ana| ana.grants = vec![granted(Whose::Group("600".into()))],
            "person ana: grants: there is no group \"600\"; create it first or choose another",
        );
        refused(
            |ana| ana.grants = vec![granted(Whose::Extension("101".into())); 2],
            "person ana: grants: \"101\" is there twice; remove one or change it",
        );
    }

    /// Group 600, which rings at 101.
    fn ring_group() -> ipc::site::Group {
        ipc::site::Group {
            number: "600".into(),
            members: vec![ipc::site::Member {
                extension: "101".into(),
                ..ipc::site::Member::default()
            }],
            ..ipc::site::Group::default()
        }
    }

    #[test]
    fn an_installer_sees_calls_of_no_group_since_he_says_who_is_in_it() {
        let told = |role: Role| {
            let raw = site(|site| {
                site.groups.push(ring_group());
                let grants = vec![granted(Whose::Group("600".into()))];
                let ana = person("ana");
                site.people.push(RawPerson {
                    role,
                    grants,
                    ..ana
                });
            });
            let faults = Site::parse(&raw).err().unwrap_or_default();
            faults.iter().map(ToString::to_string).collect::<String>()
        };
        for role in Role::ALL.into_iter().filter(|it| *it != Role::Installer) {
            assert_eq!(told(role), "", "{role:?}");
        }
        let refused = "person ana: grants: an installer says who is in a group; grant single \
                       extensions instead";
        assert_eq!(told(Role::Installer), refused);
    }

    #[test]
    fn nobody_but_the_administrator_of_a_new_box_is_without_a_password() {
        let unclaimed = |place: usize| {
            let raw = site(|site| {
                site.people.push(person("ana"));
                let person = &mut site.people[place];
                person.password_hash = Redacted::default();
                person.password_one_time = true;
            });
            Site::parse(&raw).err().unwrap_or_default()
        };
        assert_eq!(unclaimed(0), [], "admin");
        assert_eq!(unclaimed(1), [Fault::PasswordHash("ana".into())]);
    }

    #[test]
    fn a_token_has_a_name_of_its_own_and_a_hash() {
        let of = |name: &str, hash: &str| {
            let token = |name: &str| Token {
                name: name.to_owned(),
                hash: Redacted::new(hash.to_owned()),
                permissions: vec!["see-status".to_owned()],
                expires_secs: 1,
            };
            let raw = site(|site| site.people[0].tokens = vec![token("backup"), token(name)]);
            let faults = Site::parse(&raw).err().unwrap_or_default();
            faults.first().map(ToString::to_string).unwrap_or_default()
        };
        let hash = "0".repeat(64);
        assert_eq!(of("panel", &hash), "");
        assert!(of("backup", &hash).contains("\"backup\" is there twice"));
        assert!(of("", &hash).contains("is not a name"));
        assert!(of("panel", "xyz").contains("64 lower-case hex digits"));
    }

    #[test]
    fn a_passkey_is_one_persons_and_has_a_name_of_its_own() {
        let passkey = |name: &str, id: &str| Passkey {
            name: name.to_owned(),
            id: id.to_owned(),
            public_key: "pAEBAycgBiFYIA".to_owned(),
            owner: "AAAA".to_owned(),
            made_for: "ramal.local".to_owned(),
            ..Passkey::default()
        };
        let of = |own: Vec<Passkey>, anas: Vec<Passkey>| {
            let raw = site(|site| {
                site.people[0].passkeys = own;
                site.people[0].passkey_codes = vec![Redacted::new("0".repeat(64))];
                let passkeys = anas;
                site.people.push(RawPerson {
                    passkeys,
                    ..person("ana")
                });
            });
            let faults = Site::parse(&raw).err().unwrap_or_default();
            faults.iter().map(ToString::to_string).collect::<String>()
        };
        let phone = || passkey("phone", "AQID");
        assert_eq!(of(vec![phone()], vec![passkey("phone", "BAUG")]), "");
        let told = "person ana: passkeys: \"phone\" is there twice; remove one or change it";
        assert_eq!(of(vec![phone()], vec![phone()]), told);
        let twice = of(vec![phone(), passkey("phone", "BAUG")], vec![]);
        assert!(twice.contains("\"phone\" is there twice"), "{twice}");
        for id in ["", "A", "AQ=", "AQ+D", &"A".repeat(1368)] {
            let told = of(vec![passkey("phone", id)], vec![]);
            assert!(
                told.contains("1 to 1023 bytes as base64url"),
                "{id}: {told}"
            );
        }
        assert!(of(vec![passkey(" ", "AQID")], vec![]).contains("is not a name"));
        let many = (0..11).map(|it| passkey(&format!("p{it}"), &format!("AAA{it:02}A")));
        assert!(of(many.collect(), vec![]).contains("more than 10"));
    }

    #[test]
    fn a_second_factor_is_whole_and_never_quoted() {
        let of = |secret: &str, code: &str| {
            let raw = site(|site| {
                site.people[0].second_factor = Some(SecondFactor {
                    secret: Redacted::new(secret.into()),
                    recovery: vec![Redacted::new(code.into())],
                });
            });
            let faults = Site::parse(&raw).err().unwrap_or_default();
            faults.iter().map(ToString::to_string).collect::<String>()
        };
        let (secret, code) = ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "0".repeat(64));
        assert_eq!(of(secret, &code), "");
        let told = of("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJ1", &code);
        assert!(told.starts_with("person admin: second_factor:") && !told.contains("GEZ"));
        assert!(of(secret, "12").contains("64 lower-case hex digits"));
    }

    #[test]
    fn a_group_is_its_number_and_its_members() {
        let raw = site(|site| {
            site.groups.push(ring_group());
            let mut ana = person("ana");
            ana.extensions = vec!["101".into(), "102".into()];
            ana.extensions_since = [("101".into(), 7), ("102".into(), 7)].into();
            ana.grants = vec![granted(Whose::Group("600".into()))];
            site.people.extend([ana, person("rui")]);
            let other = site.extensions[0].clone();
            let number = "102".to_owned();
            site.extensions.push(Extension { number, ..other });
        });
        let seen = |login: &str| {
            let person = raw.people.iter().find(|it| it.login == login);
            let calls = calls_seen_by(&raw, person.expect("somebody")).into_iter();
            let each = calls.map(|it| (it.number, it.since_millis));
            each.collect::<Vec<_>>()
        };
        let expected = [("101", 5), ("102", 7), ("600", 5)];
        assert_eq!(
            seen("ana"),
            expected.map(|(it, since)| (it.to_owned(), since))
        );
        assert!(seen("rui").is_empty(), "a new person sees nobody's calls");
        let parsed = Site::parse(&raw).expect("valid");
        assert_eq!(Site::parse(&parsed.to_ipc()), Ok(parsed.clone()));
    }
}
