//! PNGs whose colours mean something.

use std::io::Cursor;
use std::path::Path;

use kmax_base::read::check_memory;
use kmax_masks::{LabelMap, MAX_PIXELS, codec};
use png::{ColorType, Decoder, Transformations};

use crate::error::{Error, Result};
use crate::files;

/// A colour as one number: 65536 R + 256 G + B.
pub(super) fn number([r, g, b]: [u8; 3]) -> u32 {
    u32::from(r) << 16 | u32::from(g) << 8 | u32::from(b)
}

/// The colour that Pascal VOC gives to a class or an object: its bits, three at a time, from the highest of red, green and blue on.
pub(super) fn of_place(place: u32) -> [u8; 3] {
    let channel = |first: u32| {
        (0..8).fold(0u8, |value, bit| value | ((place >> (first + 3 * bit) & 1) as u8) << (7 - bit))
    };
    [0, 1, 2].map(channel)
}

/// A picture as its colours and, where it is grey or has a palette, as its values.
pub(super) struct Coloured {
    pub colours: LabelMap,
    pub values: Option<LabelMap>,
}

/// # Errors
/// If the file is no PNG of 8 bits or less, is too large, or a pixel is seen through.
pub(super) fn read(file: &Path) -> Result<Coloured> {
    let bytes = files::read(file)?;
    let fail = |reason: String| Error::file(file, reason);
    let mut decoder = Decoder::new(Cursor::new(&bytes));
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|error| fail(error.to_string()))?;
    let info = reader.info();
    let (width, height, depth) = (info.width as usize, info.height as usize, info.bit_depth);
    if depth as u8 > 8 {
        return Err(fail("has 16 bits, expected 8 or less".into()));
    }
    let pixels = width.checked_mul(height).filter(|pixels| *pixels <= MAX_PIXELS);
    let pixels =
        pixels.ok_or_else(|| fail(format!("{width} x {height} pixels: at most {MAX_PIXELS} are read")))?;
    check_memory(12 * pixels as u64).map_err(Error::read(file))?;
    let length = reader.output_buffer_size().ok_or_else(|| fail("is too large".into()))?;
    let mut data = vec![0; length];
    let frame = reader.next_frame(&mut data).map_err(|error| fail(error.to_string()))?;
    data.truncate(frame.buffer_size());
    let channels = frame.color_type.samples();
    let with_alpha = matches!(frame.color_type, ColorType::GrayscaleAlpha | ColorType::Rgba);
    let mut colours = Vec::with_capacity(pixels);
    for pixel in data.chunks_exact(channels) {
        if with_alpha && pixel[channels - 1] < 255 {
            let (x, y) = (colours.len() % width, colours.len() / width);
            return Err(fail(format!("the pixel at x {x}, y {y} is seen through")));
        }
        colours.push(number(match pixel {
            [r, g, b, ..] => [*r, *g, *b],
            [grey, ..] => [*grey; 3],
            [] => [0; 3],
        }));
    }
    let colours = LabelMap::new(width, height, colours).map_err(Error::masks(file))?;
    Ok(Coloured { colours, values: codec::decode_labels(&bytes).ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_of_voc_are_those_of_its_development_kit() {
        let known = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128]];
        assert_eq!([0, 1, 2, 3, 4].map(of_place), known);
        assert_eq!((of_place(20), of_place(255)), ([0, 64, 128], [224, 224, 192]));
    }
}
