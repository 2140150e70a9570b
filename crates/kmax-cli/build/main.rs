//! Compiles what can only be made by other means than Rust: a setting of the allocator, and libraries that stand for CUDA's. Leaves the
//! names of functions out of the program.

mod cuda;

fn main() {
    println!("cargo::rerun-if-changed=build");
    allocator();
    symbols();
    cuda::stand_ins("build/open.c");
}

/// The names of functions are a fifth of the program, and nothing but a debugger, a profiler or the trace of a panic reads them (its line is told
/// without). Tests and benches keep theirs; `KMAX_SYMBOLS=1` keeps them in the program.
fn symbols() {
    println!("cargo::rerun-if-env-changed=KMAX_SYMBOLS");
    let is = |name: &str, value: &str| std::env::var(name).as_deref() == Ok(value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("PROFILE", "release") && !is("KMAX_SYMBOLS", "1") {
        println!("cargo::rustc-link-arg-bins=-Wl,--strip-all");
    }
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
