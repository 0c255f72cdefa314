#![no_main]
//! `fuzz::srtp` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::srtp(bytes));
