#![no_main]
//! `fuzz::countries` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::countries(bytes));
