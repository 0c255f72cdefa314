#![no_main]
//! `fuzz::multipart` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::multipart(bytes));
