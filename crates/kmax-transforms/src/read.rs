//! Reading images: turned upright, as 8-bit sRGB.

use std::io::Read;
use std::path::Path;

use image::RgbImage;

use crate::decode::{self, Admission, Failure};
use crate::error::{Error, MAX_PIXELS, Result};
use crate::format::{Format, HEAD, Kind};
use crate::reading::Reading;
use crate::srgb;

/// Reads the image `file` as it should be looked at: its EXIF orientation is applied, an ICC profile makes sRGB of its values,
/// 16-bit and grey values become 8-bit RGB, and transparent pixels show white.
///
/// # Errors
/// If the file cannot be read, is no picture of a form that is read, or is larger than [`MAX_PIXELS`]. A picture that lacks rows
/// is damaged, not half grey.
pub fn read_image(file: impl AsRef<Path>) -> Result<RgbImage> {
    Ok(read_picture(file.as_ref(), &Reading::default())?.image)
}

/// An image, and what is to be said about its file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Picture {
    /// The image, as [`read_image`] gives it.
    pub image: RgbImage,
    /// What was odd about the file, if it was readable all the same, or what was chosen of it: parts that may be damaged, further
    /// pages or pictures, a profile that cannot be used.
    pub note: Option<String>,
}

/// As [`read_image`], in a way of one's own, with what was odd about the file.
///
/// # Errors
/// As [`read_image`], and if more memory is needed than `reading` says that there is.
pub fn read_picture(file: &Path, reading: &Reading) -> Result<Picture> {
    let failed = |source| Error::Read { file: file.into(), source };
    let mut source = kmax_base::read::open(file).map_err(failed)?;
    let mut data = Vec::new();
    // What is no picture is not read to its end.
    source.by_ref().take(HEAD).read_to_end(&mut data).map_err(failed)?;
    if !matches!(Kind::of(&data), Kind::Known(_)) {
        return decode_picture(&data, file, reading);
    }
    source.take(MOST).read_to_end(&mut data).map_err(failed)?;
    decode_picture(&data, file, reading)
}

/// The largest file that is read: more than the largest image has uncompressed.
const MOST: u64 = 10 * MAX_PIXELS;

/// As [`read_image`], from the bytes of a file; `file` is only named in errors.
///
/// # Errors
/// As [`read_image`].
pub fn decode_image(data: &[u8], file: &Path) -> Result<RgbImage> {
    Ok(decode_picture(data, file, &Reading::default())?.image)
}

/// As [`read_picture`], from the bytes of a file; `file` is only named in errors.
///
/// # Errors
/// As [`read_picture`].
pub fn decode_picture(data: &[u8], file: &Path, reading: &Reading) -> Result<Picture> {
    let format = match Kind::of(data) {
        Kind::Known(format) => format,
        Kind::Other(what, advice) => {
            return Err(Error::Unread { file: file.into(), what: what.into(), advice: advice.into() });
        }
        Kind::Unknown => return Err(Error::Format { file: file.into() }),
    };
    let admission = Admission::of(reading, data.len() as u64);
    let decoded = decode::decode(format, data, &admission);
    let decoded = decoded.map_err(|failure| refused(failure, file, format, reading))?;
    let (image, notes) = srgb::finish(decoded, reading.background);
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    Ok(Picture { image, note })
}

/// A failure of a decoder, with the file's name.
pub(crate) fn refused(failure: Failure, file: &Path, format: Format, reading: &Reading) -> Error {
    let file = file.into();
    match failure {
        Failure::Damaged(reason) => Error::Damaged { file, format: format.name(), reason },
        Failure::Unread(what, advice) => Error::Unread { file, what, advice },
        Failure::TooLarge { width, height } => {
            Error::TooLarge { file, width, height, most: reading.pixels.min(MAX_PIXELS) }
        }
        Failure::Memory { width, height, needed, available } => {
            Error::Memory { file, width, height, needed, available }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;
    use image::{DynamicImage, GrayImage, ImageEncoder, ImageFormat, RgbaImage};
    use std::io::Cursor;

    fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut data = Vec::new();
        picture.write_to(&mut Cursor::new(&mut data), format).expect("encoded");
        data
    }

    fn decode(data: &[u8]) -> Result<RgbImage> {
        decode_image(data, Path::new("image"))
    }

    #[test]
    fn the_most_pixels_are_the_callers() {
        let data = encode(&DynamicImage::ImageRgb8(RgbImage::new(5, 4)), ImageFormat::Png);
        let read =
            |pixels| decode_picture(&data, Path::new("a.png"), &Reading::default().with_pixels(pixels));
        assert!(read(20).is_ok());
        let error = read(19).expect_err("too large").to_string();
        assert_eq!(error, "a.png: 5x4 pixels are more than the 19 that are read");
        assert_eq!(Reading::default().with_pixels(u64::MAX).pixels, MAX_PIXELS);
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
        let black = Reading::default().with_background([0, 0, 9]);
        let read = decode_picture(&encode(&half, ImageFormat::Png), Path::new("image"), &black)?;
        assert_eq!(read.image.get_pixel(0, 0).0, [0, 0, 132]);
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
    fn memory_is_asked_about_before_anything_is_decoded() {
        let picture = DynamicImage::ImageRgb8(RgbImage::new(1000, 500));
        for format in
            [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Pnm, ImageFormat::WebP]
        {
            let mut data = encode(&picture, format);
            let read = |data: &[u8], free: u64, each: u64, more: u64| {
                decode_picture(data, Path::new("image"), &Reading::default().with_memory(free, each, more))
            };
            assert!(read(&data, 10_000_000, 8, 4_000_000).is_ok());
            let refused = |found| matches!(found, Err(Error::Memory { width: 1000, height: 500, .. }));
            assert!(refused(read(&data, 10_000_000, 8, 6_000_000)) && refused(read(&data, 1_000_000, 0, 0)));
            let error =
                read(&data, 10_000_000, 20, 0).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("need about 12 MB of memory, and 10 MB are free"), "{error}");
            // The header is enough to know.
            if format != ImageFormat::WebP {
                data.truncate(700);
                assert!(refused(read(&data, 1_000_000, 0, 0)), "{format:?}");
            }
        }
    }

    #[test]
    fn what_is_not_read_is_named() {
        for (data, part) in [
            (
                &b"\0\0\0\x18ftypavif\0\0\0\0mif1avif"[..],
                if cfg!(feature = "heif") {
                    "damaged AVIF"
                } else {
                    "an AVIF picture, which is not read here; build with the feature `heif`"
                },
            ),
            (b"<!doctype html><title>404</title>", "a web page"),
            (b"8BPS\0\x01", "Photoshop"),
            (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        ] {
            let error = decode(data).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(part) && !error.contains('\n'), "{error}");
        }
    }

    /// Of how many damages of so many bytes, from one end of a scan to the other, nothing is said; and how many there are.
    fn silent_damages(length: usize, byte: impl Fn(usize) -> u8) -> (u32, u32) {
        let noise =
            |x: u32, y: u32| (x * 3 + y).wrapping_add((x * x + 7 * y * x).wrapping_mul(2_654_435_761) >> 27);
        let picture =
            RgbImage::from_fn(160, 160, |x, y| image::Rgb([(x + y) as u8 / 2, noise(x, y) as u8, y as u8]));
        let data = encode(&DynamicImage::ImageRgb8(picture), ImageFormat::Jpeg);
        let start = data.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan") + 14;
        let (mut silent, mut all) = (0, 0);
        for place in (start..data.len() - length - 2).step_by((data.len() - start) / 100) {
            let mut damaged = data.clone();
            damaged[place..place + length].iter_mut().enumerate().for_each(|(at, old)| *old = byte(at));
            let read = decode_picture(&damaged, Path::new("image"), &Reading::default());
            (all, silent) = (all + 1, silent + u32::from(read.is_ok_and(|picture| picture.note.is_none())));
        }
        (silent, all)
    }

    #[test]
    fn a_damaged_scan_is_noted() {
        // A damage may leave as many blocks as there were; nothing says that they are others.
        let (silent, all) = silent_damages(24, |at| (at as u8).wrapping_mul(97) & 0x7f);
        assert!(all > 90 && silent < 10, "{silent} of {all} are silent");
        // But what was written over with one byte tells of itself.
        for byte in [0x00, 0x55, 0xaa, 0x20, 0xfe] {
            let (silent, all) = silent_damages(40, |_| byte);
            assert!(all > 90 && silent == 0, "{byte}: {silent} of {all} are silent");
        }
    }

    #[test]
    fn equal_bytes_of_a_flat_picture_are_no_damage() {
        for level in [0, 1, 127, 128, 254, 255] {
            let grey = DynamicImage::ImageLuma8(GrayImage::from_pixel(512, 512, image::Luma([level])));
            let colour = DynamicImage::ImageRgb8(RgbImage::from_pixel(
                512,
                512,
                image::Rgb([level, 128, 255 - level]),
            ));
            for picture in [grey, colour] {
                let data = encode(&picture, ImageFormat::Jpeg);
                let read = decode_picture(&data, Path::new("image"), &Reading::default()).expect("readable");
                assert_eq!(read.note, None, "{level}");
            }
        }
    }

    #[test]
    fn what_is_no_whole_picture_is_an_error() {
        let noise: Vec<u8> = (0..64 * 64u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let picture = DynamicImage::ImageLuma8(GrayImage::from_raw(64, 64, noise).expect("64 x 64"));
        let jpeg = encode(&picture, ImageFormat::Jpeg);
        assert!(decode(&jpeg).is_ok());
        // Without its end marker alone it has all its pixels, and that is said.
        let picture_of = |data: &[u8]| decode_picture(data, Path::new("image"), &Reading::default());
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
        assert!(matches!(read_image("/dev/zero"), Err(Error::Read { .. })));
        assert!(matches!(read_image("no such image"), Err(Error::Read { .. })));
    }
}
