//! Why a site is refused, one sentence a fault: the field, then the fix.

use crate::number::NumberFault;
use crate::site::{
    DISPLAY_NAME_LENGTH_MAX, EXTENSIONS_MAX, LOGIN_LENGTH_MAX, PEOPLE_MAX, REALM_LENGTH_MAX,
};
use crate::wrong::Wrong;

/// One thing wrong with a site. Never quotes a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The realm is empty, too long or would break a quoted string.
    #[error(
        "realm: use 1 to {REALM_LENGTH_MAX} printable ASCII characters without quote, backslash \
         or colon"
    )]
    Realm,
    /// More extensions than the box is built for.
    #[error("extensions: {0} are more than {EXTENSIONS_MAX}; remove some")]
    TooManyExtensions(usize),
    /// More people than the box is built for.
    #[error("people: {0} are more than {PEOPLE_MAX}; remove some")]
    TooManyPeople(usize),
    /// More of anything else than the box is built for.
    #[error("{what}: {count} are more than {max}; remove some")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        max: usize,
    },
    /// A setting is wrong.
    #[error("{of}: {field}: {wrong}")]
    Setting {
        /// Of what: `trunk "Oi"`.
        of: String,
        /// The field.
        field: &'static str,
        /// What is wrong and the fix.
        wrong: Wrong,
    },
    /// Not a number of our plan.
    #[error("extension {number:?}: number: {fault}")]
    Number {
        /// As written.
        number: String,
        /// What to change.
        fault: NumberFault,
    },
    /// Two extensions have one number.
    #[error("extension {0}: the number is used twice; remove one or give it another number")]
    DuplicateNumber(String),
    /// Too long, or with control characters.
    #[error(
        "extension {0}: display name: use at most {DISPLAY_NAME_LENGTH_MAX} characters and no \
         control characters"
    )]
    DisplayName(String),
    /// A digest hash is not one.
    #[error(
        "extension {number}: {field}: must be {length} lower-case hex digits; give the extension \
         a new password"
    )]
    Ha1 {
        /// The extension.
        number: String,
        /// `ha1_md5` or `ha1_sha256`.
        field: &'static str,
        /// Characters wanted.
        length: usize,
    },
    /// Not a sign-in name.
    #[error(
        "person {0:?}: login: use 1 to {LOGIN_LENGTH_MAX} of a-z, 0-9, dot, dash and underscore, \
         starting with a letter"
    )]
    Login(String),
    /// Two people have one sign-in name.
    #[error("person {0}: the login is used twice; remove one or give it another login")]
    DuplicateLogin(String),
    /// The stored password is not an argon2id hash.
    #[error("person {0}: password hash: must be argon2id in PHC form; set a new password")]
    PasswordHash(String),
    /// Nobody could administer the box.
    #[error("people: no administrator is left; keep at least one")]
    NoAdministrator,
}
