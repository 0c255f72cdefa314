#![no_main]
//! `fuzz::opus` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::opus(bytes));
