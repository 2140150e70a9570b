//! See [`kmax_fuzz::panoptic_png`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kmax_fuzz::panoptic_png(bytes));
