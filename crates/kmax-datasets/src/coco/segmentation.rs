//! The mask of an instance: polygons or a run-length code.

use std::borrow::Cow;
use std::fmt;

use kmax_masks::Rle;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A mask in one of the two forms of COCO's files.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Segmentation {
    /// Polygons `[x0, y0, x1, y1, ...]` in pixels, whose union is the mask.
    Polygons(Vec<Vec<f64>>),
    /// Runs, as a list or as the compressed string.
    Rle(Rle),
}

impl Segmentation {
    /// The mask in an image of this size.
    ///
    /// # Errors
    /// If a polygon cannot be filled, or the runs are of another size.
    pub fn mask(&self, width: usize, height: usize) -> kmax_masks::Result<Cow<'_, Rle>> {
        match self {
            Self::Polygons(polygons) => Rle::from_polygons(width, height, polygons).map(Cow::Owned),
            Self::Rle(rle) if (rle.width(), rle.height()) == (width, height) => Ok(Cow::Borrowed(rle)),
            Self::Rle(rle) => Err(kmax_masks::Error::SizesDiffer {
                left_width: rle.width(),
                left_height: rle.height(),
                right_width: width,
                right_height: height,
            }),
        }
    }
}

impl Segmentation {
    /// Whether an area that a file gives is that of a mask of so many pixels. Runs are exact; the area of polygons is the writer's and
    /// may differ by a fifth.
    pub(crate) fn area_fits(&self, area: f64, pixels: f64) -> bool {
        let slack = match self {
            Self::Rle(_) => 0.5,
            Self::Polygons(_) => 20.0 + 0.2 * pixels,
        };
        // Not a number is no area either.
        (area - pixels).abs() <= slack
    }
}

impl<'de> Deserialize<'de> for Segmentation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Segmentation;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("polygons or a run-length code")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Segmentation, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list)).map(Segmentation::Polygons)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Segmentation, A::Error> {
                Rle::deserialize(MapAccessDeserializer::new(map)).map(Segmentation::Rle)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Segmentation, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn three_forms_are_read() -> Result<(), String> {
        let square = read("[[1, 0, 3, 0, 3, 2, 1, 2]]")?;
        let list = read(r#"{"size": [3, 4], "counts": [3, 2, 1, 2, 4]}"#)?;
        let mask = |form: &Segmentation| form.mask(4, 3).map(Cow::into_owned).map_err(|e| e.to_string());
        assert_eq!(mask(&square)?, mask(&list)?);
        let text = serde_json::to_string(&list).map_err(|error| error.to_string())?;
        assert_eq!(read(&text)?, list);
        assert!(list.mask(3, 4).is_err_and(|error| error.to_string().contains("sizes differ")));
        Ok(())
    }

    #[test]
    fn what_is_no_mask_is_refused() {
        for text in [
            "7",
            "\"runs\"",
            "[1, 2, 3]",
            "[[1, \"2\"]]",
            r#"{"size": [3, 4], "counts": [13]}"#,
            r#"{"size": [3, 4], "counts": 12}"#,
            r#"{"size": [3, 4], "counts": "~~~"}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let thin = Segmentation::Polygons(vec![vec![0.0, 0.0, 1.0, 1.0]]);
        assert!(thin.mask(4, 4).is_err());
    }
}
