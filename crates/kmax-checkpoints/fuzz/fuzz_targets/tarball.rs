//! Archives: their bytes as they are, or compressed soundly.
#![no_main]

use std::io::Write;

use kmax_checkpoints_fuzz::Folder;
use libfuzzer_sys::fuzz_target;

thread_local!(static FOLDER: Folder = Folder::new());

fuzz_target!(|bytes: &[u8]| FOLDER.with(|folder| {
    folder.check("fuzzed.tar", bytes);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    if encoder.write_all(bytes).is_ok()
        && let Ok(packed) = encoder.finish()
    {
        folder.check("fuzzed.tar.gz", &packed);
    }
}));
