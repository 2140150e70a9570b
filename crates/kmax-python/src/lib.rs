//! The Python package `kmax-deeplab` (`import kmax_deeplab as kmax`): the part of it that is Rust.
//!
//! This crate only translates: arrays and dictionaries to the types of the crates below and back, their errors to exceptions, and
//! Ctrl-C to a cancelled task. What users see is the Python around it, in `python/kmax_deeplab`; the two agree on
//! `_native.pyi`. Without the feature `extension` the crate is empty.

#![deny(unsafe_code)]
#![cfg(feature = "extension")]

mod arrays;
mod checkpoints;
mod convert;
mod datasets;
mod failure;
mod files;
mod image;
mod metrics;
mod overlay;
mod program;
mod rle;
mod segmenter;
mod segments;
mod train;
mod work;

/// What Python imports as `kmax_deeplab._native`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::checkpoints::Checkpoint;
    #[pymodule_export]
    use crate::convert::convert;
    #[pymodule_export]
    use crate::datasets::{categories, check};
    #[pymodule_export]
    use crate::files::{evaluate_instances, evaluate_panoptic, evaluate_semantic};
    #[pymodule_export]
    use crate::image::{decode_panoptic, encode_panoptic, encode_rgb, read_image};
    #[pymodule_export]
    use crate::metrics::{MaskAp, PanopticQuality, SemanticQuality};
    #[pymodule_export]
    use crate::overlay::overlay;
    #[pymodule_export]
    use crate::program::run;
    #[pymodule_export]
    use crate::rle::{
        rle_area, rle_bbox, rle_decode, rle_encode, rle_from_counts, rle_from_map, rle_from_polygons,
        rle_iou, rle_merge,
    };
    #[pymodule_export]
    use crate::segmenter::Segmenter;
    #[pymodule_export]
    use crate::train::train;
    #[pymodule_export]
    use crate::work::forked;

    /// The version of the workspace.
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
