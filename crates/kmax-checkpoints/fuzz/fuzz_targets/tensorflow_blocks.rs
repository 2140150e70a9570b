//! The contents of an index: blocks with right checksums around fuzzed bytes, and entries around fuzzed messages.
#![no_main]

use kmax_checkpoints_fuzz::{Folder, table};
use libfuzzer_sys::fuzz_target;

thread_local!(static FOLDER: Folder = Folder::new());

fuzz_target!(|bytes: &[u8]| {
    let Some((&mode, bytes)) = bytes.split_first() else { return };
    let file = match mode % 4 {
        0 => block(bytes, false),
        // The compressed form itself.
        1 => {
            let mut file = bytes.to_vec();
            file.push(1);
            let crc = table::masked(crc32c::crc32c(&file));
            file.extend(crc.to_le_bytes());
            finish(file, bytes.len() as u64)
        }
        2 => entry(b"x", bytes),
        // The entry of a partitioned variable and that of a slice.
        _ => {
            let (whole, piece) = bytes.split_at(bytes.len() / 2);
            let entries = [
                (Vec::new(), table::header(1)),
                (b"\x00x\x00\x01\x01\x01\x80\x84".to_vec(), piece.to_vec()),
                (b"x".to_vec(), whole.to_vec()),
            ];
            table::table(&entries, table::Layout::default())
        }
    };
    FOLDER.with(|folder| folder.check("fuzzed.index", &file));
});

fn entry(name: &[u8], bytes: &[u8]) -> Vec<u8> {
    table::table(&[(Vec::new(), table::header(1)), (name.to_vec(), bytes.to_vec())], table::Layout::default())
}

fn block(contents: &[u8], snappy: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let size = table::append_block(&mut file, contents, snappy);
    finish(file, size)
}

/// A table of the one block at the start of `file`.
fn finish(mut file: Vec<u8>, size: u64) -> Vec<u8> {
    let index = table::block(&[(b"~".to_vec(), table::handle(0, size))], 1);
    let offset = file.len() as u64;
    let size = table::append_block(&mut file, &index, false);
    table::finish(file, &table::handle(offset, size))
}
