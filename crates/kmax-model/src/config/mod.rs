//! What a model is: network, classes, losses, post-processing and preprocessing.

mod classes;
mod draft;
mod hub;
mod preprocess;
#[cfg(test)]
mod tests;

pub use classes::ClassOrder;
pub use draft::{CONFIG_FILE, Draft, PREPROCESSOR_FILE};
pub use hub::{MODEL_TYPE, Parsed};
pub use preprocess::{PreprocessConfig, ResizeConfig};

use crate::error::{Error, Result};
use crate::network::NetworkConfig;
use crate::postprocess::PostprocessConfig;
use kmax_losses::LossConfig;
use kmax_masks::Categories;
use serde::{Deserialize, Serialize};

/// Everything that belongs to a model but its weights.
///
/// The reference implementations, deeplab2 (TensorFlow) and its PyTorch port, differ in nine places, and COCONut's code from
/// the port in three (2, 7, 10). Each is a field:
///
/// | | difference | field |
/// | --- | --- | --- |
/// | 1 | dilation of the pixel decoder's 3x3 convolutions | `network.pixel_decoder.bottleneck_dilation` |
/// | 2 | ResNet-50's max pool, maps before or after the ReLU, norms | `network.backbone`: `max_pool`, `features`, `norm_eps` |
/// | 3 | maps that the pixel decoder reads, and their strides | `network.levels` |
/// | 4 | maps that the auxiliary semantic head reads | `network.semantic_head`: `kind`, `activated_low_level` |
/// | 5 | order of the classes | `class_order` |
/// | 6 | crowd regions and semantic samples in the loss | `losses`: `crowd_pixels`, `semantic_samples` |
/// | 7 | post-processing | `postprocess`: `convention`, `semantic_by_best_query`, `instances_without_void` |
/// | 8 | resizing an image | `preprocess.resize` |
/// | 9 | MaX-S | `network.backbone`: `stem`, `axial_beyond_stride` |
/// | 10 | thresholds, size of the input, samples in the loss | their own |
///
/// On disk it is the `config.json` of the Hugging Face Hub ([`Self::to_json`]) with a `preprocessor_config.json`
/// beside it ([`PreprocessConfig::to_json`]).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// The network.
    pub network: NetworkConfig,
    /// The classes in the order of the class logits, void left out.
    pub categories: Categories,
    /// Which order that is.
    pub class_order: ClassOrder,
    /// Weights and settings of the training losses.
    pub losses: LossConfig,
    /// From logits to segments.
    pub postprocess: PostprocessConfig,
    /// From an image to the network's input; a file of its own on disk.
    #[serde(skip, default = "PreprocessConfig::unset")]
    pub preprocess: PreprocessConfig,
}

impl Config {
    /// Class indices of the things, rising.
    pub fn thing_ids(&self) -> Vec<usize> {
        self.categories.iter().enumerate().filter(|(_, c)| c.isthing).map(|(index, _)| index).collect()
    }

    /// The same model for other classes: as many outputs, and their names and order.
    ///
    /// # Errors
    /// [`Error::Config`] if there are none or too many.
    pub fn with_categories(mut self, categories: Categories) -> Result<Self> {
        // The auxiliary head may have an output for void besides.
        let extra = self.network.semantic_head.outputs.saturating_sub(self.network.classes);
        self.network.classes = categories.len();
        self.network.semantic_head.outputs = categories.len() + extra;
        self.categories = self.class_order.arrange(categories);
        self.validate()?;
        Ok(self)
    }

    /// Checks every part, and the parts against each other.
    ///
    /// # Errors
    /// [`Error::Config`] naming the field.
    pub fn validate(&self) -> Result<()> {
        let fail = |field: &str, reason: String| Err(Error::Config { field: field.into(), reason });
        self.network.validate().map_err(|error| match error {
            Error::Config { field, reason } => Error::Config { field: format!("network.{field}"), reason },
            other => other,
        })?;
        self.losses.check().map_err(|e| Error::Config { field: "losses".into(), reason: e.to_string() })?;
        self.postprocess.validate()?;
        self.preprocess.validate()?;
        if self.categories.len() != self.network.classes {
            let (found, expected) = (self.categories.len(), self.network.classes);
            return fail("categories", format!("{found} of them for a network of {expected} classes"));
        }
        if self.class_order == ClassOrder::ThingsFirst
            && !self.categories.as_slice().is_sorted_by_key(|category| !category.isthing)
        {
            return fail("class_order", "is things_first, but a stuff class stands before a thing".into());
        }
        Ok(())
    }
}
