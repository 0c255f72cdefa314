#![no_main]
//! `fuzz::passkey` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::passkey(bytes));
