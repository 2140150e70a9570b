//! COCO, Cityscapes and ADE20K on disk: readers, writers and transforms for panoptic segmentation.
//!
//! [`coco::CocoPanoptic`] reads any folder in COCO's panoptic form. [`transforms`] turns its samples into what a
//! network takes, in the ways of our trainer and of both originals, and [`loader::Loader`] does so on several
//! threads in an order that depends on nothing but seed and epoch.
//!
//! Files are not trusted: sizes are checked before anything is allocated, and what does not fit is an error that
//! names the file and the entry.

pub mod check;
pub mod cityscapes;
pub mod coco;
pub mod convert;
mod draw;
mod error;
pub mod evaluate;
mod files;
mod json;
pub mod layout;
pub mod loader;
pub mod photo;
pub mod png;
mod sample;
pub mod transforms;

pub use draw::Draw;
pub use error::{Error, Result};
pub use files::write as write_file;
pub use image::RgbImage;
pub use json::read_categories;
pub use sample::Sample;
