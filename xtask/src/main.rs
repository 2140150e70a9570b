//! Automates the repository: `cargo xtask TASK`.
fn main() {}
