#![no_main]
//! `fuzz::playout` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::playout(bytes));
