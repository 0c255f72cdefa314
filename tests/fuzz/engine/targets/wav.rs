#![no_main]
//! `fuzz::wav` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::wav(bytes));
