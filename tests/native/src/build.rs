//! The program under test, built as it is now.

use std::path::PathBuf;
use std::process::Command;

use crate::NativeError;

/// How `ramal` is built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Profile {
    /// As it is released: for measuring.
    Released,
    /// Quickly and with checks: for tests.
    Dev,
}

/// Builds `ramal` for this machine, and says where it is.
///
/// # Errors
/// cargo cannot be run, or it does not compile.
pub fn build(profile: Profile) -> Result<PathBuf, NativeError> {
    let (name, folder) = match profile {
        Profile::Released => ("released", "released"),
        Profile::Dev => ("dev", "debug"),
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--package", "ramal", "--profile", name]);
    let built = command.status().map_err(NativeError::io("run", "cargo"))?;
    if !built.success() {
        return Err(NativeError::Load("ramal does not build".into()));
    }
    // This program is TARGET/PROFILE/name, or TARGET/PROFILE/deps/name when it is a test.
    let own = std::env::current_exe().map_err(NativeError::io("find", "this program"))?;
    let in_deps = own.parent().is_some_and(|folder| folder.ends_with("deps"));
    let target = own.ancestors().nth(if in_deps { 3 } else { 2 });
    Ok(target.unwrap_or(&own).join(folder).join("ramal"))
}
