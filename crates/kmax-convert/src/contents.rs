//! What a checkpoint holds, in our names.

use crate::chosen::Chosen;
use crate::error::{Error, Result};
use crate::names::layout::Layout;
use crate::names::naming::{Meaning, Naming};
use kmax_checkpoints::Checkpoint;
use std::collections::BTreeMap;

/// A tensor that has this name in our models and in no other.
const OURS: &str = "decoder.queries";

/// A parameter in a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    /// Its name there.
    pub name: String,
    /// Its shape there.
    pub shape: Vec<usize>,
    /// How its values are arranged, if otherwise than here.
    pub layout: Option<Layout>,
    /// Its shape here; `None` if it holds no floats, or has a rank that the layout does not know.
    pub ours: Option<Vec<usize>>,
}

/// A checkpoint in our names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contents {
    pub naming: Naming,
    /// By our name.
    pub parameters: BTreeMap<String, Parameter>,
    /// Names there that mean nothing here.
    pub unknown: Vec<String>,
    /// How many more are counters or belong to an optimizer.
    pub skipped: usize,
}

impl Contents {
    /// The tensors of the weights that were chosen.
    pub fn of(checkpoint: &Checkpoint, chosen: &Chosen) -> Result<Self> {
        let names = || checkpoint.tensors().filter_map(|(name, _)| chosen.own_name(name));
        let fail = |reason: String| Error::contents(checkpoint.path(), reason);
        if names().any(|name| name == OURS) {
            return Err(fail("has our names already: its folder is a model".into()));
        }
        let naming = Naming::guess(names()).ok_or_else(|| {
            let some: Vec<_> = names().take(3).map(|name| format!("`{name}`")).collect();
            let (count, some) = (checkpoint.len(), some.join(", "));
            fail(format!("{count} tensors ({some}, …), of which none has a name of a known kind"))
        })?;
        // What is outside the weights counts as skipped.
        let skipped = checkpoint.skipped().len() + checkpoint.len() - names().count();
        let mut contents = Self { naming, parameters: BTreeMap::new(), unknown: Vec::new(), skipped };
        for (name, info) in checkpoint.tensors() {
            let Some(own_name) = chosen.own_name(name) else { continue };
            let (ours, layout) = match naming.meaning(own_name) {
                Meaning::Parameter { name, layout } => (name, layout),
                Meaning::Aside => {
                    contents.skipped += 1;
                    continue;
                }
                // A number beside the weights is a counter of the training.
                Meaning::Unknown if info.shape.is_empty() => {
                    contents.skipped += 1;
                    continue;
                }
                Meaning::Unknown => {
                    contents.unknown.push(name.into());
                    continue;
                }
            };
            let shape = info.shape.clone();
            let reshaped = layout.map_or(Some(shape.clone()), |layout| layout.shape(&shape));
            let parameter = Parameter {
                name: name.into(),
                shape,
                layout,
                ours: reshaped.filter(|_| info.dtype.is_float()),
            };
            if let Some(twice) = contents.parameters.insert(ours.clone(), parameter) {
                return Err(fail(format!("`{name}` and `{}` are both `{ours}`", twice.name)));
            }
        }
        Ok(contents)
    }

    /// Whether it has nothing but an encoder.
    pub fn is_encoder(&self) -> bool {
        self.parameters.keys().all(|name| name.starts_with("backbone."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_checkpoints::WeightSet;
    use safetensors::Dtype;
    use safetensors::tensor::{TensorView, serialize_to_file};
    use std::path::Path;

    /// Writes tensors of one element, or of none that has an axis.
    fn write(file: &Path, names: &[&str], shape: &[usize]) {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), &[0; 4]).expect("a tensor");
        serialize_to_file(names.iter().map(|name| (*name, &view)), None, file).expect("written");
    }

    fn of(file: &Path) -> Result<Contents> {
        let checkpoint = Checkpoint::open(file)?;
        Contents::of(&checkpoint, &Chosen::of(&checkpoint, &WeightSet::Model)?)
    }

    #[test]
    fn a_model_in_our_names_is_told_whatever_its_backbone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("ours.safetensors");
        for backbone in ["backbone.stem.conv1.weight", "backbone.stages.0.blocks.0.depthwise.weight"] {
            for prefix in ["", "module."] {
                let names =
                    [OURS, "pixel_decoder.norms.3.bias", backbone].map(|name| format!("{prefix}{name}"));
                write(&file, &names.each_ref().map(String::as_str), &[1]);
                let message = of(&file).expect_err("nothing to convert").to_string();
                assert!(message.contains("has our names already"), "{message}");
            }
        }
    }

    #[test]
    fn numbers_beside_the_parameters_are_skipped_and_tensors_are_not() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("port.safetensors");
        let names = ["backbone.stem.conv1.weight", "step"];
        for (shape, skipped) in [(&[][..], 1), (&[1], 0)] {
            write(&file, &names, shape);
            let contents = of(&file).expect("a checkpoint");
            assert_eq!((contents.parameters.len(), contents.skipped), (1, skipped));
            assert_eq!(contents.unknown.len(), 1 - skipped);
        }
    }
}
