//! HEIC and AVIF, by libheif.

use image::{DynamicImage, ImageBuffer};
use libheif_rs::{
    ColorPrimaries, ColorSpace, DecodingOptions, HeifContext, HeifError, HeifErrorCode, ImageHandle, LibHeif,
    RgbChroma, TransferCharacteristics,
};

use super::{Admission, Decoded, Failure, divide};
use crate::format::{self, Format};

/// Decodes the main picture. libheif crops, turns and mirrors it as its properties say. EXIF says that again, and is not asked.
pub(super) fn decode(format: Format, data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    let failed = |error| failure(format, &error);
    let library = LibHeif::new();
    let context = HeifContext::read_from_bytes(data).map_err(failed)?;
    let handle = context.primary_image_handle().map_err(failed)?;
    let form = Form::of(&handle);
    // The codec's planes, libheif's, its pixels, and ours.
    let bytes = 4 * form.bytes() as u64;
    let (width, height) = (handle.width(), handle.height());
    admission.admit(width, height, bytes)?;
    // Before it is cropped and turned.
    let side = |length: i32| u32::try_from(length).unwrap_or(0);
    admission.admit(side(handle.ispe_width()), side(handle.ispe_height()), bytes)?;

    let mut options = DecodingOptions::new().ok_or_else(|| Failure::damaged("libheif has no memory"))?;
    // Otherwise what is missing of a picture is grey.
    options.set_strict_decoding(true);
    let space = ColorSpace::Rgb(form.chroma());
    let picture = library.decode(&handle, space, Some(options)).map_err(failed)?;
    let plane = picture.planes().interleaved.filter(|_| picture.color_space() == Some(space));
    let plane = plane.ok_or_else(|| Failure::damaged("it has other channels than its header says"))?;
    let row = width as usize * form.bytes();
    if (plane.width, plane.height) != (width, height) || plane.stride < row {
        return Err(Failure::damaged("it has another size than its header says"));
    }
    let rows = plane.data.chunks_exact(plane.stride).flat_map(|line| &line[..row]);
    let image = form.image(width, height, rows.copied().collect(), plane.bits_per_pixel);
    let image = image.ok_or_else(|| Failure::damaged("it has fewer pixels than its header says"))?;

    let mut decoded = Decoded::new(image);
    decoded.notes = notes(data, &context);
    decoded.profile = handle.color_profile_raw().map(|profile| profile.data);
    if decoded.profile.is_none() {
        decoded.notes.extend(colours(&handle));
    }
    Ok(decoded)
}

/// What the pixels of a picture are.
struct Form {
    grey: bool,
    alpha: bool,
    /// More than 8 bits.
    deep: bool,
    premultiplied: bool,
}

impl Form {
    fn of(handle: &ImageHandle) -> Self {
        let depths = [handle.luma_bits_per_pixel(), handle.chroma_bits_per_pixel()];
        Self {
            grey: matches!(handle.preferred_decoding_colorspace(), Ok(ColorSpace::Monochrome)),
            alpha: handle.has_alpha_channel(),
            // 255 is an unknown one.
            deep: depths.iter().any(|depth| (9..=16).contains(depth)),
            premultiplied: handle.is_premultiplied_alpha(),
        }
    }

    fn channels(&self) -> usize {
        if self.alpha { 4 } else { 3 }
    }

    /// Bytes of a pixel.
    fn bytes(&self) -> usize {
        self.channels() * if self.deep { 2 } else { 1 }
    }

    /// What libheif is asked for. Grey comes as RGB too, which is one way less through its conversions.
    fn chroma(&self) -> RgbChroma {
        match (self.deep, self.alpha) {
            (false, false) => RgbChroma::Rgb,
            (false, true) => RgbChroma::Rgba,
            (true, false) => RgbChroma::HdrRgbLe,
            (true, true) => RgbChroma::HdrRgbaLe,
        }
    }

    fn image(&self, width: u32, height: u32, bytes: Vec<u8>, depth: u8) -> Option<DynamicImage> {
        let image: DynamicImage = if self.deep {
            let mut values = spread(&bytes, depth);
            if self.premultiplied && self.alpha {
                divide(&mut values, self.channels(), 65_535);
            }
            if self.alpha {
                DynamicImage::ImageRgba16(ImageBuffer::from_raw(width, height, values)?)
            } else {
                DynamicImage::ImageRgb16(ImageBuffer::from_raw(width, height, values)?)
            }
        } else {
            let mut values = bytes;
            if self.premultiplied && self.alpha {
                divide(&mut values, self.channels(), 255);
            }
            if self.alpha {
                DynamicImage::ImageRgba8(ImageBuffer::from_raw(width, height, values)?)
            } else {
                DynamicImage::ImageRgb8(ImageBuffer::from_raw(width, height, values)?)
            }
        };
        // A profile of a grey picture knows one channel.
        Some(match image {
            image if !self.grey => image,
            DynamicImage::ImageRgba16(_) => image.into_luma_alpha16().into(),
            DynamicImage::ImageRgb16(_) => image.into_luma16().into(),
            DynamicImage::ImageRgba8(_) => image.into_luma_alpha8().into(),
            image => image.into_luma8().into(),
        })
    }
}

/// Values of `depth` bits, in two bytes each, as such of 16 bits.
fn spread(bytes: &[u8], depth: u8) -> Vec<u16> {
    let most = (1u32 << depth.min(16)) - 1;
    let wide = |pair: &[u8; 2]| {
        let value = u32::from(u16::from_le_bytes(*pair)).min(most);
        ((value * 65_535 + most / 2) / most.max(1)) as u16
    };
    bytes.as_chunks::<2>().0.iter().map(wide).collect()
}

/// What was chosen of the file.
fn notes(data: &[u8], context: &HeifContext<'_>) -> Vec<String> {
    let brands = format::brands(data).unwrap_or_default();
    let animated = brands.iter().any(|brand| matches!(*brand, b"avis" | b"msf1" | b"hevc" | b"hevx"));
    if animated {
        vec!["it is animated; its main picture is taken".to_owned()]
    } else if context.image_ids().len() > 1 {
        vec!["it holds several pictures; the main one is taken".to_owned()]
    } else {
        Vec::new()
    }
}

/// What is to be said of colours that are named in the header, without an ICC profile, and are not those of sRGB.
fn colours(handle: &ImageHandle) -> Option<String> {
    use TransferCharacteristics as Transfer;
    let named = handle.color_profile_nclx()?;
    let what = match (named.transfer_characteristics(), named.color_primaries()) {
        (Transfer::ITU_R_BT_2100_0_PQ | Transfer::ITU_R_BT_2100_0_HLG, _) => {
            "of high dynamic range (PQ or HLG)"
        }
        (_, ColorPrimaries::ITU_R_BT_709_5 | ColorPrimaries::Unspecified) => return None,
        (_, ColorPrimaries::ITU_R_BT_2020_2_and_2100_0) => "of BT.2020",
        (_, ColorPrimaries::SMPTE_EG_432_1) => "of Display P3",
        _ => "not those of sRGB",
    };
    Some(format!("its colours are {what} by its header; its values are taken as sRGB"))
}

fn failure(format: Format, error: &HeifError) -> Failure {
    let message = error.message.replace('\n', " ");
    match error.code {
        HeifErrorCode::UnsupportedFileType
        | HeifErrorCode::UnsupportedFeature
        | HeifErrorCode::PluginLoadingError
        | HeifErrorCode::MemoryAllocationError => Failure::Unread(
            format!("{} for which this libheif has no means ({message})", format.picture()),
            "install libheif's decoders (plugins `libde265`, `dav1d`), or convert it to JPEG or PNG"
                .to_owned(),
        ),
        _ => Failure::Damaged(message),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{Error, Reading, decode_picture};

    fn made(name: &str) -> Vec<u8> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/photos");
        std::fs::read(folder.join(name)).expect("a picture of the tests")
    }

    fn read(data: &[u8], memory: u64) -> Result<(u32, u32), Error> {
        let reading = Reading::default().with_memory(memory, 0, 0);
        Ok(decode_picture(data, Path::new("image"), &reading)?.image.dimensions())
    }

    /// A file that says that its picture has another size.
    fn sized(data: &[u8], width: u32, height: u32) -> Vec<u8> {
        let mut changed = data.to_vec();
        let at = data.windows(4).position(|part| part == b"ispe").expect("a size") + 8;
        changed[at..at + 4].copy_from_slice(&width.to_be_bytes());
        changed[at + 4..at + 8].copy_from_slice(&height.to_be_bytes());
        changed
    }

    #[test]
    fn its_size_is_asked_about_before_it_is_decoded() {
        for name in ["rgb.heic", "rgb.avif"] {
            let data = made(name);
            assert!(matches!(read(&data, 100_000), Ok((26, 18))), "{name}");
            let found = read(&data, 4000);
            assert!(matches!(found, Err(Error::Memory { width: 26, height: 18, .. })), "{name}: {found:?}");
            let found = read(&sized(&data, 2600, 1800), 1_000_000);
            assert!(
                matches!(found, Err(Error::Memory { width: 2600, height: 1800, .. })),
                "{name}: {found:?}"
            );
            let found = read(&sized(&data, 30_000, 20_000), u64::MAX);
            assert!(matches!(found, Err(Error::TooLarge { width: 30_000, .. })), "{name}: {found:?}");
        }
        // Turned by a quarter.
        assert!(matches!(
            read(&made("turned_6.heic"), 4000),
            Err(Error::Memory { width: 18, height: 26, .. })
        ));
    }

    #[test]
    fn a_wrong_size_and_a_missing_end_are_one_line() {
        for name in ["rgb.heic", "rgb.avif", "grid.heic"] {
            let data = made(name);
            for wrong in [sized(&data, 33, 18), sized(&data, 26, 0), data[..data.len() - 9].to_vec()] {
                let error = read(&wrong, 1 << 30).err().map(|error| error.to_string()).unwrap_or_default();
                assert!(error.starts_with("image: damaged") && !error.contains('\n'), "{name}: {error}");
            }
        }
    }
}
