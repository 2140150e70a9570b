//! The size of an image as its file stores it.

use std::path::Path;

use image::ImageReader;

use crate::error::{Error, Result};

/// Width and height of the image before its EXIF orientation turns it, by its header alone.
///
/// # Errors
/// If the file cannot be read, or is no picture whose header says its size.
pub fn stored_size(file: &Path) -> Result<(u32, u32)> {
    let failed = |source| Error::Read { file: file.into(), source };
    // A pipe that nobody writes to would be waited for at its opening.
    if !std::fs::metadata(file).map_err(failed)?.is_file() {
        return Err(Error::Format { file: file.into() });
    }
    let reader = ImageReader::open(file).and_then(ImageReader::with_guessed_format).map_err(failed)?;
    reader.into_dimensions().map_err(|_| Error::Format { file: file.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::ImageEncoder;
    use image::codecs::jpeg::JpegEncoder;

    #[test]
    fn the_orientation_does_not_count() -> Result<()> {
        // Big-endian TIFF with one entry: tag 0x0112 (orientation), type short, count 1, value 6 (turn right).
        let exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        let mut data = Vec::new();
        let mut encoder = JpegEncoder::new(&mut data);
        encoder.set_exif_metadata(exif).expect("JPEG holds EXIF");
        encoder.write_image(&[90; 4 * 2 * 3], 4, 2, image::ExtendedColorType::Rgb8).expect("encoded");
        let file = std::env::temp_dir().join(format!("kmax-stored-size-{}.jpg", std::process::id()));
        std::fs::write(&file, data).expect("written");
        let sizes = (stored_size(&file), crate::read_image(&file));
        std::fs::remove_file(&file).expect("removed");
        assert_eq!((sizes.0?, sizes.1?.dimensions()), ((4, 2), (2, 4)));
        assert!(stored_size(Path::new("none")).is_err());
        Ok(())
    }
}
