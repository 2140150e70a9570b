//! Random tensors and finite differences for the tests of this crate.
