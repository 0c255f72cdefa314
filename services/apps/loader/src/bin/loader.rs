//! `\EFI\BOOT\BOOTX64.EFI` of the box, `BOOTAA64.EFI` on Arm.
#![no_main]
#![no_std]

#[uefi::entry]
fn main() -> uefi::Status {
    loader::programs::loader()
}
