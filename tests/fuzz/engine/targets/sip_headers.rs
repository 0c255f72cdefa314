#![no_main]
//! `fuzz::sip_headers` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sip_headers(bytes));
