//! Which passwords people may choose (T5): long, not common, not their login. No rule about digits
//! and symbols: such rules make passwords worse (OWASP ASVS 6.2.5).

use std::collections::BTreeSet;

use ipc::site::Site;

/// Why a chosen password is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Weakness {
    TooShort,
    TooLong,
    Common,
    OfSite,
    IsLogin,
    Unchanged,
}

/// Fewest characters of a password a person chooses.
pub(crate) const LENGTH_MIN: usize = 15;
/// Most bytes: bounds the work of hashing, far above any passphrase.
pub(crate) const LENGTH_MAX: usize = 256;

impl Weakness {
    pub(crate) fn english(self) -> String {
        match self {
            Self::TooShort => format!("use at least {LENGTH_MIN} characters"),
            Self::TooLong => format!("use at most {LENGTH_MAX} bytes"),
            Self::Common => {
                "this password is on the lists attackers try first; use a few unrelated words"
                    .into()
            }
            Self::OfSite => {
                "this password is made of names of this site; use a few unrelated words".into()
            }
            Self::IsLogin => "the password must not be made of the login".into(),
            Self::Unchanged => "the new password must differ from the present one".into(),
        }
    }

    pub(crate) fn portuguese(self) -> String {
        match self {
            Self::TooShort => format!("use pelo menos {LENGTH_MIN} caracteres"),
            Self::TooLong => format!("use no máximo {LENGTH_MAX} bytes"),
            Self::Common => "esta senha está nas listas que os atacantes tentam primeiro; \
                 use algumas palavras sem relação entre si"
                .into(),
            Self::OfSite => "esta senha é feita de nomes deste local; use algumas palavras sem \
                 relação entre si"
                .into(),
            Self::IsLogin => "a senha não pode ser feita do login".into(),
            Self::Unchanged => "a nova senha deve ser diferente da atual".into(),
        }
    }
}

/// Whether a person may choose this password. `names` are those of the site: its people, phones
/// and lines, and what it is called.
pub(crate) fn check(password: &str, login: &str, names: &BTreeSet<String>) -> Result<(), Weakness> {
    if password.chars().count() < LENGTH_MIN {
        return Err(Weakness::TooShort);
    }
    if password.len() > LENGTH_MAX {
        return Err(Weakness::TooLong);
    }
    let plain = plain(password);
    let login = self::plain(login);
    if !login.is_empty() && plain.contains(&login) && is_filled_by(&plain, &login) {
        return Err(Weakness::IsLogin);
    }
    if is_common(&plain) {
        return Err(Weakness::Common);
    }
    let mut pieces: BTreeSet<&str> = COMMON.lines().collect();
    pieces.extend(names.iter().map(String::as_str));
    match is_made_of(&plain, &pieces) {
        true => Err(Weakness::OfSite),
        false => Ok(()),
    }
}

/// The names of a site in the form they are compared in, those of its people, phones, groups and
/// lines, its realm, and the name it was asked by.
pub(crate) fn names(site: &Site, host: &str) -> BTreeSet<String> {
    let people = site.people.iter().map(|it| it.login.as_str());
    let extensions = site.extensions.iter().map(|it| it.display_name.as_str());
    let groups = site.groups.iter().map(|it| it.name.as_str());
    let trunks = site.trunks.iter().map(|it| it.name.as_str());
    let all = [site.realm.as_str(), host].into_iter().chain(people);
    let all = all.chain(extensions).chain(groups).chain(trunks);
    let words = all.flat_map(|name| name.split(|letter: char| !letter.is_alphanumeric()));
    let words = words.map(plain);
    words
        .filter(|it| it.chars().count() >= NAME_LENGTH_MIN)
        .collect()
}

/// A password is common when, case and separators aside, it is a listed one, a run of neighbours
/// (`123456789012345`, `aaaaaaaaaaaaaaa`), one short piece over and over, or listed words and
/// digits alone.
fn is_common(plain: &str) -> bool {
    let listed: BTreeSet<&str> = COMMON.lines().collect();
    is_run(plain)
        || has_few_characters(plain)
        || is_repetition(plain)
        || is_made_of(plain, &listed)
        || is_leaked(plain)
}

/// Whether it is one or two of the passwords found most often in leaks, with digits around them.
/// Of more than two, as in a sentence, there are too many for anybody to try.
fn is_leaked(plain: &str) -> bool {
    let all = LEAKED.lines().filter(|line| !line.starts_with('#'));
    let all: Vec<&str> = all.collect();
    let is_listed = |text: &str| all.binary_search(&text).is_ok();
    let one = |text: &str| within_digits(text).any(is_listed);
    let ends = plain.char_indices().map(|(at, _)| at);
    let split = |at| {
        plain
            .split_at_checked(at)
            .is_some_and(|(first, second)| one(first) && one(second))
    };
    one(plain) || ends.into_iter().any(split)
}

/// The text with fewer and fewer of the digits it begins and ends with.
fn within_digits(text: &str) -> impl Iterator<Item = &str> {
    let digits = |text: &str| {
        let count = text.bytes().take_while(u8::is_ascii_digit).count();
        0..=count
    };
    digits(text)
        .filter_map(|count| text.get(count..))
        .flat_map(move |rest| {
            let last: String = rest.chars().rev().collect();
            digits(&last).filter_map(|count| rest.get(..rest.len().checked_sub(count)?))
        })
}

fn is_run(text: &str) -> bool {
    let codes: Vec<u32> = text.chars().map(u32::from).collect();
    let neighbours = codes
        .windows(2)
        .filter(|pair| match pair {
            [a, b] => a.abs_diff(*b) <= 1 || (a.abs_diff(*b) == 9 && *a < 0x3a && *b < 0x3a),
            _ => false,
        })
        .count();
    // Two breaks are still a run: `abcdefg1234567`.
    neighbours + 3 >= codes.len()
}

fn has_few_characters(text: &str) -> bool {
    text.chars().collect::<BTreeSet<_>>().len() <= 4
}

fn is_repetition(text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    (1..=letters.len() / 2).any(|period| {
        letters
            .iter()
            .zip(letters.iter().skip(period))
            .all(|(a, b)| a == b)
    })
}

/// Whether the text, read from the left, is nothing but listed pieces with digits around them.
fn is_made_of(text: &str, listed: &BTreeSet<&str>) -> bool {
    let mut reachable = vec![false; text.len() + 1];
    if let Some(start) = reachable.first_mut() {
        *start = true;
    }
    for (at, letter) in text.char_indices() {
        if reachable.get(at) != Some(&true) {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let mut ends: Vec<usize> = listed
            .iter()
            .filter(|piece| !piece.is_empty() && rest.starts_with(**piece))
            .map(|piece| at + piece.len())
            .collect();
        if letter.is_ascii_digit() {
            ends.push(at + 1);
        }
        for end in ends {
            if let Some(slot) = reachable.get_mut(end) {
                *slot = true;
            }
        }
    }
    reachable.last() == Some(&true)
}

fn is_filled_by(text: &str, piece: &str) -> bool {
    is_made_of(text, &BTreeSet::from([piece]))
}

/// Lower case, letters and digits only, with the usual look-alikes undone.
fn plain(text: &str) -> String {
    let unmasked = |letter: char| match letter {
        '@' => 'a',
        '$' => 's',
        other => other,
    };
    text.to_lowercase()
        .chars()
        .map(unmasked)
        .filter(|letter| letter.is_alphanumeric())
        .collect()
}

/// Pieces of the passwords found most often in leaked lists, in English and Portuguese, and of
/// what people make up for a telephone system; lower case, letters and digits only.
const COMMON: &str = include_str!("../assets/common-passwords.txt");

/// The passwords found most often in leaks, 30,000 of them; its head says where it is from.
const LEAKED: &str = include_str!("../assets/leaked-passwords.txt");
/// Fewest letters of a name that counts: shorter ones are in every sentence.
const NAME_LENGTH_MIN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str, login: &str) -> Result<(), Weakness> {
        super::check(password, login, &BTreeSet::new())
    }

    #[test]
    fn fifteen_characters_are_enough_and_needed() {
        assert_eq!(check("correct-horse1", "ana"), Err(Weakness::TooShort));
        assert_eq!(check("correct-horse-7", "ana"), Ok(()));
        assert_eq!(
            check("açaíçãoéíóúüôêâ", "ana"),
            Ok(()),
            "characters, not bytes"
        );
        assert_eq!(
            check(&"ab cd ef ".repeat(40), "ana"),
            Err(Weakness::TooLong)
        );
    }

    #[test]
    fn common_passwords_are_refused() {
        for password in [
            "123456789012345",
            "aaaaaaaaaaaaaaaa",
            "qwertyuiopasdfghjkl",
            "Password123456789",
            "P@ssw0rdP@ssw0rd",
            "passwordpassword",
            "senhasenhasenha",
            "mudar123mudar123",
            "admin-admin-admin",
            "abcdefghijklmnop",
            "abc123abc123abc123",
            "iloveyou-iloveyou",
            "Brasil2026Brasil2026",
            "michaeljordan1234",
            "trustno1-matrix99",
            "1980Manchester1980",
            "starwars-princess",
        ] {
            assert_eq!(check(password, "ana"), Err(Weakness::Common), "{password}");
        }
    }

    #[test]
    fn names_of_the_site_are_no_password() {
        let mut site = Site {
            realm: "ramal".into(),
            ..Site::default()
        };
        site.extensions.push(ipc::site::Extension {
            display_name: "Padaria Três Irmãos".into(),
            ..ipc::site::Extension::default()
        });
        site.trunks.push(ipc::site::Trunk {
            name: "Telefonia do Vale".into(),
            ..ipc::site::Trunk::default()
        });
        site.people.push(ipc::site::Person {
            login: "joana.prado".into(),
            ..ipc::site::Person::default()
        });
        let names = names(&site, "pabx-matriz.local");
        let check = |password: &str| super::check(password, "ana", &names);
        for password in [
            "Padaria-Três-Irmãos-2026",
            "telefonia vale 1234",
            "joana.prado+pabx1",
            "senha padaria 99",
            "pabx.matriz.ramal",
        ] {
            assert_eq!(check(password), Err(Weakness::OfSite), "{password}");
        }
        assert_eq!(check("a padaria vende pão cedo"), Ok(()), "more than names");
    }

    #[test]
    fn the_leaked_ones_are_in_the_form_and_order_they_are_looked_up_in() {
        let all: Vec<&str> = LEAKED.lines().filter(|it| !it.starts_with('#')).collect();
        assert!(all.len() > 20_000 && all.is_sorted());
        assert!(all.iter().all(|it| it.len() >= 4 && **it == plain(it)));
        assert!(LEAKED.contains("MIT License"));
    }

    #[test]
    fn passphrases_are_welcome() {
        for password in [
            "correct horse battery staple",
            "o papagaio come milho cedo",
            "kU7!vq.R2mZ+x_9pWd",
            "chuva fina no telhado de zinco",
        ] {
            assert_eq!(check(password, "ana"), Ok(()), "{password}");
        }
    }

    #[test]
    fn the_login_is_no_password() {
        assert_eq!(
            check("maria.silva12345678", "maria.silva"),
            Err(Weakness::IsLogin)
        );
        assert_eq!(
            check("MariaSilva-MariaSilva", "maria.silva"),
            Err(Weakness::IsLogin)
        );
    }

    #[test]
    fn the_list_is_in_the_form_it_is_compared_in() {
        for line in COMMON.lines() {
            assert_eq!(line, plain(line));
            assert!(
                line.len() >= 3,
                "{line}: shorter pieces would forbid good passphrases"
            );
        }
    }
}
