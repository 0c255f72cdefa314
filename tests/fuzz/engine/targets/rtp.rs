#![no_main]
//! `fuzz::rtp` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::rtp(bytes));
