//! Writes tables and tensor bundles, byte for byte as TensorFlow's format has it, with knobs to damage them.

use std::fs;
use std::path::{Path, PathBuf};

/// How a table is cut into blocks.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// Entries in a block.
    pub per_block: usize,
    /// Entries from one restart point to the next.
    pub interval: usize,
    /// Whether blocks are compressed.
    pub snappy: bool,
}

impl Default for Layout {
    fn default() -> Self {
        Self { per_block: 1000, interval: 16, snappy: false }
    }
}

pub fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

pub fn put_varint(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// The contents of a block, without its trailer.
pub fn block(entries: &[(Vec<u8>, Vec<u8>)], interval: usize) -> Vec<u8> {
    let (mut block, mut restarts, mut last) = (Vec::new(), vec![0u32], &[][..]);
    for (index, (key, value)) in entries.iter().enumerate() {
        let mut shared = key.iter().zip(last).take_while(|(a, b)| a == b).count();
        if index % interval == 0 {
            shared = 0;
            if index > 0 {
                restarts.push(block.len() as u32);
            }
        }
        for length in [shared, key.len() - shared, value.len()] {
            put_varint(&mut block, length as u64);
        }
        block.extend(&key[shared..]);
        block.extend(value);
        last = key;
    }
    restarts.iter().for_each(|restart| block.extend(restart.to_le_bytes()));
    block.extend((restarts.len() as u32).to_le_bytes());
    block
}

/// Appends a block with its trailer; gives the size that goes into its handle.
pub fn append_block(file: &mut Vec<u8>, contents: &[u8], snappy: bool) -> u64 {
    let start = file.len();
    if snappy {
        file.extend(snap::raw::Encoder::new().compress_vec(contents).expect("compresses"));
    } else {
        file.extend(contents);
    }
    let size = file.len() - start;
    file.push(u8::from(snappy));
    let crc = masked(crc32c::crc32c(&file[start..]));
    file.extend(crc.to_le_bytes());
    size as u64
}

pub fn handle(offset: u64, size: u64) -> Vec<u8> {
    let mut handle = Vec::new();
    put_varint(&mut handle, offset);
    put_varint(&mut handle, size);
    handle
}

/// Appends the footer.
pub fn finish(mut file: Vec<u8>, index: &[u8]) -> Vec<u8> {
    let mut footer = handle(0, 0);
    footer.extend(index);
    footer.resize(40, 0);
    file.extend(footer);
    file.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    file
}

/// A whole table.
pub fn table(entries: &[(Vec<u8>, Vec<u8>)], layout: Layout) -> Vec<u8> {
    let (mut file, mut index) = (Vec::new(), Vec::new());
    for part in entries.chunks(layout.per_block) {
        let offset = file.len() as u64;
        let size = append_block(&mut file, &block(part, layout.interval), layout.snappy);
        index.push((part[part.len() - 1].0.clone(), handle(offset, size)));
    }
    let offset = file.len() as u64;
    let size = append_block(&mut file, &block(&index, 1), layout.snappy);
    finish(file, &handle(offset, size))
}

/// A protobuf field of wire type 0.
pub fn number(to: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(to, field << 3);
    put_varint(to, value);
}

/// A protobuf field of wire type 2.
pub fn message(to: &mut Vec<u8>, field: u64, value: &[u8]) {
    put_varint(to, field << 3 | 2);
    put_varint(to, value.len() as u64);
    to.extend(value);
}

/// The header of a bundle.
pub fn header(shards: u64) -> Vec<u8> {
    let (mut header, mut version) = (Vec::new(), Vec::new());
    number(&mut header, 1, shards);
    number(&mut version, 1, 1);
    message(&mut header, 3, &version);
    header
}

/// An entry of a bundle.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    pub dtype: u64,
    pub shape: Vec<u64>,
    pub shard: u64,
    pub offset: u64,
    pub size: u64,
    pub crc: u32,
    /// Per slice and axis, start and length.
    pub slices: Vec<Vec<(u64, u64)>>,
}

impl Entry {
    /// A float32 tensor whose bytes are `data`, found at `offset` of the first shard.
    pub fn float(shape: &[u64], offset: u64, data: &[u8]) -> Self {
        let crc = masked(crc32c::crc32c(data));
        Self { dtype: 1, shape: shape.to_vec(), offset, size: data.len() as u64, crc, ..Self::default() }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut entry = Vec::new();
        number(&mut entry, 1, self.dtype);
        let mut shape = Vec::new();
        for &size in &self.shape {
            let mut axis = Vec::new();
            number(&mut axis, 1, size);
            message(&mut shape, 2, &axis);
        }
        message(&mut entry, 2, &shape);
        for (field, value) in [(3, self.shard), (4, self.offset), (5, self.size)] {
            number(&mut entry, field, value);
        }
        put_varint(&mut entry, 6 << 3 | 5);
        entry.extend(self.crc.to_le_bytes());
        for slice in &self.slices {
            let mut proto = Vec::new();
            for &(start, length) in slice {
                let mut extent = Vec::new();
                number(&mut extent, 1, start);
                number(&mut extent, 2, length);
                message(&mut proto, 1, &extent);
            }
            message(&mut entry, 7, &proto);
        }
        entry
    }
}

/// Writes `ckpt.index` and one shard into `folder`; gives the index's path.
pub fn write_bundle(folder: &Path, tensors: &[(&str, Entry)], data: &[u8], layout: Layout) -> PathBuf {
    let mut entries = vec![(Vec::new(), header(1))];
    entries.extend(tensors.iter().map(|(name, entry)| (name.as_bytes().to_vec(), entry.encode())));
    entries.sort();
    let index = folder.join("ckpt.index");
    fs::write(&index, table(&entries, layout)).expect("writes the index");
    fs::write(folder.join("ckpt.data-00000-of-00001"), data).expect("writes the shard");
    index
}
