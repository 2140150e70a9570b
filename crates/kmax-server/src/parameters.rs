//! What stands in the address of a request.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use kmax_model::PostprocessConfig;
use kmax_results::Task;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::{IntoParams, ToSchema};

/// The parameters of an address; those that mean nothing are an error, for they may be misspelt.
pub(crate) struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => Err(Problem::invalid(rejection.body_text())),
        }
    }
}

/// What is wanted of a photo.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TaskName {
    /// Every pixel in at most one segment: things apart from each other, and stuff.
    #[default]
    Panoptic,
    /// Things, each with a mask of its own.
    Instance,
    /// A class for every pixel.
    Semantic,
}

impl TaskName {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Panoptic => "panoptic",
            Self::Instance => "instance",
            Self::Semantic => "semantic",
        }
    }
}

impl From<TaskName> for Task {
    fn from(name: TaskName) -> Self {
        match name {
            TaskName::Panoptic => Self::Panoptic,
            TaskName::Instance => Self::Instance,
            TaskName::Semantic => Self::Semantic,
        }
    }
}

/// How JSON holds the masks of segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Masks {
    /// COCO's compressed run-length code, in `segmentation`.
    #[default]
    Rle,
    /// A grey PNG of the photo's size, 255 inside, as base64 in `mask_png`.
    Png,
    /// Not at all.
    None,
}

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// The list of what was found.
    Json,
    /// The map of segments or classes, as PNG.
    Map,
    /// The photo with segments drawn over it, as PNG.
    Overlay,
    /// All three, as the files that `kmax segment` writes.
    Zip,
}

/// How a photo is segmented.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// The model's name; the first of `/v1/models` if nothing is said.
    #[param(nullable = false)]
    pub model: Option<String>,
    #[param(inline)]
    pub task: TaskName,
    /// The form of the answer; if nothing is said, what `Accept` asks for, and JSON if that says nothing.
    #[param(inline, nullable = false)]
    pub format: Option<Format>,
    #[param(inline)]
    pub masks: Masks,
    /// What shows behind transparent pixels: six hexadecimal digits, red, green and blue.
    #[param(nullable = false, pattern = "^[0-9a-fA-F]{6}$")]
    pub background: Option<String>,
    /// Score that an instance needs, with `task=instance`; the class threshold if nothing is said.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub min_score: Option<f32>,
    /// Class probability that a thing needs; the model's if nothing is said, as with those below.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub class_threshold_thing: Option<f32>,
    /// Class probability that stuff needs.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub class_threshold_stuff: Option<f32>,
    /// Probability that a mask must exceed at a pixel.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub pixel_threshold: Option<f32>,
    /// Share of a mask that must still be free when its turn comes.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub overlap_threshold: Option<f32>,
    /// Pixels that a thing needs at the network's size.
    #[param(nullable = false, minimum = 0)]
    pub thing_area_limit: Option<u32>,
    /// Pixels that a stuff class needs at the network's size.
    #[param(nullable = false, minimum = 0)]
    pub stuff_area_limit: Option<u32>,
}

/// Thresholds; what is not said is the model's.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Thresholds {
    /// Class probability that a thing needs; the model's if nothing is said, as with those below.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub class_threshold_thing: Option<f32>,
    /// Class probability that stuff needs.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub class_threshold_stuff: Option<f32>,
    /// Probability that a mask must exceed at a pixel.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub pixel_threshold: Option<f32>,
    /// Share of a mask that must still be free when its turn comes.
    #[param(nullable = false, minimum = 0, maximum = 1)]
    pub overlap_threshold: Option<f32>,
    /// Pixels that a thing needs at the network's size.
    #[param(nullable = false, minimum = 0)]
    pub thing_area_limit: Option<u32>,
    /// Pixels that a stuff class needs at the network's size.
    #[param(nullable = false, minimum = 0)]
    pub stuff_area_limit: Option<u32>,
}

impl Thresholds {
    /// The model's settings with those given here.
    ///
    /// # Errors
    /// If one is out of its range.
    pub fn settings(&self, model: PostprocessConfig) -> Result<PostprocessConfig, Problem> {
        let settings = PostprocessConfig {
            class_threshold_thing: self.class_threshold_thing.unwrap_or(model.class_threshold_thing),
            class_threshold_stuff: self.class_threshold_stuff.unwrap_or(model.class_threshold_stuff),
            pixel_threshold: self.pixel_threshold.unwrap_or(model.pixel_threshold),
            overlap_threshold: self.overlap_threshold.unwrap_or(model.overlap_threshold),
            thing_area_limit: self.thing_area_limit.unwrap_or(model.thing_area_limit),
            stuff_area_limit: self.stuff_area_limit.unwrap_or(model.stuff_area_limit),
            ..model
        };
        settings.validate()?;
        Ok(settings)
    }
}

impl Wanted {
    /// The thresholds among them.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds {
            class_threshold_thing: self.class_threshold_thing,
            class_threshold_stuff: self.class_threshold_stuff,
            pixel_threshold: self.pixel_threshold,
            overlap_threshold: self.overlap_threshold,
            thing_area_limit: self.thing_area_limit,
            stuff_area_limit: self.stuff_area_limit,
        }
    }

    /// Checks what the types do not say.
    ///
    /// # Errors
    /// If something is out of its range, or does not go together.
    pub fn check(&self) -> Result<(), Problem> {
        self.background()?;
        match self.min_score {
            Some(score) if !(0.0..=1.0).contains(&score) => {
                Err(Problem::invalid(format!("min_score must lie between 0 and 1, not be {score}")))
            }
            Some(_) if self.task != TaskName::Instance => {
                Err(Problem::invalid("min_score decides about instances only; add task=instance"))
            }
            _ => Ok(()),
        }
    }

    /// The colour behind transparent pixels.
    pub fn background(&self) -> Result<[u8; 3], Problem> {
        let Some(text) = &self.background else { return Ok([255; 3]) };
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Problem::invalid("background: expected six hexadecimal digits, such as ffffff"));
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).unwrap_or_default().to_be_bytes();
        Ok([red, green, blue])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str) -> Result<Wanted, String> {
        let uri = format!("/v1/segment?{query}").parse().expect("an address");
        let wanted = Query::<Wanted>::try_from_uri(&uri).map_err(|rejection| rejection.body_text())?.0;
        wanted
            .check()
            .and_then(|()| wanted.thresholds().settings(PostprocessConfig::coco()))
            .map_err(|p| p.detail)?;
        Ok(wanted)
    }

    #[test]
    fn mistakes_are_named() {
        let given =
            wanted("task=instance&min_score=0.5&background=0a0B0c&pixel_threshold=1e-1").expect("fine");
        assert_eq!(given.background().ok(), Some([10, 11, 12]));
        assert_eq!((given.pixel_threshold, given.task), (Some(0.1), TaskName::Instance));
        for (query, part) in [
            ("pixel_treshold=0.1", "pixel_treshold"),
            ("pixel_threshold=nan", "pixel_threshold"),
            ("pixel_threshold=", "pixel_threshold"),
            ("overlap_threshold=2", "overlap_threshold"),
            ("min_score=0.5", "task=instance"),
            ("task=instance&min_score=2", "min_score"),
            ("task=all", "task"),
            ("background=fff", "background"),
            ("background=%C3%A9%C3%A9%C3%A9", "background"),
            ("model=a&model=b", "model"),
            ("thing_area_limit=-1", "thing_area_limit"),
        ] {
            let reason = wanted(query).expect_err(query);
            assert!(reason.contains(part), "{query}: {reason}");
        }
    }
}
