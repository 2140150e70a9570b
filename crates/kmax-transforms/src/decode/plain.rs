//! The formats that hold little more than rows of pixels: BMP and PNM (PBM, PGM, PPM, PAM).

use std::io::Cursor;

use image::codecs::bmp::BmpDecoder;
use image::codecs::pnm::PnmDecoder;
use image::{DynamicImage, ImageDecoder, Limits};

use super::{Admission, Decoded, Failure};

/// What a decoder of the crate `image` may allocate: twice the largest RGBA picture of 16 bits a channel.
pub(super) fn limits(admission: &Admission) -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(admission.pixels.saturating_mul(16));
    limits
}

/// Decodes a BMP.
pub(super) fn bmp(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    whole(BmpDecoder::new(Cursor::new(data))?, admission)
}

/// Decodes a PBM, PGM, PPM or PAM.
pub(super) fn pnm(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    whole(PnmDecoder::new(Cursor::new(data))?, admission)
}

fn whole(mut decoder: impl ImageDecoder, admission: &Admission) -> Result<Decoded, Failure> {
    let (width, height) = decoder.dimensions();
    admission.admit(width, height, decoder.color_type().bytes_per_pixel().into())?;
    decoder.set_limits(limits(admission))?;
    Ok(Decoded::new(DynamicImage::from_decoder(decoder)?))
}
