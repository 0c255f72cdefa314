//! The user ids of the services; PID 1 starts each under its own (gid the same number).

/// `store`.
pub const STORE: u32 = 101;
/// `net`.
pub const NET: u32 = 102;
/// `pbx`.
pub const PBX: u32 = 103;
/// `media`.
pub const MEDIA: u32 = 104;
/// `web`.
pub const WEB: u32 = 105;
/// `update`.
pub const UPDATE: u32 = 106;
/// `provision`, which is no service: it ends when it has done its errand.
pub const PROVISION: u32 = 107;
/// `install-disk`, which is no service either.
pub const INSTALL: u32 = 108;
/// `stick`, which reads one memory stick and is no service.
pub const STICK: u32 = 109;
/// `secure-boot`, which is no service and asks nobody.
pub const SECURE_BOOT: u32 = 110;
/// `grid`.
pub const GRID: u32 = 111;
/// `machine-keys`, which is no service and asks nobody either.
pub const MACHINE_KEYS: u32 = 112;
/// `guard`.
pub const GUARD: u32 = 113;
/// PID 1 and a person at a native run.
pub const ROOT: u32 = 0;
