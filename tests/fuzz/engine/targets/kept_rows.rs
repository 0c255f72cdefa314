#![no_main]
//! `fuzz::kept_rows` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::kept_rows(bytes));
