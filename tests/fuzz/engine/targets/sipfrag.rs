#![no_main]
//! `fuzz::sipfrag` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::sipfrag(bytes));
