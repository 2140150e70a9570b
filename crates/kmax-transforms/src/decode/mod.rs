//! From the bytes of a file to its pixels, one module a format.

mod gif;
#[cfg(feature = "heif")]
mod heif;
mod jpeg;
#[cfg(feature = "jxl")]
mod jxl;
mod plain;
mod png;
pub(crate) mod tiff;
mod webp;

use image::DynamicImage;
use image::metadata::Orientation;

use crate::error::MAX_PIXELS;
use crate::format::Format;
use crate::reading::Reading;

/// What a file holds, before anything is made of it.
pub(crate) struct Decoded {
    /// The pixels as stored.
    pub raster: Raster,
    /// How it is to be turned.
    pub orientation: Orientation,
    /// An ICC profile.
    pub profile: Option<Vec<u8>>,
    /// What is odd.
    pub notes: Vec<String>,
}

impl Decoded {
    pub(crate) fn new(raster: impl Into<Raster>) -> Self {
        Self {
            raster: raster.into(),
            orientation: Orientation::NoTransforms,
            profile: None,
            notes: Vec::new(),
        }
    }
}

/// Pixels.
pub(crate) enum Raster {
    /// Light: grey or RGB, with or without alpha, 8 or 16 bits each.
    Light(DynamicImage),
    /// Ink: cyan, magenta, yellow and black of each pixel, 0 for none.
    Cmyk { width: u32, height: u32, values: Vec<u8> },
}

impl From<DynamicImage> for Raster {
    fn from(image: DynamicImage) -> Self {
        Self::Light(image)
    }
}

/// The nearest of 256 levels.
pub(crate) fn to_byte(value: u16) -> u8 {
    ((u32::from(value) + 128) / 257) as u8
}

/// Undoes a multiplication of colours with alpha, the last of a pixel's channels.
fn divide<T: Copy + Into<u32> + TryFrom<u32>>(values: &mut [T], channels: usize, most: u32) {
    for pixel in values.chunks_exact_mut(channels) {
        let Some((alpha, colors)) = pixel.split_last_mut() else { continue };
        let alpha: u32 = (*alpha).into();
        for value in colors.iter_mut().filter(|_| alpha > 0) {
            let whole = ((*value).into() * most / alpha).min(most);
            *value = T::try_from(whole).unwrap_or(*value);
        }
    }
}

/// Why a file gives no pixels.
pub(crate) enum Failure {
    Damaged(String),
    /// What it is, and what to do.
    Unread(String, String),
    TooLarge {
        width: u32,
        height: u32,
    },
    Memory {
        width: u32,
        height: u32,
        needed: u64,
        available: u64,
    },
}

impl Failure {
    pub(crate) fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged(reason.into())
    }
}

impl From<image::ImageError> for Failure {
    fn from(error: image::ImageError) -> Self {
        match error {
            image::ImageError::Unsupported(error) => Self::Unread(
                format!("a picture of a rare form ({error})"),
                "convert it to JPEG or PNG".into(),
            ),
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// Decides by the size alone whether a picture is decoded.
pub(crate) struct Admission {
    /// The most pixels.
    pub pixels: u64,
    /// Bytes that are free, if that is known.
    pub available: Option<u64>,
    /// Bytes that the caller will need beside the image: for each of its pixels, and in any case.
    pub beside: (u64, u64),
    /// Bytes of the file, or of what decodes it.
    pub file: u64,
}

impl Admission {
    /// Of a file of `file` bytes in memory.
    pub(crate) fn of(reading: &Reading, file: u64) -> Self {
        Self {
            pixels: reading.pixels.min(MAX_PIXELS),
            available: reading.memory,
            beside: (reading.bytes_per_pixel, reading.bytes),
            file,
        }
    }

    /// Asks for a picture that never is in memory as a whole.
    pub(crate) fn admit_bands(&self, width: u32, height: u32) -> Result<(), Failure> {
        let pixels = self.pixels_of(width, height)?;
        self.afford(width, height, self.file + pixels * self.beside.0 + self.beside.1)
    }

    fn pixels_of(&self, width: u32, height: u32) -> Result<u64, Failure> {
        match u64::from(width) * u64::from(height) {
            0 => Err(Failure::damaged("it has no pixels")),
            pixels if pixels > self.pixels => Err(Failure::TooLarge { width, height }),
            pixels => Ok(pixels),
        }
    }

    fn afford(&self, width: u32, height: u32, needed: u64) -> Result<(), Failure> {
        match self.available {
            Some(available) if needed > available => {
                Err(Failure::Memory { width, height, needed, available })
            }
            _ => Ok(()),
        }
    }

    /// Each decoder asks when it knows the size, and before it decodes; `bytes` is what a pixel takes while it does.
    fn admit(&self, width: u32, height: u32, bytes: u64) -> Result<(), Failure> {
        let pixels = self.pixels_of(width, height)?;
        // While it is decoded there may be a second copy, of 8-bit RGB; afterwards there is that alone.
        let decoding = self.file + pixels * (bytes + if bytes > 3 { 3 } else { 0 });
        let afterwards = pixels * (3 + self.beside.0) + self.beside.1;
        self.afford(width, height, decoding.max(afterwards))
    }
}

/// Decodes a file of a known format.
pub(crate) fn decode(format: Format, data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    match format {
        Format::Jpeg => jpeg::decode(data, admission),
        Format::Png => png::decode(data, admission),
        Format::WebP => webp::decode(data, admission),
        Format::Tiff => tiff::decode(data, admission),
        Format::Gif => gif::decode(data, admission),
        Format::Bmp => plain::bmp(data, admission),
        Format::Pnm => plain::pnm(data, admission),
        #[cfg(feature = "jxl")]
        Format::JpegXl => jxl::decode(data, admission),
        #[cfg(feature = "heif")]
        Format::Avif | Format::Heic => heif::decode(format, data, admission),
        #[cfg(not(all(feature = "jxl", feature = "heif")))]
        _ => Err(unbuilt(format)),
    }
}

/// A format for which this build has no decoder.
#[cfg(not(all(feature = "jxl", feature = "heif")))]
fn unbuilt(format: Format) -> Failure {
    let feature = if format == Format::JpegXl { "jxl" } else { "heif" };
    let advice = format!("build with the feature `{feature}`, or convert it to JPEG or PNG");
    Failure::Unread(format.picture(), advice)
}
