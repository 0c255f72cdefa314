#![no_main]
//! `fuzz::slot_blocks` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::slot_blocks(bytes));
