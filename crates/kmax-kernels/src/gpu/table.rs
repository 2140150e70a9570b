//! Every operation of this crate and what does it on a GPU, so that none is slow there without anybody having said so.

use super::source::Module;
use std::collections::BTreeSet;
use std::path::Path;

/// What does an operation on a GPU.
enum On {
    /// Kernels of ours: without a gradient, and if there is one with it.
    Kernels(&'static [&'static str], &'static [&'static str]),
    /// Candle's operations, with the reason.
    Candle(&'static str),
    /// It is not done there, with the reason.
    Never(&'static str),
}
use On::{Candle, Kernels, Never};

/// By the name of the CPU's operation.
const OPERATIONS: &[(&str, On)] = &[
    ("activation", Kernels(&["epilogue"], &["activation_gradient"])),
    ("axial-attention", Kernels(&["axial"], &[])),
    ("batch-norm-train", Candle("training: sums and element-wise steps, memory-bound")),
    ("center-sums", Kernels(&["center_sums"], &["center_sums_gradient"])),
    ("channel-affine", Kernels(&["epilogue"], &[])),
    ("conv2d", Kernels(&["columns", "epilogue"], &["columns_gradient"])),
    ("conv2d-batch-norm-chain-train", Never("its parts run")),
    ("conv2d-batch-norm-train", Never("its parts run")),
    ("conv2d-finished", Kernels(&["columns", "epilogue"], &[])),
    ("conv2d-input-gradient", Kernels(&["columns_gradient"], &[])),
    ("conv2d-kernel-gradient", Kernels(&["columns"], &[])),
    ("conv2d-plain", Never("its parts run")),
    (
        "depthwise-conv2d",
        Kernels(
            &["depthwise", "depthwise3", "depthwise5", "depthwise7"],
            &["depthwise_input_gradient", "depthwise_kernel_gradient"],
        ),
    ),
    ("depthwise-conv2d-input-gradient", Kernels(&["depthwise_input_gradient"], &[])),
    ("depthwise-conv2d-kernel-gradient", Kernels(&["depthwise_kernel_gradient"], &[])),
    ("l2-normalise", Kernels(&["l2_norm"], &[])),
    ("layer-norm", Kernels(&["layer_norm"], &[])),
    ("max-pool2d", Kernels(&["max_pool"], &["max_pool_gradient"])),
    ("mlp", Never("its parts run: layer norm and two products with their epilogues")),
    ("nearest-center", Kernels(&["nearest_center"], &[])),
    ("pad", Candle("the padding of EfficientNet, once or twice a network")),
    ("resize-bilinear", Kernels(&["resize"], &["resize_gradient"])),
    ("softmax", Kernels(&["softmax"], &[])),
    ("sum-of-parts", Candle("two or three parts, in axial attention's training form")),
    ("sum-over-ranks", Never("the CPU's: numbers travel between processes")),
    ("to-float32", Never("maps in bfloat16 beside float32 are the CPU's")),
    // Not an operation of Candle: `ResizedMasks` on the CPU.
    ("winners", Kernels(&["winners", "claims", "claim_totals"], &[])),
];

/// The names that operations of the source give themselves, but for those of the folder of this file.
fn named(folder: &Path, names: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            if !path.ends_with("gpu") {
                named(&path, names)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = kmax_base::read::read_text(&path, 1 << 20)?;
            let after = text.split("fn name(&self) -> &'static str {").skip(1);
            names.extend(after.filter_map(|rest| Some(rest.split('"').nth(1)?.to_owned())));
        }
    }
    Ok(())
}

/// The kernels that the text defines.
fn defined() -> BTreeSet<&'static str> {
    let texts = Module::ALL.map(|module| module.file().1);
    let heads = texts.iter().flat_map(|text| text.lines()).filter_map(|line| {
        line.strip_prefix("KERNEL(").or_else(|| line.strip_prefix("DEPTHWISE("))?.split(',').next()
    });
    heads.collect()
}

#[test]
fn every_operation_says_what_does_it_on_a_gpu() -> std::io::Result<()> {
    let mut names = BTreeSet::from(["winners".to_owned()]);
    named(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut names)?;
    let listed: BTreeSet<_> = OPERATIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names, listed);
    let used: BTreeSet<_> = OPERATIONS
        .iter()
        .flat_map(|(_, on)| match on {
            Kernels(forward, backward) => [*forward, *backward].concat(),
            Candle(reason) | Never(reason) => {
                assert!(!reason.is_empty());
                Vec::new()
            }
        })
        .collect();
    assert_eq!(used, defined());
    Ok(())
}
