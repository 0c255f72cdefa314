#![no_main]
//! `fuzz::certificate` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::certificate(bytes));
