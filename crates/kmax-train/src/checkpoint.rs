//! Checkpoints: everything a run needs to go on as if it had not stopped, in one safetensors file.
//!
//! Tensors are `model.NAME`, `ema.NAME`, `optimizer.NAME`; the file's metadata hold the step and the digest of
//! the settings that must not change. Data order, augmentation and drop paths follow from the seed and the step,
//! so no generator state is stored.

use crate::error::{Error, Result};
use candle_core::{Device, Tensor};
use kmax_base::ErrorKind;
use safetensors::{SafeTensors, tensor::TensorView};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// One saved state.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// Steps done.
    pub step: usize,
    /// Steps that the run was planned for; 0 if the file does not say.
    pub planned: usize,
    /// Digest of the settings that decide the course of the run.
    pub digest: String,
    /// Names of the model's classes, in the order of the class logits.
    pub classes: Vec<String>,
    /// Tensors by prefixed name, on the CPU.
    pub tensors: HashMap<String, Tensor>,
}

const STEP: &str = "kmax.step";
const PLANNED: &str = "kmax.steps";
const DIGEST: &str = "kmax.settings";
const CLASSES: &str = "kmax.classes";

impl Checkpoint {
    /// The tensors under `prefix.`, the prefix taken off.
    pub fn under(&self, prefix: &str) -> HashMap<String, Tensor> {
        let rows = self.tensors.iter();
        rows.filter_map(|(name, tensor)| {
            let name = name.strip_prefix(prefix)?.strip_prefix('.')?;
            Some((name.to_string(), tensor.clone()))
        })
        .collect()
    }

    /// The file name of the checkpoint after `step` steps; names sort by step.
    pub fn file_name(step: usize) -> String {
        format!("checkpoint-{step:08}.safetensors")
    }

    /// Writes the checkpoint beside its place, then renames it: a stop in the middle leaves the older one whole.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<PathBuf> {
        let file = folder.join(Self::file_name(self.step));
        let fail = |reason: String| Error::checkpoint(&file, ErrorKind::CannotWrite, reason);
        std::fs::create_dir_all(folder).map_err(|e| fail(e.to_string()))?;
        let mut stored = Vec::with_capacity(self.tensors.len());
        let mut sorted: Vec<_> = self.tensors.iter().collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        for (name, tensor) in sorted {
            stored.push((name, tensor.dims().to_vec(), bytes(tensor)?));
        }
        let views = stored.iter().map(|(name, shape, data)| {
            let view = TensorView::new(safetensors::Dtype::F32, shape.clone(), data);
            view.map(|view| (name.as_str(), view)).map_err(|e| fail(format!("{name}: {e}")))
        });
        let views = views.collect::<Result<Vec<_>>>()?;
        let metadata = HashMap::from([
            (STEP.to_string(), self.step.to_string()),
            (PLANNED.to_string(), self.planned.to_string()),
            (DIGEST.to_string(), self.digest.clone()),
            (CLASSES.to_string(), serde_json::to_string(&self.classes).unwrap_or_default()),
        ]);
        let data = safetensors::serialize(views, Some(metadata)).map_err(|e| fail(e.to_string()))?;
        kmax_base::write_atomically(&file, &data).map_err(|e| fail(e.to_string()))?;
        Ok(file)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If it is damaged or was not written by this trainer.
    pub fn read(file: &Path) -> Result<Self> {
        let fail = |reason: String| Error::Checkpoint { file: file.into(), kind: ErrorKind::Damaged, reason };
        let data = kmax_base::read::read_file(file, kmax_base::read::MAX_CHECKPOINT)
            .map_err(|e| fail(e.to_string()))?;
        kmax_base::read::check_header(&data).map_err(|e| fail(e.to_string()))?;
        let (_, header) = SafeTensors::read_metadata(&data).map_err(|e| fail(e.to_string()))?;
        let metadata = header.metadata().clone().unwrap_or_default();
        let entry =
            |key: &str| metadata.get(key).cloned().ok_or_else(|| fail(format!("no `{key}` in its header")));
        let step = entry(STEP)?;
        let step = step.parse().map_err(|_| fail(format!("its step is `{step}`, not a number")))?;
        let planned = metadata.get(PLANNED).and_then(|steps| steps.parse().ok()).unwrap_or_default();
        let digest = entry(DIGEST)?;
        let tensors =
            candle_core::safetensors::load_buffer(&data, &Device::Cpu).map_err(|e| fail(e.to_string()))?;
        // Those of older versions have none.
        let classes =
            metadata.get(CLASSES).and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default();
        Ok(Self { step, planned, digest, classes, tensors })
    }

    /// The checkpoints in `folder`, oldest first.
    pub fn list(folder: &Path) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let named = |path: &PathBuf| {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            name.strip_prefix("checkpoint-")
                .and_then(|rest| rest.strip_suffix(".safetensors"))
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
        };
        let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(named).collect();
        files.sort();
        files
    }

    /// Removes all but the newest `keep` checkpoints.
    pub fn prune(folder: &Path, keep: usize) {
        let files = Self::list(folder);
        for old in &files[..files.len().saturating_sub(keep)] {
            // One that cannot be removed does no harm.
            let _ = std::fs::remove_file(old);
        }
    }
}

fn bytes(tensor: &Tensor) -> Result<Vec<u8>> {
    let values = tensor.to_dtype(candle_core::DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    Ok(values.iter().flat_map(|v| v.to_le_bytes()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(step: usize) -> Checkpoint {
        let tensor = Tensor::new(&[1f32, -0.0, f32::MIN_POSITIVE / 2.0], &Device::Cpu).expect("three floats");
        let tensors = HashMap::from([("model.a.weight".to_string(), tensor)]);
        Checkpoint { step, planned: 9, digest: "d".into(), classes: vec!["cat".into()], tensors }
    }

    #[test]
    fn what_was_written_is_read_bit_for_bit() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = checkpoint(12).write(folder.path())?;
        let read = Checkpoint::read(&file)?;
        assert_eq!((read.step, read.digest.as_str()), (12, "d"));
        assert_eq!(read.classes, ["cat"]);
        let bits = |c: &Checkpoint| -> Result<Vec<u32>> {
            Ok(c.under("model")["a.weight"].to_vec1::<f32>()?.iter().map(|v| v.to_bits()).collect())
        };
        assert_eq!(bits(&read)?, bits(&checkpoint(12))?);
        Ok(())
    }

    #[test]
    fn the_newest_are_kept() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for step in [5, 100, 20] {
            checkpoint(step).write(folder.path())?;
        }
        Checkpoint::prune(folder.path(), 2);
        let names: Vec<_> = Checkpoint::list(folder.path());
        assert_eq!(names, [20, 100].map(|s| folder.path().join(Checkpoint::file_name(s))));
        Ok(())
    }

    #[test]
    fn a_damaged_checkpoint_is_an_error() -> Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = checkpoint(1).write(folder.path())?;
        let data = std::fs::read(&file).expect("read");
        std::fs::write(&file, &data[..data.len() - 3]).expect("written");
        assert!(matches!(Checkpoint::read(&file), Err(Error::Checkpoint { .. })));
        Ok(())
    }
}
