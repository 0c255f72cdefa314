#![no_main]
//! `fuzz::exchange` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::exchange(bytes));
