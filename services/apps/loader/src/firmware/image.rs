//! Programs in memory: our own, and those we start.

use alloc::vec::Vec;
use core::time::Duration;

use uefi::boot::{self, LoadImageSource, ScopedProtocol, image_handle};
use uefi::proto::loaded_image::LoadedImage;
use uefi::runtime::{self, VariableVendor};
use uefi::{Status, cstr16};

use super::protocol;
use crate::sections;

/// The program that runs.
#[must_use]
pub fn own() -> Option<ScopedProtocol<LoadedImage>> {
    protocol::<LoadedImage>(image_handle())
}

/// The content of a section of the program that runs.
#[expect(unsafe_code, reason = "the program's own memory")]
#[must_use]
pub fn own_section(name: &str) -> Option<&'static [u8]> {
    let (base, length) = own()?.info();
    let length = usize::try_from(length).ok()?;
    if base.is_null() {
        return None;
    }
    // SAFETY: the firmware has loaded us there; the sections that are looked for are never written.
    let image = unsafe { core::slice::from_raw_parts(base.cast::<u8>(), length) };
    sections::find(image, name)
}

/// What the program that runs was started with.
#[must_use]
pub fn own_options() -> Vec<u8> {
    let own = own();
    let options = own.as_ref().and_then(|it| it.load_options_as_bytes());
    options.unwrap_or_default().to_vec()
}

/// Loads a program and starts it with `options`: comes back when it could not be loaded, or has
/// ended. Its pages are the firmware's, so that the signature it judged is of what is started.
#[expect(unsafe_code, reason = "load options are a pointer")]
pub fn start(program: &[u8], options: &[u16]) -> (Step, Status) {
    let source = LoadImageSource::FromBuffer {
        buffer: program,
        file_path: None,
    };
    let handle = match boot::load_image(image_handle(), source) {
        Ok(handle) => handle,
        Err(error) => return (Step::Load, error.status()),
    };
    let Some(mut image) = protocol::<LoadedImage>(handle) else {
        return (Step::Load, Status::NOT_FOUND);
    };
    let length = u32::try_from(size_of_val(options)).unwrap_or_default();
    // SAFETY: the options outlive the program, which has ended when this function does.
    unsafe { image.set_load_options(options.as_ptr().cast(), length) };
    drop(image);
    arm_watchdog();
    let status = match boot::start_image(handle) {
        Ok(()) => Status::SUCCESS,
        Err(error) => error.status(),
    };
    (Step::Start, status)
}

/// How far a program came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// It was not loaded.
    Load,
    /// It ran.
    Start,
}

/// The firmware restarts the box unless an operating system has taken over within this time: what
/// it does by itself when it starts a loader, begun anew for each program.
pub fn arm_watchdog() {
    let seconds = usize::try_from(WATCHDOG.as_secs()).unwrap_or_default();
    // A box without one starts all the same.
    let _armed = boot::set_watchdog_timer(seconds, WATCHDOG_CODE, None);
}

/// Whether the firmware starts only what is signed. Only for showing it.
#[must_use]
pub fn is_secure_boot() -> bool {
    let mut value = [0];
    let vendor = VariableVendor::GLOBAL_VARIABLE;
    let read = runtime::get_variable(cstr16!("SecureBoot"), &vendor, &mut value);
    read.is_ok_and(|(value, _)| value == [1])
}

/// UEFI 2.10 §3.1.2.
const WATCHDOG: Duration = Duration::from_secs(300);

/// Lower ones are the firmware's own.
const WATCHDOG_CODE: u64 = 0x1_0000;
