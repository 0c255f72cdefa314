#![no_main]
//! `fuzz::rtcp` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::rtcp(bytes));
