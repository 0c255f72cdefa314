//! All that touches UEFI. It compiles on a host too, where there is no firmware to call.

pub mod box_itself;
pub mod console;
pub mod disk;
pub mod image;
pub mod initrd;
pub mod menu;
#[cfg(target_os = "uefi")]
mod panic;

use uefi::boot::{
    OpenProtocolAttributes, OpenProtocolParams, ScopedProtocol, image_handle, open_protocol,
};
use uefi::proto::ProtocolPointer;
use uefi::{Handle, Status};

/// A protocol of a handle, beside whoever else uses it: opening it exclusively would stop the
/// drivers above, and with that the file system we came from.
#[expect(unsafe_code, reason = "sharing a protocol is for the caller to judge")]
fn protocol<P: ProtocolPointer + ?Sized>(handle: Handle) -> Option<ScopedProtocol<P>> {
    let params = OpenProtocolParams {
        handle,
        agent: image_handle(),
        controller: None,
    };
    // SAFETY: one processor runs boot services, nothing of ours runs at a raised priority while a
    // protocol is in use, and no handle we use is taken away: no media are ejected by a program.
    unsafe { open_protocol::<P>(params, OpenProtocolAttributes::GetProtocol) }.ok()
}

/// What a note of a boot has room for: 15 for ACCESS_DENIED, 26 for SECURITY_VIOLATION.
fn low_byte(status: Status) -> u8 {
    let [low, ..] = status.0.to_le_bytes();
    low
}
