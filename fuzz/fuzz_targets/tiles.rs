//! See [`kmax_fuzz::tiles`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kmax_fuzz::tiles(bytes));
