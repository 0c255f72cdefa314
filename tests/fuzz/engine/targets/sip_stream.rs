#![no_main]
//! `fuzz::sip_stream` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sip_stream(bytes));
