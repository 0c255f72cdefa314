//! Who looks on while a disk is written, and may end it.

/// What is being done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The image is compared with its checksum.
    Check,
    /// The disk is written.
    Write,
    /// The disk is read back.
    Verify,
}

/// Is told how far it has come, and asked whether to go on.
pub trait Watcher {
    /// A phase of so many bytes begins.
    fn begin(&mut self, phase: Phase, total: u64);

    /// So many more bytes are done.
    fn advance(&mut self, bytes: u64);

    /// Whether somebody wants to end it.
    fn is_cancelled(&self) -> bool;
}
