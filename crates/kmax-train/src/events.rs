//! TensorBoard's event files: records with masked CRC-32C around small protocol buffers (`tensorflow/core/util/event.proto`).

use crc32c::crc32c;

/// What the first record says.
const VERSION: &str = "brain.Event:2";

/// A whole file's beginning.
pub(crate) fn header(seconds: f64) -> Vec<u8> {
    let mut event = double(1, seconds);
    event.extend(bytes(3, VERSION.as_bytes()));
    record(&event)
}

/// Numbers of a step, by name, as one record.
pub(crate) fn scalars(seconds: f64, step: u64, values: &[(String, f64)]) -> Vec<u8> {
    let mut summary = Vec::new();
    for (name, value) in values {
        let mut row = bytes(1, name.as_bytes());
        row.push(2 << 3 | 5);
        row.extend((*value as f32).to_le_bytes());
        summary.extend(bytes(1, &row));
    }
    let mut event = double(1, seconds);
    event.push(2 << 3);
    varint(&mut event, step);
    event.extend(bytes(5, &summary));
    record(&event)
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(data.len() + 16);
    out.extend(length);
    out.extend(masked(&length).to_le_bytes());
    out.extend(data);
    out.extend(masked(data).to_le_bytes());
    out
}

/// The checksum of a record's part, turned so that checksums of data that hold checksums do not agree by chance.
fn masked(data: &[u8]) -> u32 {
    crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn double(field: u8, value: f64) -> Vec<u8> {
    let mut out = vec![field << 3 | 1];
    out.extend(value.to_le_bytes());
    out
}

fn bytes(field: u8, data: &[u8]) -> Vec<u8> {
    let mut out = vec![field << 3 | 2];
    varint(&mut out, data.len() as u64);
    out.extend(data);
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_of_tensorflow() {
        // Wall time 1.5, step 300, a summary of one value: tag `a`, 0.25.
        let event = scalars(1.5, 300, &[("a".into(), 0.25)]);
        let expected = [
            9, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x10, 0xac, 0x02, 0x2a, 0x0a, 0x0a, 0x08, 0x0a, 0x01, b'a',
            0x15, 0, 0, 0x80, 0x3e,
        ];
        assert_eq!(event[12..event.len() - 4], expected);
        assert_eq!(event[..8], (expected.len() as u64).to_le_bytes());
        // The checksum of RFC 3720 of 32 zeros, masked.
        assert_eq!(masked(&[0; 32]), 0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8));
        assert!(header(0.0).windows(VERSION.len()).any(|part| part == VERSION.as_bytes()));
    }
}
