#![no_main]
//! `fuzz::sip_message` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sip_message(bytes));
