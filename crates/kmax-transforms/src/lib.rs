//! From image files to what a network takes: reading, and the transforms of inference and training.
//!
//! | module | what |
//! | --- | --- |
//! | [`read_image`] | JPEG, PNG, WebP, TIFF, GIF, BMP and PNM, turned upright, as 8-bit sRGB |
//! | [`Bands`] | the same by rows, for images that are too large to be held |
//! | [`eval`] | from an image to the input of a network, as both reference implementations do it, or fitted |
//! | [`augment`] | what is done to a labelled image in training: ours or that of either reference implementation |
//! | [`train`] | our own transform: scale, crop, flip, colour |
//! | [`deeplab2`], [`pytorch`] | the training transforms of the two reference implementations |
//! | [`resize`], [`pillow`], [`resample`] | resizing as TensorFlow, Pillow and our own training do it |
//! | [`planar`], [`labels`] | padding, cropping and mirroring of images and maps |
//! | [`Draw`] | random draws that depend on what is drawn for, not on who draws first |
//!
//! ```
//! use kmax_transforms::RgbImage;
//! use kmax_transforms::eval::{self, PytorchEval};
//!
//! # fn main() -> kmax_transforms::Result<()> {
//! let image = RgbImage::new(640, 480);
//! let input = eval::pytorch(&image, &PytorchEval::square(641))?;
//! assert_eq!((input.image.width, input.image.height), (641, 641));
//! assert_eq!((input.content_width, input.content_height), (641, 481));
//! # Ok(())
//! # }
//! ```
//!
//! Files are not trusted: what is no picture is refused by its first bytes, and sizes are checked before anything is
//! decoded.

#![forbid(unsafe_code)]

pub mod augment;
mod bands;
pub mod colour;
mod decode;
pub mod deeplab2;
pub mod draw;
mod error;
pub mod eval;
mod example;
mod exif;
mod format;
mod icc;
pub mod labels;
mod paste;
pub mod pillow;
pub mod planar;
pub mod pytorch;
mod read;
mod reading;
pub mod resample;
pub mod resize;
mod sample;
pub mod size;
mod srgb;
mod stored;
pub mod train;

pub use augment::Augmentation;
pub use bands::Bands;
pub use draw::Draw;
pub use error::{Error, FORMATS, MAX_PIXELS, Result};
pub use image::RgbImage;
pub use kmax_base::ErrorKind;
pub use kmax_masks::{Categories, ImageId, LabelMap, Panoptic, Segment};
pub use read::{Picture, decode_image, decode_picture, read_image, read_picture};
pub use reading::Reading;
pub use sample::Sample;
pub use stored::stored_size;

/// The program of the README runs as it stands.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
