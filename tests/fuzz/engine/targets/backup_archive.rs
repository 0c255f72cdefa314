#![no_main]
//! `fuzz::backup_archive` for libFuzzer.

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::backup_archive(bytes));
