//! From an image to the network's input: settings, and their file.

use super::hub::{self, Parsed};
use crate::error::{Error, Result};
use kmax_tiles::Tiling;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How an image is brought to the network's size, by the convention of a reference implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "family", rename_all = "snake_case")]
pub enum ResizeConfig {
    /// Bilinear with corners aligned, height and width rounded down in float32; padded at the bottom and on the right.
    Deeplab2 {
        /// Smallest `[height, width]` of the resized image; none: an image is not enlarged.
        min: Option<[usize; 2]>,
        /// Largest `[height, width]`; none: the network's size.
        max: Option<[usize; 2]>,
    },
    /// detectron2's: Pillow's bilinear filter to 8-bit values, padded at the bottom and on the right.
    #[serde(alias = "port")]
    Pytorch {
        /// The shorter edge of the resized image.
        shortest_edge: usize,
        /// The largest edge of the resized image.
        longest_edge: usize,
    },
    /// Pillow's bilinear filter to the image's own shape; height and width of the input are the next `32 k + 1`.
    Fit {
        /// The longer edge of the resized image, itself `32 k + 1`.
        longest_edge: usize,
    },
}

/// From an image to the network's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreprocessConfig {
    /// Height and width of the network's input; with [`ResizeConfig::Fit`] the largest it can have.
    pub size: [usize; 2],
    /// How an image is brought to it.
    pub resize: ResizeConfig,
    /// Mean of each channel, of values 0 to 255.
    #[serde(rename = "image_mean")]
    pub mean: [f64; 3],
    /// Standard deviation of each channel, of values 0 to 255.
    #[serde(rename = "image_std")]
    pub std: [f64; 3],
    /// Tiles that images which are much larger are cut into; none: the network always sees the whole image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tiles: Option<Tiling>,
}

/// Larger inputs than this are mistakes.
const LARGEST: usize = 1 << 14;

impl PreprocessConfig {
    /// Stands where nothing is known yet; [`Draft`](super::Draft) keeps anybody from running a model with it.
    pub(super) fn unset() -> Self {
        Self::pytorch([1281; 2])
    }

    /// The PyTorch convention: the longer edge of an image fills that of the network's input.
    pub fn pytorch(size: [usize; 2]) -> Self {
        let (shortest_edge, longest_edge) = (size[0].min(size[1]), size[0].max(size[1]));
        let resize = ResizeConfig::Pytorch { shortest_edge, longest_edge };
        Self { size, resize, mean: [127.5; 3], std: [127.5; 3], tiles: None }
    }

    /// deeplab2's convention on COCO and ADE20K: an image fills the square input as far as it can.
    pub fn deeplab2(edge: usize) -> Self {
        let size = [edge; 2];
        Self { resize: ResizeConfig::Deeplab2 { min: Some(size), max: Some(size) }, ..Self::pytorch(size) }
    }

    /// deeplab2's convention on Cityscapes: an image is shrunk to the input but not enlarged to it.
    pub fn deeplab2_within(size: [usize; 2]) -> Self {
        Self { resize: ResizeConfig::Deeplab2 { min: None, max: None }, ..Self::pytorch(size) }
    }

    /// The input takes the shape of each image, with a longer edge of `longest_edge` (`32 k + 1`).
    pub fn fit(longest_edge: usize) -> Self {
        Self { resize: ResizeConfig::Fit { longest_edge }, ..Self::pytorch([longest_edge; 2]) }
    }

    /// With the same mean and standard deviation for every channel.
    #[must_use]
    pub fn normalized(self, (mean, std): (f64, f64)) -> Self {
        Self { mean: [mean; 3], std: [std; 3], ..self }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field.
    pub fn validate(&self) -> Result<()> {
        let fail = |field: &str, reason: String| Err(Error::Config { field: field.into(), reason });
        let mut sizes = vec![("size", self.size)];
        match self.resize {
            ResizeConfig::Deeplab2 { min, max } => {
                sizes.extend(min.map(|min| ("resize.min", min)));
                sizes.extend(max.map(|max| ("resize.max", max)));
            }
            ResizeConfig::Pytorch { shortest_edge, longest_edge } => {
                sizes.push(("resize", [shortest_edge, longest_edge]));
            }
            ResizeConfig::Fit { longest_edge } => {
                if longest_edge % 32 != 1 {
                    return fail("resize.longest_edge", format!("must be 32 k + 1, not {longest_edge}"));
                }
                if self.size != [longest_edge; 2] {
                    return fail(
                        "size",
                        format!("must be {longest_edge} by {longest_edge} where inputs fit the image"),
                    );
                }
            }
        }
        if let Some((name, size)) = sizes.iter().find(|(_, s)| s.iter().any(|s| !(1..=LARGEST).contains(s))) {
            return fail(name, format!("must have 1 to {LARGEST} pixels in height and width, not {size:?}"));
        }
        match self.tiles.map(Tiling::check) {
            Some(Err(kmax_tiles::Error::Setting(reason))) => return fail("tiles", reason),
            Some(Err(error)) => return fail("tiles", error.to_string()),
            Some(Ok(())) | None => {}
        }
        if let Some(mean) = self.mean.iter().find(|mean| !mean.is_finite()) {
            return fail("image_mean", format!("must hold numbers, not {mean}"));
        }
        match self.std.iter().find(|std| !(std.is_finite() && **std > 0.0)) {
            Some(std) => fail("image_std", format!("must hold numbers above 0, not {std}")),
            None => Ok(()),
        }
    }

    /// As `preprocessor_config.json`, with the keys of transformers' image processors. Values are not rescaled to 0..1
    /// before mean and deviation apply.
    pub fn to_json(&self) -> Value {
        let mut value = json!({
            "image_processor_type": "KMaxImageProcessor",
            "do_resize": true,
            "do_rescale": false,
            "do_normalize": true,
            "do_pad": true,
            "size": { "height": self.size[0], "width": self.size[1] },
        });
        value["resize"] = json!(self.resize);
        value["image_mean"] = json!(self.mean);
        value["image_std"] = json!(self.std);
        if let Some(tiles) = self.tiles {
            value["tiles"] = json!(tiles);
        }
        value
    }

    /// Reads what [`Self::to_json`] gives. Fields that mean nothing here are named in the warnings.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field that is wrong or missing.
    pub fn from_json(mut value: Value) -> Result<Parsed<Self>> {
        let fail =
            |field: &str, reason: &str| Err(Error::Config { field: field.into(), reason: reason.into() });
        for (flag, expected) in
            [("do_resize", true), ("do_rescale", false), ("do_normalize", true), ("do_pad", true)]
        {
            match value.get(flag) {
                None => {}
                Some(found) if *found == expected => {}
                Some(_) => return fail(flag, &format!("must be {expected}: nothing else is supported")),
            }
        }
        let Some(fields) = value.as_object_mut() else {
            return fail("preprocessor_config", "must be an object");
        };
        for known in ["image_processor_type", "do_resize", "do_rescale", "do_normalize", "do_pad"] {
            fields.shift_remove(known);
        }
        if let Some(Value::Object(size)) = fields.get("size") {
            let length = |name: &str| size.get(name).cloned().unwrap_or(Value::Null);
            let both = json!([length("height"), length("width")]);
            fields.insert("size".into(), both);
        }
        let parsed: Parsed<Self> = hub::deserialize(&value)?;
        parsed.value.validate()?;
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_leads_back() -> Result<()> {
        for config in [
            PreprocessConfig::pytorch([1025, 2049]),
            PreprocessConfig::deeplab2(641),
            PreprocessConfig::fit(385),
            PreprocessConfig { tiles: Some(Tiling::of(256)), ..PreprocessConfig::fit(513) },
            PreprocessConfig::deeplab2_within([1025, 2049]).normalized((127.0, 128.0)),
        ] {
            let parsed = PreprocessConfig::from_json(config.to_json())?;
            assert_eq!((parsed.value, parsed.warnings), (config, vec![]));
        }
        Ok(())
    }

    #[test]
    fn mistakes_are_named() {
        let good = PreprocessConfig::deeplab2(641).to_json();
        for (field, wrong, named) in [
            ("size", json!({ "height": 641 }), "size[1]"),
            ("size", json!({ "height": 0, "width": 3 }), "size"),
            ("do_rescale", json!(true), "do_rescale"),
            ("image_std", json!([1, 0, 1]), "image_std"),
            ("resize", json!({ "family": "other" }), "resize"),
            ("resize", json!({ "family": "fit", "longest_edge": 640 }), "resize.longest_edge"),
            ("resize", json!({ "family": "fit", "longest_edge": 385 }), "size"),
            ("tiles", json!({ "size": 100, "overlap": 34 }), "tiles"),
            ("tiles", json!({ "size": -1, "overlap": 0 }), "tiles.size"),
        ] {
            let mut value = good.clone();
            value[field] = wrong;
            let message = PreprocessConfig::from_json(value).expect_err(field).to_string();
            assert!(message.contains(named), "{message}");
        }
        let mut value = good;
        value["resample"] = json!(2);
        let warnings = PreprocessConfig::from_json(value).expect("a warning only").warnings;
        assert_eq!(warnings, ["resample"]);
    }
}
