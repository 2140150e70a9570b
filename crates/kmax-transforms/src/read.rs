//! Reading images: JPEG, PNG and WebP, turned upright, as 8-bit RGB.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::error::{Error, MAX_PIXELS, Result};

/// Bytes that tell what a file is.
const HEAD: u64 = 64;

/// Reads the image `file` as it should be looked at: its EXIF orientation is applied, 16-bit and grey values
/// become 8-bit RGB, and transparent pixels show white.
///
/// # Errors
/// If the file cannot be read, is no picture of these forms, or is larger than [`MAX_PIXELS`]. A JPEG that ends before its
/// end marker is damaged, not half grey.
pub fn read_image(file: impl AsRef<Path>) -> Result<RgbImage> {
    let file = file.as_ref();
    let failed = |source| Error::Read { file: file.into(), source };
    // A pipe that nobody writes to would be waited for at its opening.
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Err(Error::Format { file: file.into() });
    }
    let mut source = File::open(file).map_err(failed)?;
    let mut data = Vec::new();
    // What is no picture is not read to its end.
    source.by_ref().take(HEAD).read_to_end(&mut data).map_err(failed)?;
    if format_of(&data).is_none() {
        return Err(Error::Format { file: file.into() });
    }
    source.read_to_end(&mut data).map_err(failed)?;
    decode_image(&data, file)
}

/// As [`read_image`], from the bytes of a file; `file` is only named in errors.
///
/// # Errors
/// As [`read_image`].
pub fn decode_image(data: &[u8], file: &Path) -> Result<RgbImage> {
    let Some((kind, format)) = format_of(data) else {
        return Err(Error::Format { file: file.into() });
    };
    let mut reader = ImageReader::with_format(Cursor::new(data), kind);
    let damaged = |reason: String| Error::Damaged { file: file.into(), format, reason };
    // Twice the pixels of an RGBA picture with 16 bits a channel; the size is checked before anything is decoded.
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| damaged(e.to_string()))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::TooLarge { file: file.into(), width, height });
    }
    if width == 0 || height == 0 {
        return Err(damaged("it has no pixels".into()));
    }
    if format == "JPEG" && !jpeg_is_whole(data) {
        return Err(damaged("it ends before its end marker".into()));
    }
    // An orientation that cannot be read is one that nobody sees.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| damaged(e.to_string()))?;
    picture.apply_orientation(orientation);
    Ok(if picture.color().has_alpha() { over_white(&picture) } else { picture.into_rgb8() })
}

/// What the first bytes say the picture is.
fn format_of(data: &[u8]) -> Option<(ImageFormat, &'static str)> {
    match image::guess_format(data).ok()? {
        ImageFormat::Jpeg => Some((ImageFormat::Jpeg, "JPEG")),
        ImageFormat::Png => Some((ImageFormat::Png, "PNG")),
        ImageFormat::WebP => Some((ImageFormat::WebP, "WebP")),
        _ => None,
    }
}

fn over_white(picture: &DynamicImage) -> RgbImage {
    let source = picture.to_rgba8();
    let blend = |value: u8, alpha: u8| {
        let (value, alpha) = (u32::from(value), u32::from(alpha));
        ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
    };
    RgbImage::from_fn(source.width(), source.height(), |x, y| {
        let [r, g, b, a] = source.get_pixel(x, y).0;
        image::Rgb([blend(r, a), blend(g, a), blend(b, a)])
    })
}

/// Whether an end-of-image marker follows the first scan. Decoders fill what is missing with grey instead.
fn jpeg_is_whole(data: &[u8]) -> bool {
    let mut at = 2;
    // Segments before the scan are skipped by their length, for a thumbnail inside one has an end marker too.
    while let Some(&[0xff, marker]) = data.get(at..at + 2) {
        match marker {
            0xff => at += 1,
            0xda => return data[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => match data.get(at + 2..at + 4) {
                Some(length) => at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2),
                None => return false,
            },
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{GrayImage, ImageEncoder, RgbaImage};

    fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut data = Vec::new();
        picture.write_to(&mut Cursor::new(&mut data), format).expect("encoded");
        data
    }

    fn decode(data: &[u8]) -> Result<RgbImage> {
        decode_image(data, Path::new("image"))
    }

    #[test]
    fn grey_sixteen_bit_and_alpha_become_rgb() -> Result<()> {
        let grey = DynamicImage::ImageLuma16(image::ImageBuffer::from_pixel(3, 2, image::Luma([0x8000u16])));
        let read = decode(&encode(&grey, ImageFormat::Png))?;
        assert_eq!((read.dimensions(), read.get_pixel(0, 0).0), ((3, 2), [128; 3]));
        let glass = DynamicImage::ImageRgba8(RgbaImage::from_pixel(1, 1, image::Rgba([10, 20, 30, 0])));
        assert_eq!(decode(&encode(&glass, ImageFormat::Png))?.get_pixel(0, 0).0, [255; 3]);
        let half = DynamicImage::ImageRgba8(RgbaImage::from_pixel(1, 1, image::Rgba([0, 0, 255, 128])));
        assert_eq!(decode(&encode(&half, ImageFormat::Png))?.get_pixel(0, 0).0, [127, 127, 255]);
        Ok(())
    }

    #[test]
    fn the_exif_orientation_is_applied() -> Result<()> {
        // Big-endian TIFF with one entry: tag 0x0112 (orientation), type short, count 1, value 6 (turn right).
        let exif =
            [b"MM\0\x2a\0\0\0\x08".as_slice(), &[0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0]]
                .concat();
        let mut data = Vec::new();
        let mut encoder = JpegEncoder::new(&mut data);
        encoder.set_exif_metadata(exif).expect("JPEG holds EXIF");
        encoder.write_image(&[90; 4 * 2 * 3], 4, 2, image::ExtendedColorType::Rgb8).expect("encoded");
        assert_eq!(decode(&data)?.dimensions(), (2, 4));
        Ok(())
    }

    #[test]
    fn what_is_no_whole_picture_is_an_error() {
        let noise: Vec<u8> = (0..64 * 64u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let picture = DynamicImage::ImageLuma8(GrayImage::from_raw(64, 64, noise).expect("64 x 64"));
        let jpeg = encode(&picture, ImageFormat::Jpeg);
        assert!(decode(&jpeg).is_ok());
        for end in [3, 20, jpeg.len() / 2, jpeg.len() - 2] {
            let error = decode(&jpeg[..end]).expect_err("cut").to_string();
            assert!(error.starts_with("image: "), "{error}");
        }
        let png = encode(&picture, ImageFormat::Png);
        assert!(matches!(decode(&png[..png.len() / 2]), Err(Error::Damaged { format: "PNG", .. })));
        assert!(matches!(decode(b"once upon a time"), Err(Error::Format { .. })));
        assert!(matches!(decode(b""), Err(Error::Format { .. })));
        // Without an end.
        #[cfg(unix)]
        assert!(matches!(read_image("/dev/zero"), Err(Error::Format { .. })));
        assert!(matches!(read_image("no such image"), Err(Error::Read { .. })));
    }
}
