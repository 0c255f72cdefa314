#![no_main]
//! `fuzz::ipc_frames` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::ipc_frames(bytes));
