//! The debug variant's shell on the first serial line, as root and without a password.
//!
//! It is compiled in only with the feature `debug-shell`, which only
//! `buildroot/configs/ramal_x86_64_debug_defconfig` sets: a released image has neither this nor a
//! shell that it could start.

use std::process::Command;

use crate::console::Console;

/// Starts it; it starts itself again whenever somebody leaves it.
pub(crate) fn start(console: &mut Console) {
    console.line("ramal: DEBUG BUILD: there is a shell on ttyS0; this image must not be released");
    let started = Command::new(BUSYBOX).args(["sh", "-c", SCRIPT]).spawn();
    if let Err(error) = started {
        console.line(&format!("ramal: no shell: cannot start {BUSYBOX}: {error}"));
    }
}

const BUSYBOX: &str = "/usr/bin/busybox";

/// The root is read-only, so the names of busybox's programs go into memory.
const SCRIPT: &str = "/usr/bin/busybox mkdir -p /run/bin; /usr/bin/busybox --install -s /run/bin; \
                      export PATH=/run/bin:/usr/bin:/sbin HOME=/run; \
                      while :; do setsid -c sh -l <>/dev/ttyS0 >&0 2>&1; sleep 1; done";
