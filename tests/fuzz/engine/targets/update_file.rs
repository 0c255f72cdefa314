#![no_main]
//! `fuzz::update_file` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::update_file(bytes));
