//! How much of what one model finds another one finds as well.

use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{bar, remark};
use crate::photos::Input;
use indicatif::ProgressBar;
use kmax::{Model, Panoptic, Precision, Segmenter};
use kmax_masks::{LabelMap, Rle, Segment};
use kmax_metrics::PanopticQuality;
use kmax_transforms::Picture;

/// What a model finds in photos in float32, as run-length codes: several models are compared with it.
pub struct Reference<'a> {
    photos: Vec<(&'a Input, Found)>,
    model: Model,
    /// Photos that could not be read.
    pub failed: usize,
}

/// A segmentation of one photo.
struct Found {
    /// The photo, if it cannot be read again.
    picture: Option<Picture>,
    size: (usize, usize),
    segments: Vec<Segment>,
    masks: Vec<(u32, Rle)>,
}

impl Found {
    fn of(picture: Option<Picture>, panoptic: Panoptic) -> Self {
        let Panoptic { map, segments } = panoptic;
        Self { picture, size: (map.width(), map.height()), segments, masks: Rle::encode_all(&map) }
    }

    /// What another model finds in the same photo.
    fn again(&self, photo: &Input, segmenter: &Segmenter) -> Outcome<Panoptic> {
        let found = match &self.picture {
            Some(picture) => segmenter.segment(&picture.image)?,
            None => {
                let picture = photo.read(&segmenter.reading()).map_err(|error| Failure::of(&error))?;
                segmenter.segment(&picture.image)?
            }
        };
        if (found.map.width(), found.map.height()) != self.size {
            let message = format!("{}: it was replaced meanwhile", photo.file.display());
            return Err(Failure::new(Code::Input, message));
        }
        Ok(found)
    }

    fn panoptic(&self) -> Outcome<Panoptic> {
        let mut map = LabelMap::filled(self.size.0, self.size.1, 0)?;
        for (id, mask) in &self.masks {
            mask.paint(&mut map, *id)?;
        }
        Ok(Panoptic::new(map, self.segments.clone()))
    }
}

/// What a model and the one before agree on.
pub struct Agreement {
    photos: usize,
    /// Share of the pixels with the same class.
    pixels: f64,
    /// Panoptic quality in 0..1, the first model's segments being the truth; `None` if neither found any.
    pub quality: Option<f64>,
}

/// A bar for the work on so many photos.
pub fn progress(photos: usize) -> ProgressBar {
    bar(Some(photos as u64), "{bar:24} {pos}/{len} photos, {eta} left")
}

impl<'a> Reference<'a> {
    /// What `model` finds. A photo that cannot be read is told and left out, but that there must be one.
    pub fn new(model: &Model, photos: &'a [Input]) -> Outcome<Self> {
        let segmenter = Segmenter::builder(model.clone()).build().or_fail_loading()?;
        let bar = progress(photos.len());
        let (mut found, mut failed) = (Vec::new(), 0);
        for photo in photos {
            bar.inc(1);
            match photo.read(&segmenter.reading()) {
                Ok(picture) => {
                    let panoptic = segmenter.segment(&picture.image)?;
                    found.push((photo, Found::of(photo.stdin.then_some(picture), panoptic)));
                }
                Err(error) if photos.len() == 1 => return Err(Failure::of(&error)),
                Err(error) => {
                    bar.suspend(|| remark(&format!("error: {}", Failure::of(&error).message)));
                    failed += 1;
                }
            }
        }
        bar.finish_and_clear();
        if found.is_empty() {
            return Err(Failure::new(Code::Input, "none of the photos could be read"));
        }
        Ok(Self { photos: found, model: model.clone(), failed })
    }

    /// How many photos there are.
    pub fn photos(&self) -> usize {
        self.photos.len()
    }

    /// Of `other`, in int8. `after` is called after each photo.
    pub fn agreement(&self, other: &Model, after: impl Fn()) -> Outcome<Agreement> {
        let segmenter =
            Segmenter::builder(other.clone()).precision(Precision::Int8).build().or_fail_loading()?;
        let mut quality = PanopticQuality::new(self.model.config().categories.clone());
        let (mut same, mut all) = (0, 0);
        for (at, (photo, truth)) in self.photos.iter().enumerate() {
            let (truth, found) = (truth.panoptic()?, truth.again(photo, &segmenter)?);
            let classes = |panoptic: &Panoptic| panoptic.semantic(u32::MAX);
            let (one, two) = (classes(&truth), classes(&found));
            same += one.data().iter().zip(two.data()).filter(|(a, b)| a == b).count();
            all += one.data().len();
            quality.add((at as i64).into(), &truth, &found)?;
            after();
        }
        let quality = quality.report().all.pq;
        Ok(Agreement { photos: self.photos.len(), pixels: same as f64 / all.max(1) as f64, quality })
    }
}

impl Agreement {
    /// One line.
    pub fn told(&self) -> String {
        let Self { photos, pixels, quality } = self;
        let several = if *photos == 1 { "" } else { "s" };
        let quality =
            quality.map_or_else(|| "no segments".into(), |quality| format!("PQ {:.1}", 100.0 * quality));
        format!(
            "on {photos} photo{several}, in int8 against the model before in float32: {quality}, {:.1} % of the pixels have the same class",
            100.0 * pixels
        )
    }
}
