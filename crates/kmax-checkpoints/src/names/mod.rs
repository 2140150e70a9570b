//! Names of parameters in foreign checkpoints and in ours.

pub mod imagenet_backbone;
pub mod port_backbone;
