#![no_main]
//! `fuzz::digest` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::digest(bytes));
