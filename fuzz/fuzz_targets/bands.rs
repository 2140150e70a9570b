//! See [`kmax_fuzz::bands`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kmax_fuzz::bands(bytes));
