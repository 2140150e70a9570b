//! See [`kmax_fuzz::coco_panoptic`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kmax_fuzz::coco_panoptic(bytes));
