//! `/init` of the initramfs and `/sbin/init` of the root; see the library for what it does.
//!
//! It has no `main` of the usual kind: before that, the standard library opens `/dev/null` for
//! standard descriptors that are closed and aborts when it cannot, and there is no `/dev` yet.
#![no_main]
#![expect(unsafe_code, reason = "the entry point is a C function")]

/// Where the C library's start-up code goes.
// SAFETY: no other function of that name is linked in; this one takes no arguments, which C allows.
#[unsafe(no_mangle)]
pub extern "C" fn main() -> i32 {
    init::main_of_pid_1();
    1
}
