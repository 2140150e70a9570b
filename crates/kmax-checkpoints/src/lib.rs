//! Reads TensorFlow tensor bundles and PyTorch pickles without either framework.

pub mod names;
