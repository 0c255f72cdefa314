//! Takes from a kernel module what only debuggers and BPF read: half of its bytes.
//!
//! Under emulation, loading the modules as Debian packs them costs a CPU second more.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::host::{HostError, command, output};

/// The module without type information (BTF), debugging sections and symbols nothing links to.
///
/// # Errors
/// objcopy is missing or refuses the module, or there is no room for a temporary file.
pub(crate) fn slim(module: &[u8]) -> Result<Vec<u8>, HostError> {
    let scratch = Scratch::new();
    let failed = |source| HostError::Start {
        program: "objcopy".to_owned(),
        source,
    };
    std::fs::write(&scratch.0, module).map_err(failed)?;
    output(
        command("objcopy")?
            .args([
                "--strip-unneeded",
                "--remove-section=.BTF",
                "--remove-section=.BTF_ids",
            ])
            .arg(&scratch.0),
    )?;
    std::fs::read(&scratch.0).map_err(failed)
}

/// A file of our own that goes when we are done, however that ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ramal-module-{}-{number}.ko", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
