//! See [`kmax_fuzz::rle`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kmax_fuzz::rle(bytes));
