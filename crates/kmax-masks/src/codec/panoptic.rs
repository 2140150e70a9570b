//! Panoptic PNGs, also those that are no RGB.

use std::collections::BTreeSet;

use png::{BitDepth, ColorType};

use super::{Raw, decode};
use crate::error::{Error, Result};
use crate::label_map::LabelMap;

/// The segment ids of a panoptic PNG.
///
/// # Errors
/// If the bytes are no PNG, too large, not 8-bit RGB, or have alpha that is seen through.
pub fn decode_panoptic(bytes: &[u8]) -> Result<LabelMap> {
    decode(bytes)?.rgb(id)
}

/// As [`decode_panoptic`], of an image whose segments are known: the PNG may be grey or have a palette, too.
///
/// Then there are two readings. The grey values or the indices are the ids themselves; or a tool that makes files smaller
/// saved the colours of an RGB image that way. The one holds whose ids are exactly those `listed`, 0 for void left out.
///
/// # Errors
/// As [`decode_panoptic`]; also if no reading gives the ids, or both do at different pixels.
pub fn decode_panoptic_of(bytes: &[u8], listed: &[u32]) -> Result<LabelMap> {
    let raw = decode(bytes)?;
    let as_colours: Colours = match (raw.color, raw.depth) {
        (ColorType::Grayscale, BitDepth::Sixteen) => Box::new(|_| None),
        (ColorType::Grayscale, depth) => {
            let white = (1 << depth as u32) - 1;
            // Fewer bits are spread over the whole range.
            Box::new(move |value| Some(id(value * 255 / white, value * 255 / white, value * 255 / white)))
        }
        (ColorType::Indexed, _) => Box::new(|index| colour(&raw, index)),
        _ => return raw.rgb(id),
    };
    let map = raw.values()?;
    let values = distinct(&map);
    let listed: BTreeSet<u32> = listed.iter().copied().collect();
    let as_values = fits(&values, &listed, Some);
    let as_colours_fit = fits(&values, &listed, &as_colours);
    match (as_values, as_colours_fit) {
        (Ok(()), Ok(())) if values.iter().any(|&value| as_colours(value) != Some(value)) => {
            let reason = "its values and its colours both give the ids of segments_info, at different pixels";
            Err(Error::Png(format!("{}: {reason}; save it as 8-bit RGB", form(&raw))))
        }
        (Ok(()), _) => Ok(map),
        // Every value has a colour, or it would not fit.
        (_, Ok(())) => Ok(map.map(|value| as_colours(value).unwrap_or_default())),
        (Err(by_value), Err(by_colour)) => {
            let reason = format!("by its values {by_value}, by its colours {by_colour}");
            Err(Error::Png(format!("{}: {reason}; save it as 8-bit RGB", form(&raw))))
        }
    }
}

/// The id that the colour of a value stands for; none where it has no colour that can be told.
type Colours<'a> = Box<dyn Fn(u32) -> Option<u32> + 'a>;

fn id(red: u32, green: u32, blue: u32) -> u32 {
    red | green << 8 | blue << 16
}

fn colour(raw: &Raw, index: u32) -> Option<u32> {
    let index = index as usize;
    if raw.opacity.get(index).is_some_and(|&opacity| opacity < 255) {
        return None;
    }
    let channels = raw.palette.get(3 * index..3 * index + 3)?;
    Some(id(channels[0].into(), channels[1].into(), channels[2].into()))
}

fn form(raw: &Raw) -> String {
    let color = if raw.color == ColorType::Indexed { "a palette" } else { "grey" };
    format!("{color} of {} bits", raw.depth as u8)
}

fn distinct(map: &LabelMap) -> BTreeSet<u32> {
    // Neighbours mostly hold the same value.
    map.data().chunk_by(|a, b| a == b).map(|run| run[0]).collect()
}

/// Whether a reading of the values gives the ids listed, or why not.
fn fits(
    values: &BTreeSet<u32>,
    listed: &BTreeSet<u32>,
    reading: impl Fn(u32) -> Option<u32>,
) -> std::result::Result<(), String> {
    let mut found = BTreeSet::new();
    for &value in values {
        found.insert(reading(value).ok_or_else(|| format!("{value} is no id"))?);
    }
    found.remove(&0);
    if let Some(id) = found.difference(listed).next() {
        return Err(format!("the id {id} is not in segments_info"));
    }
    match listed.difference(&found).next() {
        Some(id) => Err(format!("no pixel has the id {id} of segments_info")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{encode_labels, encode_labels_16, encode_panoptic};
    use png::Encoder;
    use proptest::prelude::*;

    fn encode(map: &LabelMap, color: ColorType, palette: &[u8], opacity: &[u8], bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(&mut out, map.width() as u32, map.height() as u32);
        encoder.set_color(color);
        if color == ColorType::Indexed {
            encoder.set_palette(palette.to_vec());
            encoder.set_trns(opacity.to_vec());
        }
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
        out
    }

    /// With a palette of these ids as colours.
    fn indexed(map: &LabelMap, colours: &[u32]) -> Vec<u8> {
        let palette: Vec<u8> = colours.iter().flat_map(|id| id.to_le_bytes().into_iter().take(3)).collect();
        let indices: Vec<u8> = map.data().iter().map(|&index| index as u8).collect();
        encode(map, ColorType::Indexed, &palette, &[], &indices)
    }

    fn row(data: &[u32]) -> LabelMap {
        LabelMap::new(data.len(), 1, data.to_vec()).unwrap()
    }

    fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let named = [name, data].concat();
        let crc = named.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(
                crc ^ u32::from(byte),
                |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 },
            )
        });
        [&(data.len() as u32).to_be_bytes()[..], &named, &(!crc).to_be_bytes()].concat()
    }

    /// An interlaced PNG (Adam7), uncompressed: of 8-bit RGB, or of grey with two bits.
    fn interlaced(map: &LabelMap, grey: bool) -> Vec<u8> {
        let mut rows = Vec::new();
        for [left, top, right, down] in
            [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]]
        {
            for row in map.rows().skip(top).step_by(down).filter(|row| row.len() > left) {
                // No filter.
                rows.push(0u8);
                let pixels: Vec<u32> = row.iter().copied().skip(left).step_by(right).collect();
                if grey {
                    let byte = |four: &[u32]| {
                        (0..4).fold(0, |byte, at| byte << 2 | four.get(at).unwrap_or(&0)) as u8
                    };
                    rows.extend(pixels.chunks(4).map(byte));
                } else {
                    rows.extend(pixels.iter().flat_map(|id| id.to_le_bytes().into_iter().take(3)));
                }
            }
        }
        let (a, b) = rows.iter().fold((1u32, 0u32), |(a, b), &byte| {
            let a = (a + u32::from(byte)) % 65_521;
            (a, (b + a) % 65_521)
        });
        let length = rows.len() as u16;
        let zlib = [
            &[0x78, 1, 1][..],
            &length.to_le_bytes(),
            &(!length).to_le_bytes(),
            &rows,
            &(b << 16 | a).to_be_bytes(),
        ];
        let size = [map.width() as u32, map.height() as u32].map(u32::to_be_bytes).concat();
        let form = if grey { [2, 0, 0, 0, 1] } else { [8, 2, 0, 0, 1] };
        let chunks = [
            chunk(b"IHDR", &[&size[..], &form].concat()),
            chunk(b"IDAT", &zlib.concat()),
            chunk(b"IEND", &[]),
        ];
        [b"\x89PNG\r\n\x1a\n", &chunks.concat()[..]].concat()
    }

    proptest! {
        #[test]
        fn interlaced_files_are_read(
            (width, data) in (1..20usize, 1..20usize).prop_flat_map(|(width, height)| {
                (Just(width), prop::collection::vec(0..1u32 << 24, width * height))
            }),
        ) {
            let map = LabelMap::new(width, data.len() / width, data).unwrap();
            prop_assert_eq!(&decode_panoptic(&interlaced(&map, false)).unwrap(), &map);
            let grey = map.map(|id| id % 4);
            prop_assert_eq!(&crate::codec::decode_labels(&interlaced(&grey, true)).unwrap(), &grey);
        }

        #[test]
        fn no_form_is_read_as_other_segments(
            indices in prop::collection::vec(0..6u32, 1..40),
            colours in prop::collection::vec(prop_oneof![0..6u32, 0..1u32 << 24], 6),
        ) {
            let map = row(&indices);
            let listed = |map: &LabelMap| distinct(map).into_iter().filter(|&id| id != 0).collect::<Vec<_>>();
            let (by_index, by_colour) = (listed(&map), map.map(|index| colours[index as usize]));
            let bytes = indexed(&map, &colours);
            for expected in [&map, &by_colour] {
                if let Ok(read) = decode_panoptic_of(&bytes, &listed(expected)) {
                    prop_assert_eq!(&read, expected);
                } else {
                    // The other reading gives the same ids.
                    prop_assert_eq!(&by_index, &listed(&by_colour));
                }
            }
            for bytes in [encode_labels(&map), encode_labels_16(&map), encode_panoptic(&map)] {
                prop_assert_eq!(&decode_panoptic_of(&bytes.unwrap(), &by_index).unwrap(), &map);
            }
        }
    }

    #[test]
    fn what_fits_no_reading_is_refused_with_both() {
        let message =
            |bytes: &[u8], listed: &[u32]| decode_panoptic_of(bytes, listed).unwrap_err().to_string();
        let bytes = indexed(&row(&[0, 1, 2]), &[0, 70_000, 9]);
        assert_eq!(decode_panoptic_of(&bytes, &[70_000, 9]).unwrap().data(), [0, 70_000, 9]);
        assert_eq!(decode_panoptic_of(&bytes, &[1, 2]).unwrap().data(), [0, 1, 2]);
        assert_eq!(
            message(&bytes, &[1, 2, 3]),
            "PNG: a palette of 8 bits: by its values no pixel has the id 3 of segments_info, by its colours the id 9 is \
             not in segments_info; save it as 8-bit RGB"
        );
        // The same ids, at other pixels.
        assert!(message(&indexed(&row(&[1, 2]), &[0, 2, 1]), &[1, 2]).contains("at different pixels"));
        // An index behind the palette's end.
        assert!(message(&indexed(&row(&[0, 7]), &[0]), &[9]).contains("by its colours 7 is no id"));
        assert!(message(&encode_labels_16(&row(&[0, 7])).unwrap(), &[9]).contains("grey of 16 bits"));
    }

    #[test]
    fn grey_that_was_rgb_is_told() {
        let grey = encode_labels(&row(&[0, 3])).unwrap();
        assert_eq!(decode_panoptic_of(&grey, &[3]).unwrap().data(), [0, 3]);
        assert_eq!(decode_panoptic_of(&grey, &[0x03_03_03]).unwrap().data(), [0, 0x03_03_03]);
        assert_eq!(decode_panoptic_of(&encode_labels(&row(&[0])).unwrap(), &[]).unwrap().data(), [0]);
    }

    #[test]
    fn alpha_must_be_opaque() {
        let map = row(&[1, 2]);
        let rgba = |opacity| encode(&map, ColorType::Rgba, &[], &[], &[1, 0, 0, 255, 2, 0, 0, opacity]);
        assert_eq!(decode_panoptic(&rgba(255)).unwrap(), map);
        let error = decode_panoptic(&rgba(254)).unwrap_err().to_string();
        assert!(error.contains("the pixel at x 1, y 0 is seen through"), "{error}");
        // Entries that are seen through have no colour.
        let bytes =
            |opacity: &[u8]| encode(&map, ColorType::Indexed, &[0, 0, 0, 8, 0, 0, 9, 0, 0], opacity, &[1, 2]);
        assert_eq!(decode_panoptic_of(&bytes(&[0, 255]), &[8, 9]).unwrap().data(), [8, 9]);
        assert!(decode_panoptic_of(&bytes(&[0, 0]), &[8, 9]).is_err());
    }
}
