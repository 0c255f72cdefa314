//! What the boot tests start in place of a kernel: says what it was given, then does what its
//! command line says (`then=reset`, `then=off`, `then=return`).
#![no_main]
#![no_std]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;

use loader::firmware::console::show;
use loader::firmware::image::own_options;
use loader::firmware::initrd::INITRD_MEDIA;
use uefi::boot::{self, OpenProtocolAttributes, OpenProtocolParams};
use uefi::proto::device_path::build::DevicePathBuilder;
use uefi::proto::device_path::build::media::Vendor;
use uefi::proto::media::load_file::LoadFile2;
use uefi::runtime::{ResetType, reset};
use uefi::{Handle, Status};

#[uefi::entry]
fn main() -> Status {
    let options = own_options();
    let (units, _) = options.as_chunks();
    let options: Vec<u16> = units.iter().copied().map(u16::from_le_bytes).collect();
    let options = String::from_utf16_lossy(&options);
    let words: Vec<&str> = options.trim_end_matches('\0').split(' ').collect();
    for word in &words {
        show(format_args!("payload: word {word}"));
    }
    match initrd() {
        Some(bytes) => show(format_args!(
            "payload: initrd {}",
            String::from_utf8_lossy(&bytes)
        )),
        None => show(format_args!("payload: no initrd")),
    }
    show(format_args!("payload: that is all"));
    if words.contains(&"then=return") {
        return Status::TIMEOUT;
    }
    let kind = match words.contains(&"then=reset") {
        true => ResetType::COLD,
        false => ResetType::SHUTDOWN,
    };
    reset(kind, Status::SUCCESS, None)
}

/// As Linux looks for it.
fn initrd() -> Option<Vec<u8>> {
    let mut path = Vec::new();
    let vendor = Vendor {
        vendor_guid: INITRD_MEDIA,
        vendor_defined_data: &[],
    };
    let builder = DevicePathBuilder::with_vec(&mut path).push(&vendor).ok()?;
    let mut path = builder.finalize().ok()?;
    let handle = boot::locate_device_path::<LoadFile2>(&mut path).ok()?;
    let mut file = open(handle)?;
    let bytes = file.load_file(path).ok()?;
    Some(bytes.to_vec())
}

#[expect(unsafe_code, reason = "the file stays open beside its owner")]
fn open(handle: Handle) -> Option<boot::ScopedProtocol<LoadFile2>> {
    let params = OpenProtocolParams {
        handle,
        agent: boot::image_handle(),
        controller: None,
    };
    // SAFETY: nothing else runs.
    unsafe { boot::open_protocol(params, OpenProtocolAttributes::GetProtocol) }.ok()
}
