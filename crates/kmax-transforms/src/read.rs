//! Reading images: JPEG, PNG and WebP, turned upright, as 8-bit RGB.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::error::{Error, MAX_PIXELS, Result};
use crate::exif;
use crate::jpeg::{self, Verdict};

/// Bytes that tell what a file is.
const HEAD: u64 = 64;

/// Reads the image `file` as it should be looked at: its EXIF orientation is applied, 16-bit and grey values
/// become 8-bit RGB, and transparent pixels show white.
///
/// # Errors
/// If the file cannot be read, is no picture of these forms, or is larger than [`MAX_PIXELS`]. A JPEG that lacks rows is
/// damaged, not half grey.
pub fn read_image(file: impl AsRef<Path>) -> Result<RgbImage> {
    Ok(read_picture(file.as_ref())?.image)
}

/// An image, and what is to be said about its file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// The image, as [`read_image`] gives it.
    pub image: RgbImage,
    /// What was odd about the file, if it was readable all the same.
    pub note: Option<String>,
}

/// As [`read_image`], with what was odd about the file.
///
/// # Errors
/// As [`read_image`].
pub fn read_picture(file: &Path) -> Result<Picture> {
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
    decode_picture(&data, file)
}

/// As [`read_image`], from the bytes of a file; `file` is only named in errors.
///
/// # Errors
/// As [`read_image`].
pub fn decode_image(data: &[u8], file: &Path) -> Result<RgbImage> {
    Ok(decode_picture(data, file)?.image)
}

/// As [`read_picture`], from the bytes of a file; `file` is only named in errors.
///
/// # Errors
/// As [`read_image`].
pub fn decode_picture(data: &[u8], file: &Path) -> Result<Picture> {
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
    // An orientation that cannot be read is one that nobody sees.
    let block = decoder.exif_metadata().ok().flatten();
    let orientation = block.and_then(|block| exif::orientation(&block)).unwrap_or(Orientation::NoTransforms);
    let mut note = None;
    let mut whole = None;
    if format == "JPEG" {
        match jpeg::decode(data) {
            Verdict::Whole(image, odd) => (whole, note) = (Some(DynamicImage::ImageRgb8(image)), odd),
            Verdict::Lenient(odd) => note = odd,
            Verdict::Cut(reason) => return Err(damaged(reason)),
        }
    }
    let mut picture = match whole {
        Some(picture) => picture,
        None => DynamicImage::from_decoder(decoder).map_err(|e| damaged(e.to_string()))?,
    };
    picture.apply_orientation(orientation);
    let image = if picture.color().has_alpha() { over_white(&picture) } else { picture.into_rgb8() };
    Ok(Picture { image, note })
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
        // Without its end marker alone it has all its pixels, and that is said.
        let picture_of = |data: &[u8]| decode_picture(data, Path::new("image"));
        let cut = picture_of(&jpeg[..jpeg.len() - 2]).expect("readable");
        assert_eq!(Some(cut.image), decode(&jpeg).ok());
        assert!(cut.note.is_some_and(|note| note.contains("end marker")));
        // A header that promises rows of which there is no data.
        let colours =
            RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * 4) as u8, (y * 4) as u8, (x * y) as u8]));
        let mut taller = encode(&DynamicImage::ImageRgb8(colours), ImageFormat::Jpeg);
        let size = taller.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame header");
        taller[size + 5..size + 7].copy_from_slice(&160u16.to_be_bytes());
        let found = picture_of(&taller);
        assert!(matches!(found, Err(Error::Damaged { format: "JPEG", .. })), "{:?}", found.map(|p| p.note));
        // Grey rows that are really there.
        let grey = DynamicImage::ImageRgb8(RgbImage::from_pixel(40, 40, image::Rgb([128; 3])));
        assert_eq!(picture_of(&encode(&grey, ImageFormat::Jpeg)).expect("whole").note, None);
        for end in [3, 20, jpeg.len() / 2, jpeg.len() * 3 / 4] {
            let error = decode(&jpeg[..end]).err().map(|error| error.to_string()).unwrap_or_default();
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
