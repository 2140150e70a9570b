//! Tensors of strings: lengths as varints, the lengths' checksum, then the bytes of all elements.

use super::block::masked_crc;
use crate::error::Parse;
use crate::wire::Wire;

/// The `count` strings in `bytes`, checked against both checksums.
pub(crate) fn parse(bytes: &[u8], count: usize, stored: u32) -> Result<Vec<Vec<u8>>, String> {
    // A length takes a byte at least, so this bounds what is allocated.
    if count > bytes.len() {
        return Err(format!("{count} strings in {} bytes", bytes.len()));
    }
    let mut wire = Wire::new(bytes);
    let mut read = || -> Parse<_> {
        let (mut crc, mut lengths) = (0, Vec::with_capacity(count));
        for _ in 0..count {
            let length = wire.varint()?;
            // Lengths enter the checksum as fixed-width numbers, of the width that they need.
            crc = match u32::try_from(length) {
                Ok(short) => crc32c::crc32c_append(crc, &short.to_le_bytes()),
                Err(_) => crc32c::crc32c_append(crc, &length.to_le_bytes()),
            };
            lengths.push(length);
        }
        let expected = wire.fixed32()?;
        if expected != masked_crc(crc) {
            return Err(
                wire.fault(format!("lengths have checksum {expected:08x}, computed {:08x}", masked_crc(crc)))
            );
        }
        crc = crc32c::crc32c_append(crc, &expected.to_le_bytes());
        let mut strings = Vec::with_capacity(count);
        for length in lengths {
            let string = wire.bytes(length)?;
            crc = crc32c::crc32c_append(crc, string);
            strings.push(string.to_vec());
        }
        if !wire.is_empty() {
            return Err(wire.fault("bytes are left after the last string"));
        }
        Ok((strings, masked_crc(crc)))
    };
    let (strings, computed) =
        read().map_err(|fault| format!("byte {} of its own: {}", fault.at, fault.reason()))?;
    if computed != stored {
        return Err(format!("checksum {stored:08x}, but its {} bytes have {computed:08x}", bytes.len()));
    }
    Ok(strings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensorflow::writer::put_varint;
    use proptest::prelude::*;

    /// The stored form and its checksum.
    fn encode(strings: &[Vec<u8>]) -> (Vec<u8>, u32) {
        let (mut bytes, mut crc) = (Vec::new(), 0);
        for string in strings {
            put_varint(&mut bytes, string.len() as u64);
            crc = crc32c::crc32c_append(crc, &(string.len() as u32).to_le_bytes());
        }
        let lengths = masked_crc(crc).to_le_bytes();
        crc = crc32c::crc32c_append(crc, &lengths);
        bytes.extend(lengths);
        for string in strings {
            crc = crc32c::crc32c_append(crc, string);
            bytes.extend(string);
        }
        (bytes, masked_crc(crc))
    }

    proptest! {
        #[test]
        fn strings_survive_and_damage_shows(strings: Vec<Vec<u8>>, bit in 0usize..8, at: prop::sample::Index) {
            let (mut bytes, crc) = encode(&strings);
            prop_assert_eq!(parse(&bytes, strings.len(), crc), Ok(strings.clone()));
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert!(parse(&bytes, strings.len(), crc).is_err());
        }
    }

    #[test]
    fn counts_and_lengths_beyond_the_bytes_are_refused() {
        assert!(parse(&[0; 8], usize::MAX, 0).is_err());
        let mut bytes = Vec::new();
        put_varint(&mut bytes, u64::MAX);
        let crc = masked_crc(crc32c::crc32c(&u64::MAX.to_le_bytes()));
        bytes.extend(crc.to_le_bytes());
        assert!(parse(&bytes, 1, 0).is_err_and(|e| e.contains("announced")));
    }
}
