//! TIFF files: a photo whose first bytes say so. See [`kmax_fuzz::photo`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let head: &[u8] = if bytes.len() % 2 == 0 { b"II*\0" } else { b"MM\0*" };
    kmax_fuzz::photo(&[head, bytes].concat());
});
