//! JPEG XL.

use image::{DynamicImage, ImageBuffer};
use jxl_oxide::{JxlImage, JxlThreadPool, PixelFormat};

use super::{Admission, Decoded, Failure};

/// Decodes a picture, or the first one of an animation. The decoder turns it upright.
pub(super) fn decode(data: &[u8], admission: &Admission) -> Result<Decoded, Failure> {
    let damaged = |error: Box<dyn std::error::Error + Send + Sync>| Failure::damaged(error.to_string());
    let image = JxlImage::builder().pool(JxlThreadPool::none()).read(data).map_err(damaged)?;
    let (width, height) = (image.width(), image.height());
    // Floats, twice, and 16-bit values.
    admission.admit(width, height, 10 * image.pixel_format().channels() as u64)?;
    let whole = image.is_loading_done();
    if image.num_loaded_keyframes() == 0 {
        return Err(Failure::damaged("it ends before its last rows"));
    }
    let frame = image.render_frame(0).map_err(damaged)?;
    let mut stream = frame.stream();
    let (wide, high, channels) = (stream.width(), stream.height(), stream.channels());
    let mut values = vec![0u16; wide as usize * high as usize * channels as usize];
    stream.write_to_buffer(&mut values);
    let missing = || Failure::damaged("it has fewer pixels than its header says");
    let picture = match (image.pixel_format(), channels) {
        (PixelFormat::Gray, 1) => ImageBuffer::from_raw(wide, high, values).map(DynamicImage::ImageLuma16),
        (PixelFormat::Graya, 2) => ImageBuffer::from_raw(wide, high, values).map(DynamicImage::ImageLumaA16),
        (PixelFormat::Rgb, 3) => ImageBuffer::from_raw(wide, high, values).map(DynamicImage::ImageRgb16),
        (PixelFormat::Rgba, 4) => ImageBuffer::from_raw(wide, high, values).map(DynamicImage::ImageRgba16),
        _ => {
            return Err(Failure::Unread(
                "a JPEG XL picture for print".into(),
                "convert it to JPEG or PNG".into(),
            ));
        }
    };
    let mut decoded = Decoded::new(picture.ok_or_else(missing)?);
    if image.num_loaded_keyframes() > 1 {
        decoded.notes.push("it is animated; its first picture is taken".to_owned());
    }
    if !whole {
        decoded.notes.push("its end is missing".to_owned());
    }
    Ok(Decoded { profile: Some(image.rendered_icc()), ..decoded })
}
