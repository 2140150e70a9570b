//! The twin of the generator behind all synthetic weights: every value follows from the tensor's name.

use candle_core::{DType, Device, Result, Tensor};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

fn fnv1a64(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn splitmix64(x: u64) -> u64 {
    let z = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The first `count` values of `u(name, .)`, in `[-1, 1)`, exact in float32.
pub fn unit(name: &str, count: usize) -> Vec<f64> {
    let state = fnv1a64(name);
    (0..count as u64)
        .map(|i| (splitmix64(state.wrapping_add(i)) >> 40) as f64 * (-23f64).exp2() - 1.0)
        .collect()
}

/// One row of a manifest: `value = offset + scale * u(name)`.
#[derive(Debug, Clone, Deserialize)]
pub struct ManifestRow {
    /// Name of the tensor, which seeds its values.
    pub name: String,
    /// Shape, row-major, in the layout of the framework the manifest was read from.
    pub shape: Vec<usize>,
    /// `float32`, or `int64` for counters, which are zero.
    pub dtype: String,
    /// Mean of the values.
    #[serde(default)]
    pub offset: f64,
    /// Half the width of the values' uniform distribution.
    #[serde(default)]
    pub scale: f64,
}

impl ManifestRow {
    /// The float32 values, row-major.
    pub fn values(&self) -> Vec<f32> {
        let count = self.shape.iter().product();
        unit(&self.name, count).into_iter().map(|u| (self.offset + self.scale * u) as f32).collect()
    }

    /// The float32 tensor on the CPU.
    pub fn tensor(&self) -> Result<Tensor> {
        Tensor::from_vec(self.values(), self.shape.as_slice(), &Device::Cpu)
    }
}

/// The rows of a manifest, in file order.
#[derive(Debug, Clone)]
pub struct Manifest(pub Vec<ManifestRow>);

impl Manifest {
    /// Reads a manifest file.
    ///
    /// # Panics
    /// If the file cannot be read: a golden that is there must be whole.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self(serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
    }

    /// Every float32 row as a CPU tensor, by name.
    pub fn tensors(&self) -> Result<HashMap<String, Tensor>> {
        let float = self.0.iter().filter(|row| row.dtype == "float32");
        float.map(|row| Ok((row.name.clone(), row.tensor()?))).collect()
    }
}

/// A drawn tensor, as `synth.tensor` of the generator.
#[derive(Debug, Clone, Copy)]
pub struct Synth;

impl Synth {
    /// The float32 CPU tensor `offset + scale * u(name)`.
    pub fn tensor(name: &str, shape: &[usize], offset: f64, scale: f64) -> Result<Tensor> {
        let row =
            ManifestRow { name: name.into(), shape: shape.into(), dtype: "float32".into(), offset, scale };
        row.tensor()
    }
}

/// The uint8 RGB image `[height, width, 3]`, row-major: smooth blobs with a little noise.
pub fn image(name: &str, height: usize, width: usize) -> Vec<u8> {
    let blobs = unit(name, 8 * 6);
    let noise = unit(&format!("{name}/noise"), height * width * 3);
    let mut out = vec![0u8; height * width * 3];
    for y in 0..height {
        for x in 0..width {
            let (yy, xx) = (y as f64 / height as f64, x as f64 / width as f64);
            let mut pixel = [0f64; 3];
            for p in blobs.chunks_exact(6) {
                let d = (xx - (p[0] + 1.0) / 2.0).powi(2) + (yy - (p[1] + 1.0) / 2.0).powi(2);
                let weight = (-d / (0.02 + 0.05 * (p[2] + 1.0))).exp();
                pixel.iter_mut().zip(&p[3..]).for_each(|(value, colour)| *value += weight * colour);
            }
            let at = (y * width + x) * 3;
            for c in 0..3 {
                let value = 127.5 + 90.0 * (pixel[c] + 0.05 * noise[at + c]);
                // numpy rounds halves to even.
                out[at + c] = value.round_ties_even().clamp(0.0, 255.0) as u8;
            }
        }
    }
    out
}

/// [`image`] as a float32 CPU tensor `[1, 3, height, width]` with values 0 to 255.
pub fn image_tensor(name: &str, height: usize, width: usize) -> Result<Tensor> {
    Tensor::from_vec(image(name, height, width), (height, width, 3), &Device::Cpu)?
        .permute((2, 0, 1))?
        .unsqueeze(0)?
        .contiguous()?
        .to_dtype(DType::F32)
}
