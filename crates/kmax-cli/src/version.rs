//! What this program is: its version, what it was built with, and which kernels it runs here.

use std::sync::LazyLock;

/// Cargo features and whether this program has them.
const FEATURES: [(&str, bool); 7] = [
    ("hub", cfg!(feature = "hub")),
    ("builtin", cfg!(feature = "builtin")),
    ("object-store", cfg!(feature = "object-store")),
    ("cuda", cfg!(feature = "cuda")),
    ("cudnn", cfg!(feature = "cudnn")),
    ("metal", cfg!(feature = "metal")),
    ("accelerate", cfg!(feature = "accelerate")),
];

/// Several lines for `--version`.
pub fn long() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let features: Vec<_> = FEATURES.iter().filter(|(_, on)| *on).map(|(name, _)| *name).collect();
        let features = if features.is_empty() { "none".to_string() } else { features.join(" ") };
        format!(
            "{}\nfeatures: {features}\nkernels: {} ({}-{})",
            env!("CARGO_PKG_VERSION"),
            kmax::kernels(),
            std::env::consts::ARCH,
            std::env::consts::OS
        )
    });
    &TEXT
}
