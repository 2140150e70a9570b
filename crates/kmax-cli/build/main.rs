//! Compiles what can only be made by other means than Rust: a setting of the allocator, and libraries that stand for CUDA's.

mod cuda;

fn main() {
    println!("cargo::rerun-if-changed=build");
    allocator();
    cuda::stand_ins("build/open.c");
}

/// The one setting of the allocator that can only be made in C.
fn allocator() {
    println!("cargo::rerun-if-changed=src/allocator.c");
    // That compiler has no constructors; there the allocator keeps its pages for a second, which is its default.
    if std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("msvc") {
        return;
    }
    // Told by libmimalloc-sys.
    let Ok(headers) = std::env::var("DEP_MIMALLOC_INCLUDE_DIR") else { return };
    // As an object: nothing calls it, and the linker would leave it out of a library. The tests beside have no mimalloc.
    let objects = cc::Build::new().file("src/allocator.c").include(headers).compile_intermediates();
    for object in objects {
        println!("cargo::rustc-link-arg-bins={}", object.display());
    }
}
