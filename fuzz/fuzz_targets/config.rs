//! See [`kmax_fuzz::config`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kmax_fuzz::config(bytes));
