#![no_main]
//! `fuzz::dtmf` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::dtmf(bytes));
