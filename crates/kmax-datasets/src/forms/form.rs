//! The forms by name.

/// A form in which annotated images are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// COCO's panoptic form: a json and a folder of PNGs of segment ids.
    CocoPanoptic,
    /// COCO's instance annotations: a json of polygons and run-length codes.
    CocoInstances,
    /// PNGs of classes beside photos.
    Semantic,
    /// A binary mask an object.
    BinaryMasks,
    /// Cityscapes as the site distributes it.
    Cityscapes,
    /// ADE20K: panoptic as its converter makes it, or the class maps of the scene parsing challenge.
    Ade20k,
    /// Polygons of YOLO: `data.yaml` and a text file an image.
    Yolo,
    /// A json an image, as labelme writes it.
    Labelme,
    /// CVAT's "segmentation mask" export: the folders of Pascal VOC with `labelmap.txt`.
    CvatMask,
    /// The json that Label Studio exports.
    LabelStudio,
    /// Pascal VOC: `SegmentationClass` and `SegmentationObject`.
    Voc,
}

impl Form {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::CocoPanoptic,
        Self::CocoInstances,
        Self::Semantic,
        Self::BinaryMasks,
        Self::Cityscapes,
        Self::Ade20k,
        Self::Yolo,
        Self::Labelme,
        Self::CvatMask,
        Self::LabelStudio,
        Self::Voc,
    ];

    /// Its name, as the option `--form` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::CocoPanoptic => "coco-panoptic",
            Self::CocoInstances => "coco-instances",
            Self::Semantic => "semantic",
            Self::BinaryMasks => "binary-masks",
            Self::Cityscapes => "cityscapes",
            Self::Ade20k => "ade20k",
            Self::Yolo => "yolo",
            Self::Labelme => "labelme",
            Self::CvatMask => "cvat-mask",
            Self::LabelStudio => "label-studio",
            Self::Voc => "voc",
        }
    }

    /// The form of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_forms() {
        for form in Form::ALL {
            assert_eq!(Form::named(form.name()), Some(form));
        }
        assert_eq!(Form::named("COCO"), None);
    }
}
