//! What annotation tools write, and what they take back.
//!
//! [`open`] reads a folder or a file in any [`Form`] into [`Annotated`](crate::Annotated); `docs/FORMS.md` says how each is laid out and
//! what is made of overlaps, unlabelled pixels and boxes.

mod binary;
mod cityscapes;
mod classes;
mod coco;
mod form;
mod label_studio;
mod labelled;
mod labelme;
mod maps;
mod names;
mod open;
mod options;
mod outlines;
mod paint;
mod parts;
mod photos;
mod semantic;
mod shown;
mod sniff;
mod splits;
mod subset;
mod survey;
#[cfg(test)]
mod testing;
mod text;
mod voc;
pub mod write;
mod yolo;

pub use form::Form;
pub use open::open;
pub use options::{Opened, Options, Split};
pub use parts::{HELD_OUT, Parts};
pub(crate) use splits::ALL;
pub use subset::held_out;
