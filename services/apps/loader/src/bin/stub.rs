//! What a UKI begins with.
#![no_main]
#![no_std]

#[uefi::entry]
fn main() -> uefi::Status {
    loader::programs::stub()
}
