//! Which image runs, as it says of itself and as the kernel knows it.

use std::path::Path;

use admin::Running;
use ipc::about::{ABOUT, About, FOLDER};

/// Read once: neither changes while the box is up.
pub(super) fn running() -> Running {
    Running {
        about: about(&Path::new(FOLDER).join(ABOUT)),
        kernel: kernel::process::kernel_release(),
        build: kernel::cmdline::value(ROOT_HASH).unwrap_or_default(),
    }
}

/// `None` where there is no image, as when a test runs the programs.
fn about(path: &Path) -> Option<About> {
    let bytes = std::fs::read(path).ok()?;
    let about = serde_json::from_slice(&bytes);
    about
        .map_err(|error| tracing::warn!("{} cannot be read: {error}", path.display()))
        .ok()
}

/// The word of the command line, which our signature covers.
const ROOT_HASH: &str = "ramal.roothash";
