//! Labels that are hard to write, for the tests of each form.

use std::path::{Path, PathBuf};

use kmax_masks::{Categories, LabelMap, Panoptic, Rle};

use super::{Labelled, Tool, ToolWriter};
use crate::coco::ImageEntry;
use crate::error::Result;
use crate::files;

/// Segments of [`scene`]; 0 is void and 5 background.
const MAP: [[u32; 9]; 7] = [
    [1, 1, 1, 0, 2, 5, 5, 4, 4],
    [1, 0, 1, 0, 5, 2, 5, 4, 4],
    [1, 1, 1, 1, 5, 5, 5, 5, 5],
    [1, 0, 0, 1, 5, 3, 5, 6, 6],
    [1, 0, 1, 1, 0, 5, 5, 6, 7],
    [1, 1, 1, 0, 2, 2, 5, 6, 7],
    [5, 5, 5, 5, 2, 2, 7, 6, 6],
];

/// 1 has holes that touch at corners, one of them at a corner with the outside; 2 has three parts, two of which touch at a corner; 3 is one
/// pixel; 4 is a crowd; 6 is stuff with a score, 7 has two parts.
pub(super) fn scene() -> Panoptic {
    let map = LabelMap::new(9, 7, MAP.concat()).expect("9 x 7");
    let mut panoptic = Panoptic::from_map(map, |id| match id {
        5 => (9, false),
        6 | 7 => (8, false),
        _ => (3, id == 4),
    });
    panoptic.segments[5].score = Some(0.5);
    panoptic
}

pub(super) fn classes() -> Categories {
    let text = r#"[{"id": 9, "name": "background", "isthing": 0}, {"id": 3, "name": "a: \"b\"", "color": [1, 2, 3]},
        {"id": 8, "name": "sea & sky", "isthing": 0, "color": [255, 0, 16]}]"#;
    serde_json::from_str(text).expect("classes")
}

/// A written form of the scene, with a photo beside it.
pub(super) struct Written {
    pub folder: tempfile::TempDir,
    pub out: PathBuf,
    pub photo: PathBuf,
}

pub(super) fn written(tool: Tool, out: &str) -> Result<Written> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let photo = folder.path().join("photos/sub/a b.jpg");
    files::create_folder(photo.parent().expect("a folder"))?;
    files::write(&photo, b"no photo, as nobody reads it")?;
    let out = folder.path().join(out);
    write_to(tool, &out, &photo, "train")?;
    Ok(Written { folder, out, photo })
}

pub(super) fn write_to(tool: Tool, out: &Path, photo: &Path, split: &str) -> Result<()> {
    let image = ImageEntry { id: "a".into(), file_name: "sub/a b.jpg".into(), width: 9, height: 7 };
    let writer = ToolWriter::create(tool, &classes(), split, out)?;
    let photo = Some(photo).filter(|photo| photo.is_file());
    let entry = writer.write(&Labelled { image: &image, photo, panoptic: &scene() })?;
    writer.finish(vec![(image, entry)])
}

pub(super) fn json(file: &Path) -> serde_json::Value {
    serde_json::from_slice(&files::read(file).expect("a file")).expect("a json")
}

/// The mask of a segment of the scene.
pub(super) fn mask(id: u32) -> Rle {
    Rle::encode(&scene().map, id)
}

/// The mask of `[[x, y], ...]`.
pub(super) fn filled(points: &serde_json::Value) -> Rle {
    let points = points.as_array().expect("points").iter();
    let flat: Vec<f64> =
        points.flat_map(|point| [0, 1].map(|at| point[at].as_f64().expect("a number"))).collect();
    Rle::from_polygon(9, 7, &flat).expect("a polygon")
}
