//! Photos that EXIF turns, while their labels were not turned with them.

use std::path::Path;

use kmax_transforms::stored_size;

/// What to say of an image of another size than its labels, if it is its EXIF orientation that makes the difference.
pub(crate) fn turned(file: &Path, has: (u32, u32), labels: (u32, u32)) -> Option<String> {
    let stored = stored_size(file).ok()?;
    (stored == labels && stored != has).then(|| {
        format!(
            "the photo is {} x {} pixels as its EXIF orientation turns it, its labels are {} x {} as it is stored: turn the labels, \
             or remove the orientation from the photo",
            has.0, has.1, labels.0, labels.1
        )
    })
}
