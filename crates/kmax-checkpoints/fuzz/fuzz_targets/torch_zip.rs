//! PyTorch's archive: its bytes as they are, or a sound archive around a fuzzed pickle.
#![no_main]

use kmax_checkpoints_fuzz::{Folder, pickle};
use libfuzzer_sys::fuzz_target;

thread_local!(static FOLDER: Folder = Folder::new());

fuzz_target!(|bytes: &[u8]| FOLDER.with(|folder| {
    if bytes.starts_with(b"PK") {
        folder.check("fuzzed.pth", bytes);
    } else {
        let storages: [(&str, &[u8]); 2] = [("0", &[1; 64]), ("1", &[2; 24])];
        folder.check("fuzzed.pth", &pickle::zip(bytes, &storages, bytes.len() % 2 == 0));
    }
}));
