//! The training transforms of deeplab2, to the last bit where its own arithmetic is float32.

pub mod autoaugment;
pub mod copy_paste;
pub mod labels;
pub mod train;
