#![no_main]
//! `fuzz::stream` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::stream(bytes));
