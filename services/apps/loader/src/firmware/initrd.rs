//! Gives the kernel its initrd, as Linux asks for it: a file behind a device path of its own.
//!
//! Source: Linux drivers/firmware/efi/libstub/efi-stub-helper.c, `efi_load_initrd_dev_path`.
#![expect(unsafe_code, reason = "the kernel calls us by a table of pointers")]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ffi::c_void;

use uefi::proto::device_path::DevicePath;
use uefi::proto::device_path::build::DevicePathBuilder;
use uefi::proto::device_path::build::media::Vendor;
use uefi::proto::media::load_file::LoadFile2;
use uefi::{Guid, Handle, Identify, Status, boot, guid};

/// An initrd that is offered to the kernel, as long as this lives. A program that ends must not
/// leave it behind: its code and the initrd go with it, and whoever is started next would be led
/// into memory that holds something else.
pub struct Offer {
    handle: Handle,
    path: *const c_void,
    file: *const c_void,
}

impl Drop for Offer {
    fn drop(&mut self) {
        // SAFETY: both were installed on this handle, and nobody calls them any more: the kernel
        // that could has not run, or has ended. What cannot be taken away stays as it was.
        unsafe {
            let _ = boot::uninstall_protocol_interface(self.handle, &LoadFile2::GUID, self.file);
            let _ = boot::uninstall_protocol_interface(self.handle, &DevicePath::GUID, self.path);
        }
    }
}

/// Offers `initrd` to the kernel.
///
/// # Errors
/// The firmware has no memory left.
pub fn offer(initrd: &'static [u8]) -> Result<Offer, Status> {
    let path: &'static mut Vec<u8> = Box::leak(Box::default());
    let vendor = Vendor {
        vendor_guid: INITRD_MEDIA,
        vendor_defined_data: &[],
    };
    let path = DevicePathBuilder::with_vec(path).push(&vendor);
    let path = path.and_then(DevicePathBuilder::finalize);
    let path = path.map_err(|_| Status::OUT_OF_RESOURCES)?;
    let file: &'static File = Box::leak(Box::new(File {
        load: load_file,
        initrd,
    }));
    let path = path.as_ffi_ptr().cast();
    let file = core::ptr::from_ref(file).cast();
    // SAFETY: both live as long as this program, and begin as the protocols say.
    let handle = unsafe { boot::install_protocol_interface(None, &DevicePath::GUID, path) };
    let handle = handle.map_err(|error| error.status())?;
    let offer = Offer { handle, path, file };
    // SAFETY: as above.
    let installed =
        unsafe { boot::install_protocol_interface(Some(handle), &LoadFile2::GUID, file) };
    installed.map_err(|error| error.status())?;
    Ok(offer)
}

/// EFI_LOAD_FILE2_PROTOCOL (UEFI 2.10 §13.2), and what the file holds.
#[repr(C)]
struct File {
    load: unsafe extern "efiapi" fn(
        *const Self,
        *const c_void,
        bool,
        *mut usize,
        *mut c_void,
    ) -> Status,
    initrd: &'static [u8],
}

unsafe extern "efiapi" fn load_file(
    this: *const File,
    _path: *const c_void,
    is_boot_selection: bool,
    length: *mut usize,
    buffer: *mut c_void,
) -> Status {
    if this.is_null() || length.is_null() {
        return Status::INVALID_PARAMETER;
    }
    // UEFI 2.10 §13.2.2.
    if is_boot_selection {
        return Status::UNSUPPORTED;
    }
    // SAFETY: `this` is the file that was installed, the others are the caller's to read and write.
    unsafe {
        let initrd = (*this).initrd;
        let room = core::mem::replace(&mut *length, initrd.len());
        if buffer.is_null() || room < initrd.len() {
            return Status::BUFFER_TOO_SMALL;
        }
        buffer
            .cast::<u8>()
            .copy_from_nonoverlapping(initrd.as_ptr(), initrd.len());
    }
    Status::SUCCESS
}

/// Where Linux looks: LINUX_EFI_INITRD_MEDIA_GUID.
pub const INITRD_MEDIA: Guid = guid!("5568e427-68fc-4f3d-ac74-ca555231cc68");
