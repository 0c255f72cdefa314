#![no_main]
//! `fuzz::stun` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::stun(bytes));
