//! See [`kmax_fuzz::polygon`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kmax_fuzz::polygon(bytes));
