//! What annotations are written as.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kmax_masks::categories::cityscapes::by_train_id;
use kmax_masks::codec::{self, TwoChannel};
use kmax_masks::{Categories, Panoptic, Rle};
use serde::{Deserialize, Serialize};

use super::numbered;
use super::source::void;
use crate::cityscapes::{read_instances, write_instances};
use crate::coco::{
    Annotation, DetectionEntry, ImageEntry, InstanceEntry, InstancesFile, PanopticWriter, Segmentation,
    detections, write_detections,
};
use crate::error::{Error, Result};
use crate::evaluate::digest_of;
use crate::forms::write::{Entry, Labelled, Tool, ToolWriter};
use crate::names::{check_name, with_slashes};
use crate::{files, png};

/// A form to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// COCO's panoptic json with a folder of PNGs: the submission of COCO, ADE20K and Cityscapes too.
    CocoPanoptic,
    /// COCO's instance annotations: the things, as run-length codes.
    CocoInstances,
    /// `coco_instances_results.json`: the things as detections.
    CocoResults,
    /// A folder of 8-bit PNGs of contiguous classes, 255 for void, as for ADE20K's scene parsing.
    Semantic,
    /// A folder of Cityscapes' regular ids, 0 for void: its submission of pixels.
    LabelIds,
    /// A folder of Cityscapes' `_pred.txt` files with masks: its submission of instances.
    CityscapesInstances,
    /// A folder of two-channel PNGs: class and instance, as panopticapi's.
    TwoChannel,
    /// A folder of three-channel PNGs: class and 16 bits of instance, as deeplab2's.
    ThreeChannel,
    /// A folder for Ultralytics' segmentation ([`yolo`](crate::forms::write::yolo)).
    Yolo,
    /// A folder of labelme's files ([`labelme`](crate::forms::write::labelme)).
    Labelme,
    /// A json of Label Studio's tasks with predictions ([`label_studio`](crate::forms::write::label_studio)).
    LabelStudio,
    /// A json that CVAT imports as `COCO 1.0` ([`cvat`](crate::forms::write::cvat)).
    CvatCoco,
    /// A folder of GeoJSON files for QuPath ([`geojson`](crate::forms::write::geojson)).
    GeoJson,
}

impl Target {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::CocoPanoptic,
        Self::CocoInstances,
        Self::CocoResults,
        Self::Semantic,
        Self::LabelIds,
        Self::CityscapesInstances,
        Self::TwoChannel,
        Self::ThreeChannel,
        Self::Yolo,
        Self::Labelme,
        Self::LabelStudio,
        Self::CvatCoco,
        Self::GeoJson,
    ];

    /// Its name, as the option `--to` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CocoPanoptic => "coco-panoptic",
            Self::CocoInstances => "coco-instances",
            Self::CocoResults => "coco-results",
            Self::Semantic => "semantic",
            Self::LabelIds => "label-ids",
            Self::CityscapesInstances => "cityscapes-instances",
            Self::TwoChannel => "two-channel",
            Self::ThreeChannel => "three-channel",
            Self::Yolo => "yolo",
            Self::Labelme => "labelme",
            Self::LabelStudio => "label-studio",
            Self::CvatCoco => "cvat-coco",
            Self::GeoJson => "geojson",
        }
    }

    /// The form of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }

    /// Whether what is written refers to the photos, which must then be found: [`Source::panoptic`](super::Source::panoptic) has none.
    pub fn refers_to_photos(self) -> bool {
        self.tool().is_some()
    }

    /// The annotation tool that takes the form, if one does.
    fn tool(self) -> Option<Tool> {
        match self {
            Self::Yolo => Some(Tool::Yolo),
            Self::Labelme => Some(Tool::Labelme),
            Self::LabelStudio => Some(Tool::LabelStudio),
            Self::CvatCoco => Some(Tool::CvatCoco),
            Self::GeoJson => Some(Tool::GeoJson),
            _ => None,
        }
    }
}

/// The label of void in a map of contiguous classes.
const VOID: u32 = 255;

pub(super) struct Writer<'a> {
    target: Target,
    categories: &'a Categories,
    out: PathBuf,
    panoptic: Option<PanopticWriter>,
    tool: Option<ToolWriter>,
}

/// What of an image is for a common file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    Nothing,
    Annotation(Annotation),
    Instances(Vec<InstanceEntry>),
    Detections(Vec<DetectionEntry>),
    Tool(Entry),
}

impl<'a> Writer<'a> {
    pub fn create(target: Target, categories: &'a Categories, split: &str, out: &Path) -> Result<Self> {
        if let Some(tool) = target.tool() {
            let tool = Some(ToolWriter::create(tool, categories, split, out)?);
            return Ok(Self { target, categories, out: out.to_path_buf(), panoptic: None, tool });
        }
        let panoptic = match target {
            Target::CocoPanoptic => Some(PanopticWriter::create(out)?),
            Target::CocoInstances | Target::CocoResults => {
                if let Some(folder) = out.parent() {
                    files::create_folder(folder)?;
                }
                None
            }
            _ => {
                files::create_folder(out)?;
                None
            }
        };
        Ok(Self { target, categories, out: out.to_path_buf(), panoptic, tool: None })
    }

    /// Whether the form needs to know where photos are.
    pub fn refers_to_photos(&self) -> bool {
        self.tool.is_some()
    }

    /// The files that an image has of its own.
    pub fn files(&self, image: &ImageEntry) -> Result<Vec<PathBuf>> {
        match (self.target, &self.panoptic, &self.tool) {
            (.., Some(tool)) => Ok(tool.file(image)?.into_iter().collect()),
            (_, Some(writer), _) => Ok(vec![writer.png_path(image)]),
            (Target::CocoInstances | Target::CocoResults, ..) => Ok(Vec::new()),
            (Target::CityscapesInstances, ..) => Ok(vec![self.out.join(format!("{}_pred.txt", image.id))]),
            _ => Ok(vec![self.named(image)?]),
        }
    }

    /// A digest of all files of an image that was written.
    ///
    /// # Errors
    /// If one is not there.
    pub fn digest(&self, image: &ImageEntry, part: &Part) -> Result<String> {
        if let (Some(tool), Part::Tool(entry)) = (&self.tool, part) {
            tool.check_link(image, entry)?;
        }
        let mut files = self.files(image)?;
        if self.target == Target::CityscapesInstances {
            for file in files.clone() {
                files.extend(read_instances(&file)?.into_iter().map(|instance| instance.mask));
            }
        }
        let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        digest_of(&files)
    }

    fn named(&self, image: &ImageEntry) -> Result<PathBuf> {
        check_name(&image.file_name)
            .map_err(|reason| Error::entry(&self.out, format!("image {}", image.id), reason))?;
        Ok(self.out.join(with_slashes(&image.file_name)).with_extension("png"))
    }

    /// A file of an image in the folder.
    fn file(&self, image: &ImageEntry) -> Result<PathBuf> {
        let file = self.named(image)?;
        if let Some(folder) = file.parent() {
            files::create_folder(folder)?;
        }
        Ok(file)
    }

    /// Writes an image, whose photo is looked for by `photo` if the form refers to it.
    pub fn write(
        &self,
        image: &ImageEntry,
        photo: impl FnOnce() -> Result<Option<PathBuf>>,
        panoptic: &Panoptic,
    ) -> Result<Part> {
        if let Some(tool) = &self.tool {
            let photo = photo()?;
            return tool.write(&Labelled { image, photo: photo.as_deref(), panoptic }).map(Part::Tool);
        }
        match (self.target, &self.panoptic) {
            (Target::CocoPanoptic, Some(writer)) => {
                return Ok(Part::Annotation(writer.write(image, panoptic)?));
            }
            (Target::CocoInstances, _) => {
                return Ok(Part::Instances(instances(image, panoptic, self.categories)));
            }
            (Target::CocoResults, _) => {
                return Ok(Part::Detections(detections(&image.id, panoptic, self.categories)));
            }
            (Target::CityscapesInstances, _) => {
                let id = image.id.to_string();
                check_name(&id).map_err(|reason| Error::entry(&self.out, "image id", reason))?;
                self.regular_ids(panoptic, image)?;
                write_instances(&self.out, &id, panoptic)?;
            }
            (Target::LabelIds, _) => {
                let ids = self.regular_ids(panoptic, image)?;
                let map = panoptic.map.map(|id| ids.get(&id).copied().unwrap_or(0));
                png::write_labels(&self.file(image)?, &map)?;
            }
            (Target::Semantic, _) => {
                let index = |class: u32| self.categories.index_of(class).map_or(VOID, |index| index as u32);
                let map = panoptic.semantic(u32::MAX).map(index);
                png::write_labels(&self.file(image)?, &map)?;
            }
            _ => {
                let file = self.file(image)?;
                let maps = self.channels(panoptic);
                let three = self.target == Target::ThreeChannel;
                let encode = if three { codec::encode_three_channel } else { codec::encode_two_channel };
                files::write(&file, &encode(&maps).map_err(Error::masks(&file))?)?;
            }
        }
        Ok(Part::Nothing)
    }

    /// The regular id of each segment.
    fn regular_ids(&self, panoptic: &Panoptic, image: &ImageEntry) -> Result<HashMap<u32, u32>> {
        let id = |segment: &kmax_masks::Segment| {
            let known = self.categories.get(segment.category_id);
            let label = by_train_id(segment.category_id).filter(|l| known.is_some_and(|c| c.name == l.name));
            match label {
                Some(label) => Ok((segment.id, u32::from(label.id))),
                None => {
                    let reason = format!("class {} is not one of Cityscapes' train ids", segment.category_id);
                    Err(Error::entry(&self.out, format!("image {}", image.id), reason))
                }
            }
        };
        panoptic.segments.iter().map(id).collect()
    }

    fn channels(&self, panoptic: &Panoptic) -> TwoChannel {
        let void = void(self.categories);
        let segments = numbered(panoptic, |class| self.categories.is_thing(class));
        let of: HashMap<u32, (u32, u32)> =
            segments.into_iter().map(|(id, class, nth)| (id, (class, nth))).collect();
        TwoChannel {
            semantic: panoptic.map.map(|id| of.get(&id).map_or(void, |found| found.0)),
            instance: panoptic.map.map(|id| of.get(&id).map_or(0, |found| found.1)),
        }
    }

    pub fn finish(self, written: Vec<(ImageEntry, Part)>) -> Result<()> {
        if let Some(tool) = &self.tool {
            let entries = written.into_iter().filter_map(|(image, part)| match part {
                Part::Tool(entry) => Some((image, entry)),
                _ => None,
            });
            return tool.finish(entries.collect());
        }
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        let (mut instances, mut found) = (Vec::new(), Vec::new());
        for (image, part) in written {
            images.push(image);
            match part {
                Part::Nothing | Part::Tool(_) => {}
                Part::Annotation(annotation) => annotations.push(annotation),
                Part::Instances(of_image) => instances.extend(of_image),
                Part::Detections(of_image) => found.extend(of_image),
            }
        }
        match (self.target, &self.panoptic) {
            (Target::CocoPanoptic, Some(writer)) => writer.finish(images, annotations, self.categories),
            (Target::CocoResults, _) => write_detections(&self.out, &found),
            (Target::CocoInstances, _) => {
                for (position, instance) in instances.iter_mut().enumerate() {
                    // From 1 on: pycocotools takes 0 for no object.
                    instance.id = position as i64 + 1;
                }
                let things = self.categories.iter().filter(|category| category.isthing).cloned().collect();
                let file = InstancesFile { images, annotations: instances, categories: things };
                files::write_json(&self.out, &file)
            }
            _ => Ok(()),
        }
    }
}

/// The things of an image, crowds included; ids come later.
fn instances(image: &ImageEntry, panoptic: &Panoptic, categories: &Categories) -> Vec<InstanceEntry> {
    let masks = Rle::encode_all(&panoptic.map);
    let things = panoptic.segments.iter().filter(|segment| categories.is_thing(segment.category_id));
    let found = things.filter_map(|segment| {
        let at = masks.binary_search_by_key(&segment.id, |(id, _)| *id).ok()?;
        let mask = &masks[at].1;
        Some(InstanceEntry {
            id: 0,
            image_id: image.id.clone(),
            category_id: segment.category_id,
            area: Some(mask.area() as f64),
            bbox: mask.bbox().map(f64::from),
            segmentation: Segmentation::Rle(mask.clone()),
            iscrowd: segment.iscrowd,
        })
    });
    found.collect()
}
