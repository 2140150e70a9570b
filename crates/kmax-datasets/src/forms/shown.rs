//! The size of a photo as it is shown.

use std::path::Path;

use kmax_transforms::{read_image, stored_size};

use crate::error::Result;
use crate::files;

/// How the blocks are marked that can hold an orientation, in JPEG, PNG and WebP.
const MARKS: [&[u8]; 3] = [b"Exif\0", b"eXIf", b"EXIF"];

/// Width and height of a photo as it is shown: by its header alone where nothing can turn it, else by decoding it, so that it is
/// always what [`read_image`] gives.
///
/// # Errors
/// If it cannot be read.
pub(super) fn shown_size(file: &Path) -> Result<(usize, usize)> {
    let large = |(width, height): (u32, u32)| (width as usize, height as usize);
    let plain = file.extension().is_some_and(|ending| {
        ["jpg", "jpeg", "png", "webp", "bmp"].iter().any(|known| ending.eq_ignore_ascii_case(known))
    });
    if plain && let Ok((width, height)) = stored_size(file) {
        if width == height {
            return Ok(large((width, height)));
        }
        let bytes = files::read(file)?;
        let marked = MARKS.iter().any(|mark| bytes.windows(mark.len()).any(|part| part == *mark));
        if !marked {
            return Ok(large((width, height)));
        }
    }
    Ok(large(read_image(file)?.dimensions()))
}
