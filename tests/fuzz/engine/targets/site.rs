#![no_main]
//! `fuzz::site` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::site(bytes));
