//! Weights in a safetensors file, checked against what a network asks for.

use super::quantized;
use crate::error::{Error, Result};
use crate::network::NetworkConfig;
use candle_core::{DType, Device, Tensor};
use kmax_base::read::{MAX_WEIGHTS, check_header, read_file};
use kmax_base::{ErrorKind, nearest};
use kmax_nn::TensorSource;
use rayon::prelude::*;
use safetensors::{Dtype, SafeTensors};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes that one thread looks at in a row; a multiple of every element's size.
const BLOCK: usize = 1 << 18;

type Shapes = BTreeMap<String, Vec<usize>>;

/// The tensors of one safetensors file, kept as they are stored.
#[derive(Debug, Clone)]
pub struct Weights {
    file: PathBuf,
    data: Arc<Cow<'static, [u8]>>,
    tensors: BTreeMap<String, Stored>,
}

#[derive(Debug, Clone)]
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    place: Range<usize>,
    /// Where the scales of integers are.
    scales: Option<Range<usize>>,
}

impl Weights {
    /// Reads a safetensors file.
    ///
    /// # Errors
    /// [`Error::File`] if it is missing, damaged, or holds something else than floats, and integers of 8 bits with their scales
    /// ([`Model::quantized`](crate::Model::quantized)).
    pub fn open(file: &Path) -> Result<Self> {
        let data = read_file(file, MAX_WEIGHTS).map_err(Error::reading(file))?;
        Self::from_bytes(file, data)
    }

    /// As [`Self::open`], from the file's contents; `file` stands in messages only.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn from_bytes(file: &Path, data: impl Into<Cow<'static, [u8]>>) -> Result<Self> {
        let data = data.into();
        let fail = |reason: String| Error::file(file, ErrorKind::Damaged, reason);
        check_header(&data).map_err(|e| fail(e.to_string()))?;
        let (header, metadata) = SafeTensors::read_metadata(&data).map_err(|e| fail(e.to_string()))?;
        let parsed = SafeTensors::deserialize(&data).map_err(|e| fail(e.to_string()))?;
        let mut tensors = BTreeMap::new();
        let start = header + size_of::<u64>();
        for (name, info) in metadata.tensors() {
            let (from, to) = info.data_offsets;
            let place = start + from..start + to;
            tensors
                .insert(name, Stored { dtype: info.dtype, shape: info.shape.clone(), place, scales: None });
        }
        debug_assert_eq!(parsed.len(), tensors.len());
        join_scales(&mut tensors).map_err(fail)?;
        Ok(Self { file: file.into(), data: Arc::new(data), tensors })
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.data
    }

    /// Each tensor as it is stored: name, element type, shape and bytes; not of quantized ones.
    pub(super) fn stored(&self) -> impl Iterator<Item = (&str, Dtype, &[usize], &[u8])> {
        let plain = self.tensors.iter().filter(|(_, stored)| stored.scales.is_none());
        plain.map(|(name, s)| (name.as_str(), s.dtype, s.shape.as_slice(), &self.data[s.place.clone()]))
    }

    /// How many values there are, and how many bytes hold them.
    pub fn size(&self) -> (usize, usize) {
        let length = |place: &Range<usize>| place.len();
        self.tensors.values().fold((0, 0), |(values, bytes), stored| {
            let scales = stored.scales.as_ref().map_or(0, length);
            (values + stored.shape.iter().product::<usize>(), bytes + length(&stored.place) + scales)
        })
    }

    /// Whether some tensors are integers of 8 bits.
    pub fn are_quantized(&self) -> bool {
        self.tensors.values().any(|stored| stored.scales.is_some())
    }

    fn scales(&self, place: &Range<usize>) -> Vec<f32> {
        let float = |v: &[u8]| f32::from_le_bytes([v[0], v[1], v[2], v[3]]);
        self.data[place.clone()].chunks_exact(4).map(float).collect()
    }

    /// Shapes by name.
    pub fn shapes(&self) -> Shapes {
        self.tensors.iter().map(|(name, stored)| (name.clone(), stored.shape.clone())).collect()
    }

    /// Checks that these are the weights of `network`: all that inference needs, and no other than training has.
    ///
    /// # Errors
    /// [`Error::Weights`] naming the tensors that are missing, unused or misshapen.
    pub fn check(&self, network: &NetworkConfig) -> Result<()> {
        check(&self.file, network, &self.shapes())
    }

    /// Checks that all values are numbers.
    ///
    /// # Errors
    /// [`Error::File`] naming the first tensor, by name, that holds another value.
    pub fn check_finite(&self) -> Result<()> {
        let tensors: Vec<_> = self.tensors.iter().collect();
        let wrong = tensors.par_iter().find_first(|(_, stored)| !self.is_finite(stored));
        match wrong {
            None => Ok(()),
            Some((name, _)) => {
                let reason = format!("`{name}` holds values that are not finite numbers");
                Err(Error::file(&self.file, ErrorKind::Damaged, reason))
            }
        }
    }

    fn is_finite(&self, stored: &Stored) -> bool {
        if let Some(place) = &stored.scales {
            return self.scales(place).into_iter().all(quantized::is_possible);
        }
        let bytes = &self.data[stored.place.clone()];
        // A value is infinite or no number where all bits of its exponent are set.
        let half = |exponent: u16| {
            bytes.par_chunks(BLOCK).all(|block| {
                block.chunks_exact(2).all(|v| u16::from_le_bytes([v[0], v[1]]) & exponent != exponent)
            })
        };
        match stored.dtype {
            Dtype::F16 => half(0x7c00),
            Dtype::BF16 => half(0x7f80),
            _ => bytes.par_chunks(BLOCK).all(|block| {
                block.chunks_exact(4).all(|v| f32::from_le_bytes([v[0], v[1], v[2], v[3]]).is_finite())
            }),
        }
    }
}

impl TensorSource for Weights {
    fn tensor(&self, name: &str) -> kmax_nn::Result<Option<Tensor>> {
        let Some(Stored { dtype, shape, place, scales }) = self.tensors.get(name) else { return Ok(None) };
        if let Some(scales) = scales {
            let values = quantized::values(&self.data[place.clone()], &self.scales(scales));
            return Ok(Some(Tensor::from_vec(values, shape.as_slice(), &Device::Cpu)?));
        }
        let dtype = match dtype {
            Dtype::F16 => DType::F16,
            Dtype::BF16 => DType::BF16,
            _ => DType::F32,
        };
        Ok(Some(Tensor::from_raw_buffer(&self.data[place.clone()], dtype, shape, &Device::Cpu)?))
    }

    fn names(&self) -> Vec<String> {
        self.tensors.keys().cloned().collect()
    }
}

/// Puts the scales of integers to them, so that they are no tensors of their own.
fn join_scales(tensors: &mut BTreeMap<String, Stored>) -> std::result::Result<(), String> {
    let integers = tensors.iter().filter(|(_, stored)| stored.dtype == Dtype::I8);
    for name in integers.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
        let scales = tensors.remove(&format!("{name}{}", quantized::SCALE));
        let Some(stored) = tensors.get_mut(&name) else { continue };
        let rows = stored.shape.first().copied();
        let found = scales
            .filter(|s| s.dtype == Dtype::F32 && s.shape.len() == 1 && s.shape.first().copied() == rows);
        let Some(found) = found else {
            let (scale, rows) = (quantized::SCALE, rows.map_or_else(String::new, |rows| rows.to_string()));
            return Err(format!("{name}: integers want `{name}{scale}` beside them, F32 [{rows}]"));
        };
        stored.scales = Some(found.place);
    }
    let other =
        tensors.iter().find(|(_, s)| !matches!(s.dtype, Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::I8));
    match other {
        None => Ok(()),
        Some((name, stored)) => {
            Err(format!("{name}: values are {:?}, expected F32, F16, BF16 or I8", stored.dtype))
        }
    }
}

/// Names told of each sort of misfit; there are rarely few and then many more.
const TOLD: usize = 5;

/// As [`Weights::check`], for tensors of those shapes.
pub(crate) fn check(file: &Path, network: &NetworkConfig, found: &Shapes) -> Result<()> {
    let (needed, known) = (network.shapes(false)?, network.shapes(true)?);
    let missing: Vec<_> = needed.keys().filter(|name| !found.contains_key(*name)).collect();
    let unused: Vec<_> = found.keys().filter(|name| !known.contains_key(*name)).collect();
    let misshapen: Vec<_> = known
        .iter()
        .filter_map(|(name, expected)| {
            let shape = found.get(name).filter(|shape| *shape != expected)?;
            Some(format!("`{name}` is {shape:?}, expected {expected:?}"))
        })
        .collect();
    let like = |name: &str, among: &[&String]| {
        let near = nearest(name, among.iter().map(|name| name.as_str()));
        near.map_or(String::new(), |near| format!(" (like `{near}`)"))
    };
    let tell = |sort: &str, names: &[String]| {
        let more = names.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{} {sort}: {}{more}", names.len(), names[..names.len().min(TOLD)].join(", "))
    };
    // Only the names that are told are compared: the search is quadratic.
    let named = |names: &[&String], among: &[&String]| -> Vec<String> {
        let hint = |(i, name): (usize, &&String)| {
            let hint = if i < TOLD { like(name, among) } else { String::new() };
            format!("`{name}`{hint}")
        };
        names.iter().enumerate().map(hint).collect()
    };
    let known: Vec<_> = known.keys().collect();
    let sorts =
        [("missing", named(&missing, &unused)), ("unused", named(&unused, &known)), ("misshapen", misshapen)];
    let told: Vec<_> = sorts.iter().filter(|(_, n)| !n.is_empty()).map(|(sort, n)| tell(sort, n)).collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(Error::Weights { what: file.display().to_string(), reason: told.join("; ") })
}
