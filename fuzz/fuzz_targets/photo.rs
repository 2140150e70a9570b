//! See [`kmax_fuzz::photo`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kmax_fuzz::photo(bytes));
