//! Whole checkpoints in the names of a reference implementation, for tests: safetensors, which is read whatever a file is called.

use kmax_convert::names::pytorch::to_pytorch;
use kmax_model::Preset;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What they are checkpoints of.
pub const VARIANT: &str = "kmax-resnet50-coco.pytorch";

/// Shapes by name.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Names and shapes of the ResNet-50 for COCO, and a counter.
pub fn port() -> Shapes {
    shapes_of(VARIANT)
}

/// Names and shapes of a checkpoint of that kind, and a counter.
pub fn shapes_of(variant: &str) -> Shapes {
    let config = Preset::named(variant).expect("a preset").config();
    let shapes = config.network.shapes(true).expect("shapes");
    let named = shapes.into_iter().map(|(ours, shape)| (to_pytorch(&ours, false).expect("a name"), shape));
    named.chain([("backbone.stem.conv1.norm.num_batches_tracked".into(), vec![])]).collect()
}

/// Writes a safetensors file of float16: pseudo-random values, or zeros that take no room on the disk.
pub fn write(file: &Path, tensors: &Shapes, drawn: bool) {
    let mut header = serde_json::Map::new();
    let mut size = 0u64;
    for (name, shape) in tensors {
        let end = size + 2 * shape.iter().product::<usize>() as u64;
        header.insert(
            name.clone(),
            serde_json::json!({"dtype": "F16", "shape": shape, "data_offsets": [size, end]}),
        );
        size = end;
    }
    let header = serde_json::to_vec(&header).expect("JSON");
    let mut out = BufWriter::new(File::create(file).expect("created"));
    out.write_all(&(header.len() as u64).to_le_bytes())
        .and_then(|()| out.write_all(&header))
        .expect("written");
    if drawn {
        let mut state = 1u32;
        for _ in 0..size / 2 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Positive, as a variance must be, and at most 0.06.
            let value = (0x2000 | (state >> 16 & 0x0bff)) as u16;
            out.write_all(&value.to_le_bytes()).expect("written");
        }
    }
    let out = out.into_inner().expect("flushed");
    out.set_len(8 + header.len() as u64 + size).expect("extended");
}

/// A whole checkpoint, made once. It lies under the build's folder, where the next run finds its place.
pub fn checkpoint() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("port checkpoint.safetensors");
        write(&file, &port(), true);
        file
    })
}
