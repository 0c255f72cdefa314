//! Keys that sign firmware: made, kept and used.
//!
//! A folder holds a set: `keys.toml` says its name, threshold and public keys; one file a private
//! key (PKCS #8, PEM) beside it, which whoever holds only some of the keys does not have. A
//! development set has one key and is marked; a release set is made the same way and its private
//! keys are kept apart. `secure-boot.pem` is the key by which firmware with Secure Boot knows the
//! loader and the kernels.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use ed25519_dalek::{Signer as _, SigningKey};
use serde::{Deserialize, Serialize};
use slot::{KeySet, KeySetFault, PublicKey, Signature, Text, TextFault};

use crate::authenticode::{SecureBootKey, SignError};

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is a set already.
    #[error("{0} holds keys already; name another folder with --out, or remove it first")]
    Exists(PathBuf),
    /// The description is not as it should be.
    #[error("{path}: {source}")]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: toml::de::Error,
    },
    /// A public or private key is none.
    #[error("{path}: {what}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Threshold and keys do not fit.
    #[error("{path}: {fault}; a set has 1 to 4 keys, each once, and a threshold not above that")]
    Set {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: KeySetFault,
    },
    /// The name is none.
    #[error("`{name}` is no name for a set of keys: {fault}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong.
        fault: TextFault,
    },
    /// Private keys are missing.
    #[error("{path} asks for {threshold} signatures, but only {found} private keys are there")]
    TooFew {
        /// The description.
        path: PathBuf,
        /// Needed.
        threshold: u8,
        /// There.
        found: usize,
    },
    /// The key for Secure Boot.
    #[error("{path}: {source}")]
    SecureBoot {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SignError,
    },
    /// The system has no entropy.
    #[error("the system gives no random bytes: {0}")]
    Entropy(std::io::Error),
}

/// `keys.toml`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    name: String,
    version: u32,
    development: bool,
    threshold: u8,
    public: Vec<String>,
}

/// What a new set is like.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What people call it.
    pub name: String,
    /// Whether boxes of customers must not trust it.
    pub is_development: bool,
    /// How many must sign.
    pub threshold: u8,
    /// How many there are.
    pub count: u8,
}

/// A set and those of its private keys that are here.
pub struct Keys {
    /// Who is trusted.
    pub set: KeySet,
    /// What firmware with Secure Boot trusts.
    pub secure_boot: SecureBootKey,
    private: Vec<SigningKey>,
}

impl Wanted {
    /// One key on the developer's machine.
    #[must_use]
    pub fn development() -> Self {
        Self {
            name: "development".into(),
            is_development: true,
            threshold: 1,
            count: 1,
        }
    }
}

/// Makes a set in a folder that has none.
///
/// # Errors
/// There is one, the name is none, or the folder cannot be written.
pub fn make(folder: &Path, wanted: &Wanted) -> Result<Keys, KeysError> {
    let description = folder.join(DESCRIPTION);
    if description.exists() {
        return Err(KeysError::Exists(folder.to_owned()));
    }
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| file_error(folder, source))?;
    let private = (0..wanted.count)
        .map(|_| fresh_key())
        .collect::<Result<Vec<_>, _>>()?;
    let set = key_set(&description, wanted, &private)?;
    for (place, key) in private.iter().enumerate() {
        write_private(&private_path(folder, place), key)?;
    }
    let text = toml::to_string(&Description {
        name: wanted.name.clone(),
        version: set.version,
        development: wanted.is_development,
        threshold: wanted.threshold,
        public: set.keys().map(|key| hex::encode(key.0)).collect(),
    });
    let text = text.map_err(|error| KeysError::Key {
        path: description.clone(),
        what: error.to_string(),
    })?;
    let secure_boot = make_secure_boot(folder)?;
    fs::write(&description, text).map_err(|source| file_error(&description, source))?;
    Ok(Keys {
        set,
        secure_boot,
        private,
    })
}

fn key_set(path: &Path, wanted: &Wanted, keys: &[SigningKey]) -> Result<KeySet, KeysError> {
    let name = Text::new(&wanted.name).map_err(|fault| KeysError::Name {
        name: wanted.name.clone(),
        fault,
    })?;
    let public: Vec<_> = keys.iter().map(public).collect();
    let set = KeySet::new(1, name, wanted.threshold, &public);
    let mut set = set.map_err(|fault| set_error(path, fault))?;
    set.is_development = wanted.is_development;
    Ok(set)
}

/// Reads a set and the private keys that are beside it.
///
/// # Errors
/// Files are missing or not as they should be.
pub fn read(folder: &Path) -> Result<Keys, KeysError> {
    let path = folder.join(DESCRIPTION);
    let text = fs::read_to_string(&path).map_err(|source| file_error(&path, source))?;
    let form = |source| KeysError::Form {
        path: path.clone(),
        source,
    };
    let description: Description = toml::from_str(&text).map_err(form)?;
    let name = Text::new(&description.name).map_err(|fault| KeysError::Name {
        name: description.name.clone(),
        fault,
    })?;
    let public = description
        .public
        .iter()
        .map(|text| public_from_hex(&path, text))
        .collect::<Result<Vec<_>, _>>()?;
    let set = KeySet::new(description.version, name, description.threshold, &public);
    let mut set = set.map_err(|fault| set_error(&path, fault))?;
    set.is_development = description.development;
    let mut private = Vec::new();
    for place in 0..public.len() {
        private.extend(read_private(&private_path(folder, place), &set)?);
    }
    let secure_boot = read_secure_boot(folder)?;
    Ok(Keys {
        set,
        secure_boot,
        private,
    })
}

/// The set of a folder; a development set is made where there is none.
///
/// # Errors
/// As [`read`] and [`make`].
pub fn read_or_make(folder: &Path) -> Result<Keys, KeysError> {
    match folder.join(DESCRIPTION).exists() {
        true => read(folder),
        false => make(folder, &Wanted::development()),
    }
}

/// Whom an image with this set trusts, for the person who built it: said first, and what follows
/// from it.
#[must_use]
pub fn trust(set: &KeySet, is_released: bool) -> (String, Option<&'static str>) {
    let said = format!(
        "The image trusts the keys `{}`: {} of {} must sign",
        set.name,
        set.threshold,
        set.keys().count()
    );
    let follows = match (set.is_development, is_released) {
        (true, true) => Some(
            "WARNING: these are development keys, and this image is not for customers: whoever has \
             this machine's keys could sign firmware for their boxes. Name release keys with \
             --keys; `cargo image keys --help` says how to make them",
        ),
        (true, false) => Some("these are development keys: not for customers"),
        (false, _) => None,
    };
    (said, follows)
}

impl Keys {
    /// Signs with as many keys as the threshold asks for.
    ///
    /// # Errors
    /// Private keys are missing.
    pub fn sign(&self, message: &[u8]) -> Result<[Option<Signature>; slot::KEYS_MAX], KeysError> {
        let threshold = usize::from(self.set.threshold);
        if self.private.len() < threshold {
            return Err(KeysError::TooFew {
                path: self.set.name.as_str().into(),
                threshold: self.set.threshold,
                found: self.private.len(),
            });
        }
        let mut signatures = [None; slot::KEYS_MAX];
        let keys = self.private.iter().take(threshold);
        for (place, key) in signatures.iter_mut().zip(keys) {
            *place = Some(Signature {
                key: public(key).id(),
                bytes: key.sign(message).to_bytes(),
            });
        }
        Ok(signatures)
    }
}

fn public(key: &SigningKey) -> PublicKey {
    PublicKey(key.verifying_key().to_bytes())
}

fn fresh_key() -> Result<SigningKey, KeysError> {
    let mut seed = [0; 32];
    getrandom(&mut seed).map_err(KeysError::Entropy)?;
    Ok(SigningKey::from_bytes(&seed))
}

fn getrandom(seed: &mut [u8]) -> std::io::Result<()> {
    use std::io::Read as _;
    fs::File::open("/dev/urandom")?.read_exact(seed)
}

fn make_secure_boot(folder: &Path) -> Result<SecureBootKey, KeysError> {
    let path = folder.join(SECURE_BOOT);
    let error = |source| secure_boot_error(&path, source);
    let key = SecureBootKey::make("").and_then(SecureBootKey::named_by_itself);
    let key = key.map_err(error)?;
    write_pem(&path, key.private_pem().map_err(error)?.as_bytes())?;
    Ok(key)
}

fn read_secure_boot(folder: &Path) -> Result<SecureBootKey, KeysError> {
    let path = folder.join(SECURE_BOOT);
    let pem = fs::read_to_string(&path).map_err(|source| file_error(&path, source))?;
    let key = SecureBootKey::read(&pem, "").and_then(SecureBootKey::named_by_itself);
    key.map_err(|source| secure_boot_error(&path, source))
}

fn secure_boot_error(path: &Path, source: SignError) -> KeysError {
    KeysError::SecureBoot {
        path: path.to_owned(),
        source,
    }
}

fn write_private(path: &Path, key: &SigningKey) -> Result<(), KeysError> {
    let pem = key.to_pkcs8_pem(LineEnding::LF);
    let pem = pem.map_err(|error| key_error(path, &error))?;
    write_pem(path, pem.as_bytes())
}

/// A file that only its owner can read.
fn write_pem(path: &Path, pem: &[u8]) -> Result<(), KeysError> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|source| file_error(path, source))?;
    let written = file.write_all(pem).and_then(|()| file.sync_all());
    written.map_err(|source| file_error(path, source))
}

/// `None` when the key is kept elsewhere.
fn read_private(path: &Path, set: &KeySet) -> Result<Option<SigningKey>, KeysError> {
    if !path.exists() {
        return Ok(None);
    }
    let pem = fs::read_to_string(path).map_err(|source| file_error(path, source))?;
    let key = SigningKey::from_pkcs8_pem(&pem).map_err(|error| key_error(path, &error))?;
    let is_of_set = set.keys().any(|it| it == public(&key));
    match is_of_set {
        true => Ok(Some(key)),
        false => Err(key_error(path, &"it is the private key of another set")),
    }
}

fn public_from_hex(path: &Path, text: &str) -> Result<PublicKey, KeysError> {
    let mut bytes = [0; 32];
    match hex::decode_to_slice(text, &mut bytes) {
        Ok(()) => Ok(PublicKey(bytes)),
        Err(_) => {
            let what = format_args!("`{text}` is no public key: 64 hexadecimal digits are one");
            Err(key_error(path, &what))
        }
    }
}

fn private_path(folder: &Path, place: usize) -> PathBuf {
    folder.join(format!("private-{}.pem", place + 1))
}

fn key_error(path: &Path, what: &dyn std::fmt::Display) -> KeysError {
    KeysError::Key {
        path: path.to_owned(),
        what: what.to_string(),
    }
}

fn set_error(path: &Path, fault: KeySetFault) -> KeysError {
    KeysError::Set {
        path: path.to_owned(),
        fault,
    }
}

fn file_error(path: &Path, source: std::io::Error) -> KeysError {
    KeysError::File {
        path: path.to_owned(),
        source,
    }
}

const DESCRIPTION: &str = "keys.toml";
const SECURE_BOOT: &str = "secure-boot.pem";

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let unique = format!("ramal-keys-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(unique))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn release() -> Wanted {
        Wanted {
            name: "release-2026".into(),
            is_development: false,
            threshold: 2,
            count: 3,
        }
    }

    #[test]
    fn a_released_image_that_trusts_development_keys_is_warned_of() {
        let [development, release] = [Wanted::development(), release()].map(|wanted| {
            let folder = Folder::new(&format!("trust-{}", wanted.name));
            make(&folder.0, &wanted).expect("made").set
        });
        let (said, follows) = trust(&development, true);
        assert!(
            said.ends_with("the keys `development`: 1 of 1 must sign"),
            "{said}"
        );
        assert!(follows.is_some_and(|it| it.starts_with("WARNING") && it.contains("--keys")));
        let (_, follows) = trust(&development, false);
        assert!(follows.is_some_and(|it| !it.starts_with("WARNING")));
        let (said, follows) = trust(&release, true);
        assert!(
            said.contains("`release-2026`: 2 of 3") && follows.is_none(),
            "{said}"
        );
    }

    #[test]
    fn a_set_reads_back_and_signs() {
        let folder = Folder::new("back");
        let made = make(&folder.0, &release()).expect("made");
        let read = read(&folder.0).expect("read");
        assert_eq!(made.set, read.set);
        let signatures = read.sign(&[1; 48]).expect("signs");
        assert_eq!(signatures.iter().flatten().count(), 2);
        let again = make(&folder.0, &release()).err().expect("refused");
        assert!(again.to_string().contains("holds keys already"), "{again}");
    }

    #[test]
    fn a_later_set_with_the_same_key_for_secure_boot_has_the_same_certificate() {
        let (before, after) = (Folder::new("before"), Folder::new("after"));
        let trusted = make(&before.0, &release()).expect("made").secure_boot;
        let later = Wanted {
            name: "release-2027".into(),
            ..release()
        };
        let own = make(&after.0, &later).expect("made").secure_boot;
        assert_ne!(own.certificate(), trusted.certificate());
        fs::copy(before.0.join(SECURE_BOOT), after.0.join(SECURE_BOOT)).expect("copied");
        let kept = read(&after.0).expect("read").secure_boot;
        assert_eq!(kept.certificate(), trusted.certificate());
    }

    #[test]
    fn private_keys_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new("mode");
        make(&folder.0, &Wanted::development()).expect("made");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&private_path(&folder.0, 0)), 0o600);
        assert_eq!(mode(&folder.0), 0o700);
    }

    #[test]
    fn a_set_without_enough_private_keys_says_how_many_are_missing() {
        let folder = Folder::new("few");
        make(&folder.0, &release()).expect("made");
        for place in [0, 2] {
            fs::remove_file(private_path(&folder.0, place)).expect("removed");
        }
        let error = read(&folder.0).expect("read").sign(&[0; 48]).unwrap_err();
        let said = error.to_string();
        assert!(said.contains("2 signatures, but only 1"), "{said}");
    }

    #[test]
    fn a_private_key_of_another_set_is_named() {
        let (one, two) = (Folder::new("one"), Folder::new("two"));
        make(&one.0, &Wanted::development()).expect("made");
        make(&two.0, &Wanted::development()).expect("made");
        fs::copy(private_path(&one.0, 0), private_path(&two.0, 0)).expect("copied");
        let said = read(&two.0).err().expect("refused").to_string();
        assert!(
            said.contains("private-1.pem: it is the private key of another"),
            "{said}"
        );
    }
}
