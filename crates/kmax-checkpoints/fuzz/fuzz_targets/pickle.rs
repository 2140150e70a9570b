//! A pickle of arrays, or PyTorch's legacy form.
#![no_main]

use kmax_checkpoints_fuzz::Folder;
use libfuzzer_sys::fuzz_target;

thread_local!(static FOLDER: Folder = Folder::new());

fuzz_target!(|bytes: &[u8]| FOLDER.with(|folder| folder.check("fuzzed.pkl", bytes)));
