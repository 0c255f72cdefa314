//! Unified kernel images: kernel, initrd and command line in one program, which one signature
//! covers. Source: UAPI Group Specifications, "Unified Kernel Image".

use update::CHUNK;

use crate::pe::{PeError, Section, with_sections};

/// What a UKI is made of.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Our stub, as `cargo::build_loader` builds it.
    pub stub: &'a [u8],
    /// What the system is, in the form of `os-release`; for people and tools.
    pub os_release: &'a str,
    /// The kernel's command line, to which only the loader's handoff is added.
    pub command_line: &'a str,
    /// The initrd.
    pub initrd: &'a [u8],
    /// The kernel, with an EFI stub of its own. For Secure Boot it is signed by the same key that
    /// signs the UKI: the firmware judges both.
    pub kernel: &'a [u8],
}

/// The UKI, not yet signed: the same parts give the same bytes. Kernel and initrd begin at a
/// multiple of an update's chunk, as the UKI itself does in a slot.
///
/// # Errors
/// The stub is no program.
pub fn make(parts: &Parts<'_>) -> Result<Vec<u8>, PeError> {
    let section = |name, bytes| Section { name, bytes };
    // What seldom changes comes first, as what lies behind a part that grew is elsewhere.
    let sections = [
        section(".osrel", parts.os_release.as_bytes()),
        section(".cmdline", parts.command_line.as_bytes()),
        section(".linux", parts.kernel),
        section(".initrd", parts.initrd),
    ];
    with_sections(parts.stub, &sections, CHUNK)
}

/// The loader with the keys it trusts, not yet signed.
///
/// # Errors
/// The loader is no program.
pub fn loader_with_keys(loader: &[u8], keys: &slot::KeySet) -> Result<Vec<u8>, PeError> {
    let bytes = keys.encode();
    let keys = Section {
        name: ".keys",
        bytes: &bytes,
    };
    with_sections(loader, &[keys], 1)
}
