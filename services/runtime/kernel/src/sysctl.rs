//! Kernel settings under /proc/sys.

use std::path::Path;

use crate::{Context, SystemError};

/// Sets one of them; `name` with slashes, as in `kernel/kptr_restrict`.
///
/// # Errors
/// When the kernel has no such setting or refuses the value.
pub fn set(name: &str, value: &str) -> Result<(), SystemError> {
    let path = Path::new("/proc/sys").join(name);
    std::fs::write(&path, value).context("write", path.display())
}
