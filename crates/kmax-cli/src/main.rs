//! The program `kmax`.
fn main() {}
