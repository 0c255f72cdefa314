#![no_main]
//! `fuzz::sdp` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sdp(bytes));
