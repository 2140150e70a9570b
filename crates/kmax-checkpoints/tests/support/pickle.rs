//! Writes pickles, PyTorch archives and legacy files opcode by opcode, so that they can lie.

use std::io::{Cursor, Write};

use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

/// A text, as BINUNICODE.
pub fn text(value: &str) -> Vec<u8> {
    [b"X", &(value.len() as u32).to_le_bytes()[..], value.as_bytes()].concat()
}

/// An integer, as LONG1 of eight bytes.
pub fn int(value: i64) -> Vec<u8> {
    [&[0x8a, 8], &value.to_le_bytes()[..]].concat()
}

/// A tuple of integers.
pub fn ints(values: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), values.iter().flat_map(|&value| int(value)).collect(), b"t".to_vec()].concat()
}

/// A pickle of a dictionary of one value.
pub fn state_dict(name: &str, value: &[u8]) -> Vec<u8> {
    [b"\x80\x02}", &text(name)[..], value, b"s."].concat()
}

/// A NumPy array as protocol 3 has it.
pub fn numpy_array(shape: &[i64], dtype: &str, data: &[u8]) -> Vec<u8> {
    [
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R(K\x01".to_vec(),
        ints(shape),
        b"cnumpy\ndtype\n".to_vec(),
        text(dtype),
        b"\x89\x88\x87R(K\x03X\x01\0\0\0<NNNK\0K\0K\0tb\x89B".to_vec(),
        (data.len() as u32).to_le_bytes().to_vec(),
        data.to_vec(),
        b"tb".to_vec(),
    ]
    .concat()
}

/// A float32 tensor as PyTorch writes it.
pub fn torch_tensor(key: &str, elements: i64, offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text(key),
        text("cpu"),
        int(elements),
        b"tQ".to_vec(),
        int(offset),
        ints(shape),
        ints(strides),
        b"\x89ccollections\nOrderedDict\n)RtR".to_vec(),
    ]
    .concat()
}

/// A dictionary of `depth` levels, each of which holds the next one twice.
pub fn doubling(depth: usize) -> Vec<u8> {
    let mut bytes = b"\x80\x02}".to_vec();
    for _ in 0..depth {
        // (inner) -> memo 0; } a inner s b inner s
        bytes.extend(b"q\x000}");
        bytes.extend(text("a"));
        bytes.extend(b"h\0s");
        bytes.extend(text("b"));
        bytes.extend(b"h\0s");
    }
    bytes.push(b'.');
    bytes
}

/// A zip archive of named files, each deflated or not.
pub fn zip_of(files: &[(&str, &[u8], bool)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes, deflated) in files {
        let method = if *deflated { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).expect("starts");
        writer.write_all(bytes).expect("writes");
    }
    writer.finish().expect("finishes").into_inner()
}

/// An archive as torch.save writes it.
pub fn zip(pickle: &[u8], storages: &[(&str, &[u8])], deflated: bool) -> Vec<u8> {
    let names: Vec<String> = storages.iter().map(|(key, _)| format!("archive/data/{key}")).collect();
    let mut files = vec![("archive/data.pkl", pickle, deflated)];
    files.extend(names.iter().zip(storages).map(|(name, (_, bytes))| (name.as_str(), *bytes, deflated)));
    zip_of(&files)
}

/// A file as torch.save wrote it before PyTorch 1.6; per storage the key, the announced elements and the bytes.
pub fn legacy(pickle: &[u8], storages: &[(&str, u64, &[u8])]) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.".to_vec();
    file.extend(b"\x80\x02}");
    file.extend(text("little_endian"));
    file.extend(b"\x88s.");
    file.extend(pickle);
    file.extend(b"\x80\x02](");
    storages.iter().for_each(|(key, ..)| file.extend(text(key)));
    file.extend(b"e.");
    for (_, count, bytes) in storages {
        file.extend(count.to_le_bytes());
        file.extend(*bytes);
    }
    file
}

pub fn replace_all(bytes: &mut [u8], from: &[u8; 4], to: &[u8; 4]) {
    for at in 0..bytes.len().saturating_sub(3) {
        if bytes[at..at + 4] == *from {
            bytes[at..at + 4].copy_from_slice(to);
        }
    }
}
