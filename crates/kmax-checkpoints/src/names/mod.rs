//! Names of parameters in foreign checkpoints and in ours.

pub mod deeplab2_axial;
pub mod imagenet_backbone;
pub mod port_backbone;
