#![no_main]
//! `fuzz::pages` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::pages(bytes));
