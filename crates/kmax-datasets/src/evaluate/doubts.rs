//! Numbers that contradict themselves: they are printed, and a warning names the entry.

use kmax_masks::{Categories, LabelMap};
use kmax_metrics::instance::{InstanceReport, Truth};
use kmax_metrics::panoptic::ImageQuality;

use crate::coco::{Annotation, Segmentation};

/// What sums of rounded numbers may be above their bound.
const ROUNDING: f64 = 1e-9;

/// Something odd: how often, and where first.
#[derive(Default)]
pub(super) struct Doubt {
    first: Option<String>,
    count: usize,
}

impl Doubt {
    pub fn note(&mut self, entry: impl FnOnce() -> String) {
        self.first.get_or_insert_with(entry);
        self.count += 1;
    }

    /// Both; the first is that of `self`.
    pub fn join(&mut self, other: Self) {
        self.first = self.first.take().or(other.first);
        self.count += other.count;
    }

    /// The warning, if there is anything odd.
    pub fn warning(self, file: &str) -> Option<String> {
        let more = match self.count {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        self.first.map(|first| format!("{file}: {first}{more}"))
    }
}

/// Segments of the ground truth whose area is not that of their mask, as the official numbers take the json's.
pub(super) fn areas(entry: &str, annotation: &Annotation, map: &LabelMap) -> Doubt {
    let mut doubt = Doubt::default();
    let extents = map.extents();
    for segment in &annotation.segments_info {
        let at = extents.binary_search_by_key(&segment.id, |(id, _)| *id);
        let pixels = at.map_or(0, |at| extents[at].1.area);
        if segment.area.is_some_and(|area| area != pixels) {
            let area = segment.area.unwrap_or_default();
            doubt.note(|| {
                format!(
                    "{entry}: segment {}: an area of {area}, but its mask has {pixels} pixels",
                    segment.id
                )
            });
        }
    }
    doubt
}

/// Scores of an image's segments that are no share.
pub(super) fn scores(entry: &str, annotation: &Annotation) -> Doubt {
    let mut doubt = Doubt::default();
    for segment in &annotation.segments_info {
        if let Some(score) = segment.score {
            score_of(f64::from(score), &mut doubt, || format!("{entry}: segment {}", segment.id));
        }
    }
    doubt
}

/// A score that is no share.
pub(super) fn score_of(score: f64, doubt: &mut Doubt, entry: impl FnOnce() -> String) {
    if !(0.0..=1.0).contains(&score) {
        doubt.note(|| format!("{}: a score of {score} is not between 0 and 1", entry()));
    }
}

/// Classes of an image whose matches have a mean IoU above 1, and so a PQ above RQ.
pub(super) fn ratios(entry: &str, found: &ImageQuality, categories: &Categories) -> Doubt {
    let mut doubt = Doubt::default();
    for (id, counts) in &found.classes {
        if counts.sq() > 1.0 + ROUNDING {
            let name = categories.get(*id).map_or("?", |category| &category.name);
            let (sq, pq) = (counts.sq(), counts.pq());
            doubt.note(|| {
                format!("{entry}: class {id} ({name}): an SQ of {sq:.3} and a PQ of {pq:.3}, above 1")
            });
        }
    }
    doubt
}

/// Objects of the ground truth whose area is not that of their mask.
pub(super) fn object_area(
    entry: impl FnOnce() -> String,
    segmentation: &Segmentation,
    truth: &Truth,
    doubt: &mut Doubt,
) {
    let pixels = truth.mask.area() as f64;
    if !segmentation.area_fits(truth.area, pixels) {
        doubt.note(|| format!("{}: an area of {}, but its mask has {pixels} pixels", entry(), truth.area));
    }
}

/// Numbers of a report that are above 1.
pub(super) fn stats(report: &InstanceReport) -> Doubt {
    let mut doubt = Doubt::default();
    let all = [("AP", report.stats.AP), ("AP50", report.stats.AP50), ("AP75", report.stats.AP75)];
    let classes = report.per_category.iter().map(|(_, class)| (class.name.as_str(), class.stats.AP));
    for (name, value) in all.into_iter().chain(classes) {
        if value > 1.0 + ROUNDING {
            doubt.note(|| format!("{name}: an AP of {value:.3}, above 1"));
        }
    }
    doubt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_named_and_the_rest_counted() {
        let mut doubt = Doubt::default();
        let mut later = Doubt::default();
        score_of(0.5, &mut doubt, || "a".into());
        assert!(Doubt::default().warning("f").is_none());
        score_of(-0.5, &mut doubt, || "b".into());
        score_of(1.5, &mut later, || "c".into());
        score_of(f64::NAN, &mut later, || "d".into());
        doubt.join(later);
        assert_eq!(
            doubt.warning("f.json").as_deref(),
            Some("f.json: b: a score of -0.5 is not between 0 and 1 (and 2 more)")
        );
    }
}
