//! Whole checkpoints in TensorFlow's format, of two shards.

#[allow(dead_code, missing_docs)]
#[path = "../../../kmax-checkpoints/tests/support/table.rs"]
mod table;

use candle_core::Tensor;
use std::collections::HashMap;
use std::path::Path;

/// Writes a bundle of two shards into `folder`.
pub fn write(folder: &Path, tensors: &HashMap<String, Tensor>) -> Result<(), Box<dyn std::error::Error>> {
    let mut shards = [Vec::new(), Vec::new()];
    let mut entries = vec![(Vec::new(), table::header(2))];
    for (number, (name, tensor)) in tensors.iter().enumerate() {
        let shard = number % 2;
        let values = tensor.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let shape: Vec<u64> = tensor.dims().iter().map(|size| *size as u64).collect();
        let entry = table::Entry::float(&shape, shards[shard].len() as u64, &bytes);
        entries.push((name.clone().into_bytes(), table::Entry { shard: shard as u64, ..entry }.encode()));
        shards[shard].extend(bytes);
    }
    entries.sort();
    std::fs::write(folder.join("ckpt-1.index"), table::table(&entries, table::Layout::default()))?;
    for (number, shard) in shards.iter().enumerate() {
        std::fs::write(folder.join(format!("ckpt-1.data-0000{number}-of-00002")), shard)?;
    }
    Ok(())
}
