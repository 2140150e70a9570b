//! A device check that is built with CUDA starts as the program does.

#[path = "../../crates/kmax-cli/build/cuda.rs"]
mod cuda;

fn main() {
    println!("cargo::rerun-if-changed=../crates/kmax-cli/build");
    println!("cargo::rerun-if-changed=check/build.rs");
    cuda::stand_ins("../crates/kmax-cli/build/open.c");
}
