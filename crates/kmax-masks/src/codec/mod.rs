//! Maps to and from PNG bytes.
//!
//! | form | channels | what a pixel is |
//! | --- | --- | --- |
//! | panoptic (COCO, ADE20K, Cityscapes) | RGB | segment id = R + 256 G + 65536 B |
//! | panoptic, as other tools save it | grey, palette | see [`decode_panoptic_of`] |
//! | labels (`labelIds`, ADE20K semantic, masks) | 8-bit grey or palette | the class |
//! | Cityscapes `instanceIds` | 16-bit grey | [`crate::cityscapes::split`] |
//! | two-channel (panopticapi, deeplab2) | RGB | R = class, G = instance |
//! | three-channel (deeplab2) | RGB | R = class, instance = 256 G + B |

mod panoptic;

use std::io::{Cursor, Write};

use kmax_base::read::check_memory;
use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Transformations};

use crate::error::{Error, Result};
use crate::label_map::LabelMap;
use crate::limits::{MAX_PIXELS, checked_pixels};

pub use panoptic::{decode_panoptic, decode_panoptic_of};

/// Bytes of a part of the packed rows.
const IDAT: usize = 1 << 16;

/// The largest id of the panoptic form.
pub const MAX_PANOPTIC_ID: u32 = (1 << 24) - 1;

/// What deeplab2 saves: a class and an instance number for each pixel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoChannel {
    /// The class of each pixel.
    pub semantic: LabelMap,
    /// The instance number of each pixel, 0 for stuff.
    pub instance: LabelMap,
}

/// The pixels of a PNG as stored, without any change of palette or depth.
struct Raw {
    width: usize,
    height: usize,
    color: ColorType,
    depth: BitDepth,
    bytes: Vec<u8>,
    /// Red, green and blue of each entry.
    palette: Vec<u8>,
    /// The opacity of entries of the palette; those behind its end are opaque.
    opacity: Vec<u8>,
}

fn png_error(error: impl std::fmt::Display) -> Error {
    Error::Png(error.to_string())
}

fn decode(bytes: &[u8]) -> Result<Raw> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(png_error)?;
    let info = reader.info();
    let (width, height) = (info.width as usize, info.height as usize);
    checked_pixels(width, height)?;
    let owned = |bytes: &Option<std::borrow::Cow<[u8]>>| bytes.as_deref().unwrap_or_default().to_vec();
    let (palette, opacity) = (owned(&info.palette), owned(&info.trns));
    let len = reader.output_buffer_size().ok_or(Error::TooLarge { width, height, most: MAX_PIXELS })?;
    // As stored, and as the map that is made of it.
    let needed = len as u64 + 4 * width as u64 * height as u64;
    check_memory(needed).map_err(|error| Error::Memory { width, height, reason: error.to_string() })?;
    let mut data = vec![0; len];
    let frame = reader.next_frame(&mut data).map_err(png_error)?;
    data.truncate(frame.buffer_size());
    Ok(Raw { width, height, color: frame.color_type, depth: frame.bit_depth, bytes: data, palette, opacity })
}

impl Raw {
    fn unexpected(&self, wanted: &str) -> Error {
        Error::Png(format!("{:?} of depth {:?}, expected {wanted}", self.color, self.depth))
    }

    /// One id per pixel of an 8-bit RGB image, or of an RGBA one without a pixel that is seen through.
    fn rgb(&self, id: impl Fn(u32, u32, u32) -> u32) -> Result<LabelMap> {
        let channels = match (self.color, self.depth) {
            (ColorType::Rgb, BitDepth::Eight) => 3,
            (ColorType::Rgba, BitDepth::Eight) => 4,
            _ => return Err(self.unexpected("8-bit RGB")),
        };
        let pixels = self.bytes.chunks_exact(channels);
        if let Some(at) = pixels.clone().position(|pixel| pixel.get(3).is_some_and(|&opacity| opacity < 255))
        {
            let (x, y) = (at % self.width, at / self.width);
            return Err(Error::Png(format!(
                "the pixel at x {x}, y {y} is seen through; save it without alpha"
            )));
        }
        let data = pixels.map(|p| id(p[0].into(), p[1].into(), p[2].into())).collect();
        LabelMap::new(self.width, self.height, data)
    }

    /// The values of a grey image of 1 to 16 bits, or the indices of one with a palette.
    fn values(&self) -> Result<LabelMap> {
        if !matches!(self.color, ColorType::Grayscale | ColorType::Indexed) {
            return Err(self.unexpected("grey or a palette"));
        }
        let data: Vec<u32> = match self.depth {
            BitDepth::Eight => self.bytes.iter().map(|&byte| byte.into()).collect(),
            BitDepth::Sixteen => {
                self.bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]).into()).collect()
            }
            // Pixels of fewer bits are packed, the first in the highest bits; each row begins a new byte.
            packed => {
                let bits = packed as usize;
                let row_bytes = (self.width * bits).div_ceil(8).max(1);
                let pixel = |row: &[u8], x: usize| {
                    u32::from(row[x * bits / 8] >> (8 - bits - x * bits % 8)) & ((1 << bits) - 1)
                };
                self.bytes
                    .chunks_exact(row_bytes)
                    .flat_map(|row| (0..self.width).map(move |x| pixel(row, x)))
                    .collect()
            }
        };
        LabelMap::new(self.width, self.height, data)
    }
}

/// The values of a grey PNG of 1 to 16 bits (`labelIds`, `instanceIds`, masks), or the indices of one with a
/// palette.
///
/// # Errors
/// If the bytes are no PNG, too large, or in colour.
pub fn decode_labels(bytes: &[u8]) -> Result<LabelMap> {
    decode(bytes)?.values()
}

/// Class and instance of the two-channel form.
///
/// # Errors
/// If the bytes are no PNG, too large, or not 8-bit RGB.
pub fn decode_two_channel(bytes: &[u8]) -> Result<TwoChannel> {
    let raw = decode(bytes)?;
    Ok(TwoChannel { semantic: raw.rgb(|r, _, _| r)?, instance: raw.rgb(|_, g, _| g)? })
}

/// Class and instance of deeplab2's three-channel form.
///
/// # Errors
/// If the bytes are no PNG, too large, or not 8-bit RGB.
pub fn decode_three_channel(bytes: &[u8]) -> Result<TwoChannel> {
    let raw = decode(bytes)?;
    Ok(TwoChannel { semantic: raw.rgb(|r, _, _| r)?, instance: raw.rgb(|_, g, b| g << 8 | b)? })
}

/// Row by row, so that a large map is never there a second time: `bytes` are those of a value.
fn encode<const N: usize>(
    map: &LabelMap,
    color: ColorType,
    depth: BitDepth,
    bytes: impl Fn(u32) -> [u8; N],
) -> Result<Vec<u8>> {
    let rows = map.rows().map(|row| row.iter().flat_map(|&value| bytes(value)).collect::<Vec<u8>>());
    encode_rows(map, color, depth, rows)
}

fn encode_rows(
    map: &LabelMap,
    color: ColorType,
    depth: BitDepth,
    rows: impl Iterator<Item = Vec<u8>>,
) -> Result<Vec<u8>> {
    let (width, height) = (map.width(), map.height());
    // The number of pixels is bounded, but width or height of an empty map is not.
    let small =
        |value: usize| u32::try_from(value).map_err(|_| Error::TooLarge { width, height, most: MAX_PIXELS });
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, small(width)?, small(height)?);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(Compression::Balanced);
    let mut writer = encoder.write_header().map_err(png_error)?;
    let mut stream = writer.stream_writer_with_size(IDAT).map_err(png_error)?;
    for row in rows {
        stream.write_all(&row).map_err(png_error)?;
    }
    stream.finish().map_err(png_error)?;
    writer.finish().map_err(png_error)?;
    Ok(out)
}

fn at_most(map: &LabelMap, what: &'static str, max: u32) -> Result<()> {
    match map.data().iter().find(|&&value| value > max) {
        Some(&value) => Err(Error::Range { what, value: value.into(), max: max.into() }),
        None => Ok(()),
    }
}

/// A panoptic PNG.
///
/// # Errors
/// If an id is above [`MAX_PANOPTIC_ID`], or the map has no pixel.
pub fn encode_panoptic(map: &LabelMap) -> Result<Vec<u8>> {
    at_most(map, "segment id", MAX_PANOPTIC_ID)?;
    encode(map, ColorType::Rgb, BitDepth::Eight, |id| {
        let [red, green, blue, _] = id.to_le_bytes();
        [red, green, blue]
    })
}

/// An 8-bit grey PNG of classes.
///
/// # Errors
/// If a value is above 255, or the map has no pixel.
pub fn encode_labels(map: &LabelMap) -> Result<Vec<u8>> {
    at_most(map, "label", u8::MAX.into())?;
    encode(map, ColorType::Grayscale, BitDepth::Eight, |value| [value as u8])
}

/// A 16-bit grey PNG (Cityscapes `instanceIds`).
///
/// # Errors
/// If a value is above 65535, or the map has no pixel.
pub fn encode_labels_16(map: &LabelMap) -> Result<Vec<u8>> {
    at_most(map, "label", u16::MAX.into())?;
    encode(map, ColorType::Grayscale, BitDepth::Sixteen, |value| (value as u16).to_be_bytes())
}

/// The two-channel form.
///
/// # Errors
/// If the sizes differ, or a class or an instance number is above 255.
pub fn encode_two_channel(maps: &TwoChannel) -> Result<Vec<u8>> {
    at_most(&maps.instance, "instance", u8::MAX.into())?;
    encode_channels(maps, |instance| [instance as u8, 0])
}

/// deeplab2's three-channel form.
///
/// # Errors
/// If the sizes differ, a class is above 255, or an instance number above 65535.
pub fn encode_three_channel(maps: &TwoChannel) -> Result<Vec<u8>> {
    at_most(&maps.instance, "instance", u16::MAX.into())?;
    encode_channels(maps, |instance| (instance as u16).to_be_bytes())
}

fn encode_channels(maps: &TwoChannel, instance_bytes: impl Fn(u32) -> [u8; 2]) -> Result<Vec<u8>> {
    maps.semantic.same_size(&maps.instance)?;
    at_most(&maps.semantic, "class", u8::MAX.into())?;
    let pixel = |(&class, &instance): (&u32, &u32)| {
        let [g, b] = instance_bytes(instance);
        [class as u8, g, b]
    };
    let rows = maps.semantic.rows().zip(maps.instance.rows());
    let rows = rows.map(|(classes, instances)| classes.iter().zip(instances).flat_map(pixel).collect());
    encode_rows(&maps.semantic, ColorType::Rgb, BitDepth::Eight, rows)
}

impl TwoChannel {
    /// One map of `class * divisor + instance` (deeplab2's panoptic label).
    ///
    /// # Errors
    /// If the sizes differ, an instance number is not below `divisor`, or the product does not fit 32 bits.
    pub fn combine(&self, divisor: u32) -> Result<LabelMap> {
        self.semantic.same_size(&self.instance)?;
        at_most(&self.instance, "instance", divisor.saturating_sub(1))?;
        let pixels = self.semantic.data().iter().zip(self.instance.data());
        let combined = pixels.map(|(&class, &instance)| {
            let label = u64::from(class) * u64::from(divisor) + u64::from(instance);
            u32::try_from(label).map_err(|_| Error::Range {
                what: "panoptic label",
                value: label,
                max: u32::MAX.into(),
            })
        });
        LabelMap::new(self.semantic.width(), self.semantic.height(), combined.collect::<Result<_>>()?)
    }

    /// Class and instance of a map of `class * divisor + instance`; a divisor of 0 counts as 1.
    pub fn split(map: &LabelMap, divisor: u32) -> Self {
        let divisor = divisor.max(1);
        Self { semantic: map.map(|label| label / divisor), instance: map.map(|label| label % divisor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn maps(max: u32) -> impl Strategy<Value = LabelMap> {
        (1..20usize, 1..20usize).prop_flat_map(move |(width, height)| {
            prop::collection::vec(0..=max, width * height)
                .prop_map(move |data| LabelMap::new(width, height, data).unwrap())
        })
    }

    proptest! {
        #[test]
        fn panoptic_survives(map in maps(MAX_PANOPTIC_ID)) {
            prop_assert_eq!(decode_panoptic(&encode_panoptic(&map).unwrap()).unwrap(), map);
        }

        #[test]
        fn labels_survive(map in maps(255), deep in maps(65_535)) {
            prop_assert_eq!(decode_labels(&encode_labels(&map).unwrap()).unwrap(), map);
            prop_assert_eq!(decode_labels(&encode_labels_16(&deep).unwrap()).unwrap(), deep);
        }

        #[test]
        fn channels_survive(map in maps(256 * 256 - 1)) {
            let small = TwoChannel::split(&map, 256);
            prop_assert_eq!(&decode_two_channel(&encode_two_channel(&small).unwrap()).unwrap(), &small);
            prop_assert_eq!(&decode_three_channel(&encode_three_channel(&small).unwrap()).unwrap(), &small);
            prop_assert_eq!(small.combine(256).unwrap(), map);
        }

        #[test]
        fn cut_or_changed_bytes_never_panic(map in maps(300), cut in 0..400usize, flip in 0..400usize) {
            let mut bytes = encode_panoptic(&map).unwrap();
            let len = bytes.len();
            bytes[flip % len] ^= 0x55;
            let _ = decode_panoptic(&bytes);
            let _ = decode_labels(&bytes);
            prop_assert!(decode_panoptic(&encode_panoptic(&map).unwrap()[..cut.min(len - 13)]).is_err());
        }
    }

    #[test]
    fn forms_are_not_confused() {
        let map = LabelMap::new(2, 2, vec![0, 1, 2, 3]).unwrap();
        let (rgb, grey) = (encode_panoptic(&map).unwrap(), encode_labels(&map).unwrap());
        assert!(matches!(decode_labels(&rgb), Err(Error::Png(_))));
        assert!(matches!(decode_panoptic(&grey), Err(Error::Png(_))));
        assert!(decode_panoptic(&encode_labels_16(&map).unwrap()).is_err());
        assert!(matches!(encode_labels(&map.map(|v| v + 254)), Err(Error::Range { value: 256, .. })));
        assert!(encode_panoptic(&map.map(|_| 1 << 24)).is_err());
    }

    #[test]
    fn packed_pixels_are_unpacked() {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 5, 2);
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Two);
        encoder.set_palette(vec![0u8; 12]);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[0b00_01_10_11, 0b01_00_00_00, 0b11_11_00_00, 0b10_00_00_00]).unwrap();
        writer.finish().unwrap();
        assert_eq!(decode_labels(&bytes).unwrap().data(), [0, 1, 2, 3, 1, 3, 3, 0, 0, 2]);
    }

    #[test]
    fn a_header_of_impossible_size_allocates_nothing() {
        let map = LabelMap::new(1, 1, vec![0]).unwrap();
        let mut bytes = encode_panoptic(&map).unwrap();
        // Width and height lie at 16..24, after the signature and the name of the first chunk.
        bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        assert!(decode_panoptic(&bytes).is_err());
    }
}
