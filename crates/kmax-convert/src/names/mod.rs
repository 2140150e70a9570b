//! Names of parameters in foreign checkpoints and in ours.
//!
//! Whole models: [`pytorch`] and [`deeplab2`], both ways. Encoders alone: [`pytorch_backbone`], [`deeplab2_axial`],
//! [`deeplab2_convnext`], and [`imagenet_backbone`] for what others trained. [`rows`] says how classes are ordered, and
//! [`naming`] tells from the names of a checkpoint which of the maps it needs.

pub mod deeplab2;
pub mod deeplab2_axial;
pub mod deeplab2_convnext;
pub mod imagenet_backbone;
pub mod layout;
mod modules;
pub mod naming;
mod pattern;
pub mod pytorch;
pub mod pytorch_backbone;
pub mod rows;
