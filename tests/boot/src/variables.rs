//! The variables of a firmware whose Secure Boot is on, with keys of the test.
//!
//! Source: EDK II MdeModulePkg/Include/Guid/VariableFormat.h; UEFI 2.10 §32.4.1.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use image::authenticode::SecureBootKey;
use slot::Guid;

use crate::{Failure, folder};

/// The keys of a box with Secure Boot.
pub struct SecureBoot {
    /// Signs programs.
    pub db: SecureBootKey,
    /// Does not.
    pub stranger: SecureBootKey,
    /// The firmware's variables.
    pub variables: PathBuf,
}

/// Makes keys, and the variables of a firmware into which they were put, once.
///
/// # Errors
/// There is no OVMF on the host, or it keeps its variables otherwise.
pub fn enrolled() -> Result<&'static SecureBoot, Failure> {
    static ENROLLED: OnceLock<Result<SecureBoot, String>> = OnceLock::new();
    let made = ENROLLED.get_or_init(|| enrol().map_err(|error| error.to_string()));
    made.as_ref().map_err(|error| Failure::Other(error.clone()))
}

/// The variables of a firmware as a power cut leaves them before the last of its keys, PK, is
/// written: of the others each holds one of the test.
///
/// # Errors
/// As [`enrolled`].
pub fn half_enrolled() -> Result<PathBuf, Failure> {
    let [kek, db] = ["KEK", "db"].map(|name| SecureBootKey::make(&format!("Ramal test {name}")));
    write_store("half.vars", &[key("KEK", &kek?)?, key("db", &db?)?])
}

fn enrol() -> Result<SecureBoot, Failure> {
    let pk = SecureBootKey::make("Ramal test PK")?;
    let kek = SecureBootKey::make("Ramal test KEK")?;
    let db = SecureBootKey::make("Ramal test db")?;
    let switch = Guid::new(0xf0a30bc7_af08_4556_99c4_001009c93a44);
    let entries = [
        key("PK", &pk)?,
        key("KEK", &kek)?,
        key("db", &db)?,
        variable("SecureBootEnable", &switch, BOOT_ONLY, &[1])?,
    ];
    Ok(SecureBoot {
        db,
        stranger: SecureBootKey::make("Ramal strange db")?,
        variables: write_store("secure.vars", &entries)?,
    })
}

/// A variable that holds this key's certificate.
fn key(name: &str, key: &SecureBootKey) -> Result<Vec<u8>, Failure> {
    let global = Guid::new(0x8be4df61_93ca_11d2_aa0d_00e098032b8c);
    let images = Guid::new(0xd719b2cb_3d3a_4596_a3bc_dad00e67656f);
    let vendor = if name == "db" { images } else { global };
    let list = signature_list(key.certificate())?;
    variable(name, &vendor, AUTHENTICATED, &list)
}

/// Puts entries into OVMF's variables, which have none.
fn write_store(name: &str, entries: &[Vec<u8>]) -> Result<PathBuf, Failure> {
    let empty = Path::new("/usr/share/OVMF/OVMF_VARS_4M.fd");
    let no_firmware = |_| Failure::NoFirmware(empty.to_owned());
    let mut store = std::fs::read(empty).map_err(no_firmware)?;
    let entries = entries.concat();
    let place = store.get_mut(STORE_START..STORE_START + entries.len());
    match place {
        Some(place) if place.iter().all(|byte| *byte == 0xff) => place.copy_from_slice(&entries),
        Some(_) | None => return Err(Failure::Other("OVMF's variables are not empty".into())),
    }
    let path = folder("boxes")?.join(name);
    std::fs::write(&path, store)?;
    Ok(path)
}

/// EFI_SIGNATURE_LIST with one certificate.
fn signature_list(certificate: &[u8]) -> Result<Vec<u8>, Failure> {
    let x509 = Guid::new(0xa5c059a1_94e4_4aa7_87b5_ab155c2bf072);
    let owner = Guid::new(0x7a2f1c64_0d5e_4b1a_9c37_52616d616cff);
    let entry = number(16 + certificate.len())?;
    let list = number(28 + 16 + certificate.len())?;
    let parts = [&x509.0[..], &list, &[0; 4], &entry, &owner.0, certificate];
    Ok(parts.concat())
}

/// AUTHENTICATED_VARIABLE_HEADER, name and data, filled to a multiple of four.
fn variable(name: &str, vendor: &Guid, attributes: u32, data: &[u8]) -> Result<Vec<u8>, Failure> {
    let wide: Vec<u8> = name
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    // Start mark, and that the variable is whole and valid.
    let mut bytes = vec![0xaa, 0x55, 0x3f, 0x00];
    bytes.extend_from_slice(&attributes.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&TIME);
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&number(wide.len())?);
    bytes.extend_from_slice(&number(data.len())?);
    bytes.extend_from_slice(&vendor.0);
    bytes.extend_from_slice(&wide);
    bytes.extend_from_slice(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0xff);
    Ok(bytes)
}

fn number(value: usize) -> Result<[u8; 4], Failure> {
    let value = u32::try_from(value);
    let value = value.map_err(|error| Failure::Other(error.to_string()))?;
    Ok(value.to_le_bytes())
}

/// Behind the headers of the firmware volume (72 bytes) and the variable store (28 bytes).
const STORE_START: usize = 100;

/// Kept, readable by boot programs and systems, written by who has the key above only.
const AUTHENTICATED: u32 = 0x27;

/// Kept, readable by boot programs.
const BOOT_ONLY: u32 = 0x03;

/// The first of January 2020 (EFI_TIME).
const TIME: [u8; 16] = [0xe4, 0x07, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
