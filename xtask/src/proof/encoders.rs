//! ImageNet encoders: deeplab2's from their manifests, those of PyTorch as the real libraries construct and name them.

use super::{Result, converted, empty, manifests, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the proof needs.
pub struct Tools<'a> {
    pub program: &'a Path,
    pub tensorflow: &'a Path,
    pub torch: &'a Path,
    pub shared: &'a Path,
    pub scratch: &'a Path,
}

/// What `encoder_checkpoint.py` writes: whose, which backbone, in which form.
const PYTORCH: [(&str, &str, &str); 7] = [
    ("torchvision", "resnet50", "encoder.pth"),
    ("detectron2", "resnet50", "encoder.pkl"),
    ("timm", "convnext_tiny", "encoder.safetensors"),
    ("timm", "convnext_base", "encoder.pth"),
    ("facebook", "convnext_tiny", "encoder.pth"),
    ("facebook", "convnext_small", "encoder.pth"),
    ("facebook", "convnext_large", "encoder.pth"),
];

impl Tools<'_> {
    /// Converts them all; a table.
    pub fn prove(&self, only: &str) -> Result<String> {
        let mut table = String::from(
            "\n| encoder | form | found | mapped | left out |\n| --- | --- | --- | --- | --- |\n",
        );
        let mut add = |name: &str, from: &Path| -> Result<PathBuf> {
            let to = self.scratch.join("converted.safetensors");
            let row = row(&converted(self.program, from, &to, None)?);
            let form = from.extension().map_or("bundle".into(), |form| format!(".{}", form.display()));
            eprintln!("{name}: {row}");
            table += &format!("| {name} | {form} | {row} |\n");
            Ok(to)
        };
        for manifest in manifests(&self.shared.join("golden/tf/manifests/backbones"))? {
            let name = format!("tf/{}", manifest.file_stem().unwrap_or_default().display());
            if name.contains(only) {
                add(&name, &self.tensorflow_checkpoint(&manifest)?)?;
            }
        }
        for (library, backbone, file) in PYTORCH {
            let name = format!("{library}/{backbone}");
            if !name.contains(only) {
                continue;
            }
            empty(self.scratch)?;
            let from = self.scratch.join(file);
            let script = || {
                let mut command = Command::new(self.torch);
                command.args(["xtask/python/encoder_checkpoint.py", library, backbone]).arg(&from);
                command
            };
            run(&mut script())?;
            let to = add(&name, &from)?;
            // The same values, bit for bit.
            run(script().arg("--converted").arg(to))?;
        }
        Ok(table)
    }

    fn tensorflow_checkpoint(&self, manifest: &Path) -> Result<PathBuf> {
        empty(self.scratch)?;
        let prefix = self.scratch.join("ckpt-1");
        let mut command = Command::new(self.tensorflow);
        command.arg(self.shared.join("tools/make_tf_checkpoint.py")).arg("--manifest").arg(manifest);
        run(command.arg("--out").arg(&prefix).args(["--optimizer-slots", "10"]))?;
        Ok(prefix)
    }
}

/// Of `ResNet-50, named as by …` and `265 tensors mapped, 54 left out (…)`.
fn row(said: &str) -> String {
    let mut lines = said.lines();
    let backbone = lines.next().and_then(|line| line.split(',').next()).unwrap_or("?");
    let mut counts =
        lines.next().unwrap_or_default().split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty());
    format!("{backbone} | {} | {}", counts.next().unwrap_or("?"), counts.next().unwrap_or("?"))
}
