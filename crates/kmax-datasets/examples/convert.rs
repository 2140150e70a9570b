//! Writes a json in COCO's panoptic form, whose PNGs and photos lie in the usual places, in the form that an annotation tool takes.
//!
//!     cargo run -p kmax-datasets --example convert -- panoptic_train.json OUT yolo|labelme|label-studio|cvat-coco|geojson
//!
//! Without arguments it makes labels of one image first.

use std::path::Path;
use std::sync::Arc;

use kmax_datasets::coco::{CocoPanoptic, ImageEntry, PanopticWriter};
use kmax_datasets::convert::{Source, Target, convert};
use kmax_datasets::{Categories, LabelMap, Panoptic, layout};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [json, out, form] = &arguments[..] {
        return write(Path::new(json), Path::new(out), form);
    }
    let folder = tempfile::tempdir()?;
    let json = make(folder.path())?;
    let out = folder.path().join("out");
    write(&json, &out, "labelme")?;
    println!("{}", std::fs::read_to_string(out.join("1.json"))?);
    Ok(())
}

fn write(json: &Path, out: &Path, form: &str) -> Result<()> {
    let target = Target::named(form).filter(|target| target.refers_to_photos());
    let target = target
        .ok_or_else(|| format!("{form}: expected yolo, labelme, label-studio, cvat-coco or geojson"))?;
    let pngs = json.with_extension("");
    let listed = CocoPanoptic::open(json, &pngs, &pngs)?;
    let entries: Vec<ImageEntry> = listed.entries().map(|(image, _)| image.clone()).collect();
    let photos = layout::images_folder(json, Some(&pngs), &entries).unwrap_or(pngs.clone());
    let data = CocoPanoptic::open(json, photos, pngs)?;
    println!("{} images", data.len());
    convert(&Source::annotated(Arc::new(data)), target, out, &())?;
    Ok(())
}

/// A person with grass around, in a photo that is not there.
fn make(folder: &Path) -> Result<std::path::PathBuf> {
    let writer = PanopticWriter::create(folder.join("panoptic_train.json"))?;
    let image = ImageEntry { id: 1.into(), file_name: "1.jpg".into(), width: 6, height: 4 };
    let map =
        LabelMap::new(6, 4, (0..24).map(|at| if [8, 9, 14, 15].contains(&at) { 1 } else { 2 }).collect())?;
    let panoptic = Panoptic::from_map(map, |id| (if id == 1 { 1 } else { 193 }, false));
    let annotation = writer.write(&image, &panoptic)?;
    writer.finish(vec![image], vec![annotation], &Categories::coco_panoptic())?;
    Ok(writer.json().to_path_buf())
}
