//! The files by which a box has a machine trust its own firmware alone: what is written to the
//! variables `db`, `KEK` and `PK`, signed when the image is built.
//!
//! One certificate is in all three: that of the key which signs loader and kernels. Whoever has it
//! can have any program started, so that a second key over it would protect nothing; and whose the
//! machine is, its owner decides at the machine.

use secure_boot::{Role, authenticated, signature_list, signed_bytes, time_of};

use crate::authenticode::{SecureBootKey, SignError};

/// What is written to the variable of this role. The same key and version give the same bytes, and
/// a later version of the set of keys a later time.
///
/// # Errors
/// The key cannot sign.
pub fn written(key: &SecureBootKey, version: u32, role: Role) -> Result<Vec<u8>, SignError> {
    let content = signature_list(key.certificate());
    let time = time_of(version);
    let signature = key.sign_detached(&signed_bytes(role, &time, &content))?;
    Ok(authenticated(&time, &signature, &content))
}

/// Where the file of a variable is in the root.
#[must_use]
pub fn path(role: Role) -> String {
    format!("{FOLDER}/{}.auth", role.name())
}

/// Only where the kernel of the base is for Secure Boot: a box without these offers nothing.
pub const FOLDER: &str = "/etc/ramal/secure-boot";

#[cfg(test)]
mod tests;
