//! Nothing but the binaries in `targets`, which wrap the functions of `fuzz` for libFuzzer.
