#![no_main]
//! `fuzz::partition_table` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::partition_table(bytes));
