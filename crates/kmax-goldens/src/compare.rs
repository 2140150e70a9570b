//! Golden files and comparison with a stated tolerance.

use candle_core::{DType, Device, Result, Tensor};
use std::collections::HashMap;
use std::path::Path;

/// The tensors of one golden file, by name.
#[derive(Debug)]
pub struct Golden {
    tensors: HashMap<String, Tensor>,
    file: String,
}

impl Golden {
    /// Reads a safetensors file; booleans and int32 come as `u8` and `i64` values where Candle lacks the type.
    ///
    /// # Panics
    /// If the file cannot be read: a golden that is there must be whole.
    pub fn read(path: &Path) -> Self {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{file}: {e}"));
        let parsed = safetensors::SafeTensors::deserialize(&bytes).unwrap_or_else(|e| panic!("{file}: {e}"));
        let mut tensors = HashMap::new();
        for (name, view) in parsed.tensors() {
            use safetensors::Dtype;
            let (shape, data) = (view.shape().to_vec(), view.data());
            let device = &Device::Cpu;
            let tensor = match view.dtype() {
                Dtype::F32 => Tensor::from_vec(words(data, f32::from_le_bytes), shape, device),
                Dtype::F64 => Tensor::from_vec(words(data, f64::from_le_bytes), shape, device),
                Dtype::I32 => {
                    let values = words(data, |b| i64::from(i32::from_le_bytes(b)));
                    Tensor::from_vec(values, shape, device)
                }
                Dtype::I64 => Tensor::from_vec(words(data, i64::from_le_bytes), shape, device),
                Dtype::U8 | Dtype::BOOL => Tensor::from_vec(data.to_vec(), shape, device),
                other => panic!("{file}: {name}: no reader for {other:?}"),
            };
            tensors.insert(name.to_string(), tensor.unwrap_or_else(|e| panic!("{file}: {name}: {e}")));
        }
        Self { tensors, file }
    }

    /// The tensor of that name.
    ///
    /// # Panics
    /// If it is absent: a test that asks for a missing golden is wrong.
    pub fn get(&self, name: &str) -> Tensor {
        self.find(name).unwrap_or_else(|| panic!("{}: no tensor {name}", self.file))
    }

    /// The tensor of that name, if stored.
    pub fn find(&self, name: &str) -> Option<Tensor> {
        self.tensors.get(name).cloned()
    }

    /// The stored names, sorted.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.tensors.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// The stored tensors whose name begins with `prefix`, the prefix taken off.
    pub fn under(&self, prefix: &str) -> HashMap<String, Tensor> {
        let rows = self.tensors.iter();
        rows.filter_map(|(k, v)| Some((k.strip_prefix(prefix)?.to_string(), v.clone()))).collect()
    }
}

fn words<const N: usize, T>(data: &[u8], of: impl Fn([u8; N]) -> T) -> Vec<T> {
    data.as_chunks::<N>().0.iter().map(|chunk| of(*chunk)).collect()
}

/// How far a value may be from its golden: `atol + rtol * |golden|`.
///
/// State them as a small multiple of the float64 noise that the golden's `info.json` gives.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// Absolute part.
    pub atol: f64,
    /// Relative part.
    pub rtol: f64,
}

impl Noise {
    /// An absolute tolerance only.
    pub fn abs(atol: f64) -> Self {
        Self { atol, rtol: 0.0 }
    }
}

/// Asserts that `ours` has the golden's shape and values, and gives the largest absolute difference.
///
/// # Panics
/// With the place and both values of the worst violation.
pub fn assert_close(what: &str, ours: &Tensor, golden: &Tensor, noise: Noise) -> Result<f64> {
    assert_eq!(ours.dims(), golden.dims(), "{what}: shape");
    let flat = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
    Ok(assert_close_values(what, &flat(ours)?, &flat(golden)?, noise))
}

/// As [`assert_close`], on plain values.
///
/// # Panics
/// With the place and both values of the worst violation.
pub fn assert_close_values(what: &str, ours: &[f64], golden: &[f64], noise: Noise) -> f64 {
    assert_eq!(ours.len(), golden.len(), "{what}: number of values");
    let (mut largest, mut worst) = (0f64, (f64::NEG_INFINITY, 0));
    for (i, (a, b)) in ours.iter().zip(golden).enumerate() {
        if a == b || (a.is_nan() && b.is_nan()) {
            continue;
        }
        let difference = (a - b).abs();
        let excess =
            if difference.is_nan() { f64::INFINITY } else { difference - noise.atol - noise.rtol * b.abs() };
        largest = largest.max(difference);
        if excess > worst.0 {
            worst = (excess, i);
        }
    }
    let at = worst.1;
    assert!(
        worst.0 <= 0.0,
        "{what}: value {at} is {} and should be {} (largest difference {largest:.3e}, allowed {noise:?})",
        ours[at],
        golden[at]
    );
    largest
}

/// Prints with `--nocapture` a line of the table in `docs/EXACTNESS.md`: golden, tolerance, largest difference seen.
pub fn report(golden: &str, tolerance: &str, largest: &str) {
    crate::say(&format!("| {golden} | {tolerance} | {largest} |"));
}
