//! Checking a split of Cityscapes.

use std::path::Path;

use kmax_base::Progress;
use kmax_masks::categories::cityscapes::LABELS;
use kmax_masks::cityscapes::split as split_id;
use kmax_masks::{LabelMap, cityscapes as ids};

use super::{CheckReport, Finding, Kind, image, sizes};
use crate::cityscapes::{Cityscapes, CityscapesImage};
use crate::each::each;
use crate::error::Result;
use crate::png;

/// Checks the class and instance maps of a split, and the images where `leftImg8bit` is there.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled) only: what is wrong is a finding.
pub fn cityscapes(root: &Path, split: &str, progress: &dyn Progress) -> Result<CheckReport> {
    let dataset = match Cityscapes::open(root, split) {
        Ok(dataset) => dataset,
        Err(error) => return Ok(CheckReport::broken(root, &error)),
    };
    let with_images = dataset.images().iter().any(|image| dataset.image_path(image).is_file());
    let found = each(dataset.images(), progress, |_, image| Ok(maps(&dataset, image, with_images)))?;
    let images = dataset.images().len();
    let findings = found.into_iter().flatten().collect();
    let images_read = if with_images { images } else { 0 };
    Ok(CheckReport { images, images_read, findings, ..CheckReport::default() })
}

fn maps(dataset: &Cityscapes, entry: &CityscapesImage, with_images: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut read = |file: &Path| -> Option<LabelMap> {
        let map =
            png::read_labels(file).inspect_err(|error| found.push(Finding::unread(file, error))).ok()?;
        let unknown = map.extents().into_iter().filter(|(id, _)| split_id(*id).0 as usize >= LABELS.len());
        found.extend(unknown.map(|(id, extent)| {
            let problem = format!("{} pixels hold {id}, which is no label", extent.area);
            Finding::new(Kind::Label, file, problem)
        }));
        Some(map)
    };
    let (label_file, instance_file) = (dataset.label_path(entry), dataset.instance_path(entry));
    let (labels, instances) = (read(&label_file), read(&instance_file));
    if let (Some(labels), Some(instances)) = (&labels, &instances) {
        let size = (labels.width(), labels.height());
        sizes(&instance_file, (instances.width(), instances.height()), size, "the class map has", &mut found);
        let of_instances = ids::labels(instances);
        let differs = |(a, b): (&u32, &u32)| a != b;
        let count = labels.data().iter().zip(of_instances.data()).filter(|&pair| differs(pair)).count();
        if count > 0 && labels.same_size(instances).is_ok() {
            let problem = format!("{count} pixels are of another class than in the class map");
            found.push(Finding::new(Kind::Label, &instance_file, problem));
        }
    }
    if let Some(map) = labels.or(instances).filter(|_| with_images) {
        image(&dataset.image_path(entry), (map.width(), map.height()), &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files;

    #[test]
    fn maps_must_agree() -> crate::error::Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let city = folder.path().join("gtFine/val/bern");
        files::create_folder(&city)?;
        let write = |name: &str, ids: &[u32]| {
            let map = LabelMap::new(ids.len(), 1, ids.to_vec()).expect("a row");
            png::write_labels_16(&city.join(format!("bern_1_2_gtFine_{name}.png")), &map)
        };
        let kinds = || -> Vec<Kind> {
            let report = cityscapes(folder.path(), "val", &()).expect("checked");
            report.findings.iter().map(|finding| finding.kind).collect()
        };
        write("labelIds", &[7, 26])?;
        assert_eq!(kinds(), [Kind::MissingFile]);
        write("instanceIds", &[7, 26_001])?;
        assert_eq!(kinds(), []);
        write("instanceIds", &[7, 24_001])?;
        assert_eq!(kinds(), [Kind::Label]);
        write("instanceIds", &[7, 26_001, 26_002])?;
        assert_eq!(kinds(), [Kind::Size]);
        write("instanceIds", &[7, 34_001])?;
        assert_eq!(kinds(), [Kind::Label, Kind::Label]);
        Ok(())
    }
}
