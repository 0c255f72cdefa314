#![no_main]
//! `fuzz::provisioning` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::provisioning(bytes));
