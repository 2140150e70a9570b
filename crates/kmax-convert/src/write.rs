//! Streams converted tensors into a safetensors file: each thread holds a piece of one of them.

use crate::contents::Parameter;
use crate::error::{Error, Result};
use crate::names::rows::ClassRows;
use crate::values::{Reversal, Value, bytes, fit_f16, select};
use kmax_base::beside::Beside;
use kmax_base::write::{folder_of, place};
use kmax_checkpoints::{Checkpoint, DType, Tensor};
use rayon::prelude::*;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// Values arranged and written at a time: few enough to stay in a core's cache.
const PIECE: usize = 1 << 17;
/// Rows of a piece, at least: those whose values are neighbours in the checkpoint.
const LEAST_ROWS: usize = 32;

/// A checkpoint with what is needed to convert its tensors.
pub(super) struct Weights<'a> {
    pub checkpoint: &'a Checkpoint,
    /// What to write, by our name.
    pub parameters: &'a BTreeMap<String, Parameter>,
    /// How the reference implementation orders classes, if otherwise.
    pub rows: Option<&'a ClassRows>,
    /// Whether to round to float16 where it can hold the values.
    pub half: bool,
}

/// A tensor to write.
struct Item<'a> {
    ours: &'a str,
    parameter: &'a Parameter,
    shape: &'a [usize],
    half: bool,
}

impl Item<'_> {
    fn size(&self) -> usize {
        self.shape.iter().product::<usize>() * if self.half { 2 } else { 4 }
    }
}

impl Weights<'_> {
    /// Writes all parameters. Gives the file's size.
    pub fn write(&self, file: &Path) -> Result<u64> {
        let fail = Error::writing(file);
        let items = self.items()?;
        let (header, size) = header(&items).map_err(|e| fail(std::io::Error::other(e.to_string())))?;
        let start = header.len() as u64;
        File::create(file)
            .and_then(|mut out| out.write_all(&header).and_then(|()| out.set_len(start + size)))
            .map_err(&fail)?;
        let mut place = start;
        let places = items.into_iter().map(|item| {
            let at = place;
            place += item.size() as u64;
            (item.parameter.name.as_str(), (item, at))
        });
        // A handle for each thread: they do not share a position.
        let tools = || (OpenOptions::new().write(true).open(file), Vec::new());
        self.each(places.collect(), tools, |(out, piece), (item, place), tensor| {
            let out = out.as_mut().map_err(|e| fail(std::io::Error::other(e.to_string())))?;
            out.seek(SeekFrom::Start(*place)).map_err(&fail)?;
            let values = values(&tensor, self.checkpoint.path(), item.parameter)?;
            self.convert(item, &values, piece, |part| out.write_all(&bytes(part, item.half)).map_err(&fail))
        })?;
        Ok(start + size)
    }

    /// Gives every tensor that `wanted` names to `work`: those of an archive as it passes by, else by all threads. A thread has
    /// `tools` of its own.
    fn each<T: Sync, Tools>(
        &self,
        wanted: Vec<(&str, T)>,
        tools: impl Fn() -> Tools + Sync + Send,
        work: impl Fn(&mut Tools, &T, Tensor<'_>) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        if self.checkpoint.is_streamed() {
            let (mut tools, wanted) = (tools(), wanted.into_iter().collect::<HashMap<_, _>>());
            return self.checkpoint.visit(wanted.keys().copied(), |name, tensor| {
                wanted.get(name).map_or(Ok(()), |wanted| work(&mut tools, wanted, tensor))
            });
        }
        wanted.par_iter().try_for_each_init(tools, |tools, (name, wanted)| {
            work(tools, wanted, self.checkpoint.read(name)?)
        })
    }

    /// As [`Self::write`], beside the file, which is then renamed.
    pub fn write_atomically(&self, file: &Path) -> Result<u64> {
        let fail = Error::writing(file);
        std::fs::create_dir_all(folder_of(file)).map_err(&fail)?;
        let file = &place(file).map_err(&fail)?;
        let beside = Beside::folder(file).map_err(&fail)?;
        let new = beside.path().join("weights");
        let size = self.write(&new)?;
        std::fs::rename(&new, file).map_err(&fail)?;
        Ok(size)
    }

    /// The tensors in the order of the file: wide elements first, which keeps all aligned.
    fn items(&self) -> Result<Vec<Item<'_>>> {
        let items = self.parameters.iter().filter_map(|(ours, parameter)| {
            Some(Item { ours, parameter, shape: parameter.ours.as_deref()?, half: false })
        });
        let mut items: Vec<_> = items.collect();
        if self.half {
            let halves: Vec<_> = items.iter().map(|_| AtomicBool::new(false)).collect();
            let places = items.iter().zip(&halves);
            let places = places.map(|(item, half)| (item.parameter.name.as_str(), (item.parameter, half)));
            self.each(
                places.collect(),
                || (),
                |(), (parameter, half), tensor| {
                    half.store(
                        fit_f16(&values(&tensor, self.checkpoint.path(), parameter)?),
                        Ordering::Relaxed,
                    );
                    Ok(())
                },
            )?;
            for (item, half) in items.iter_mut().zip(halves) {
                item.half = half.into_inner();
            }
        }
        items.sort_by_key(|item| item.half);
        Ok(items)
    }

    /// Hands the converted values on in pieces, in order. `piece` is memory to use.
    fn convert(
        &self,
        item: &Item<'_>,
        values: &[Value],
        piece: &mut Vec<Value>,
        mut write: impl FnMut(&[Value]) -> Result<()>,
    ) -> Result<()> {
        let parameter = item.parameter;
        let reversal = parameter.layout.and_then(|layout| Reversal::of(layout, &parameter.shape));
        if let Some(rows) = self.rows.and_then(|rows| rows.of(item.ours)) {
            let count = item.shape.first().copied().unwrap_or(1);
            if rows.len() != count || rows.iter().any(|row| *row >= count) {
                let reason = format!("{count} classes, expected {}", rows.len());
                return Err(Error::contents(Path::new(&parameter.name), reason));
            }
            let Some(reversal) = reversal else { return write(&select(values, rows, count)) };
            reversal.read(values, 0..count, piece);
            return write(&select(piece, rows, count));
        }
        let Some(reversal) = reversal else {
            return values.chunks(PIECE).try_for_each(write);
        };
        let rows = (PIECE / reversal.row().max(1)).next_multiple_of(LEAST_ROWS);
        (0..reversal.rows()).step_by(rows).try_for_each(|row| {
            reversal.read(values, row..reversal.rows().min(row + rows), piece);
            write(piece)
        })
    }
}

/// The values of a tensor of floats.
fn values<'a>(tensor: &'a Tensor<'_>, file: &Path, parameter: &Parameter) -> Result<Cow<'a, [Value]>> {
    if tensor.dtype == DType::F32 {
        return Ok(tensor.bytes.as_chunks().0.into());
    }
    let values = tensor.to_f32().ok_or_else(|| {
        Error::contents(file, format!("`{}` holds {}, expected floats", parameter.name, tensor.dtype))
    })?;
    Ok(values.into_iter().map(f32::to_le_bytes).collect::<Vec<_>>().into())
}

/// What stands before the values, and how many bytes those have.
fn header(items: &[Item<'_>]) -> std::result::Result<(Vec<u8>, u64), Box<dyn std::error::Error>> {
    let mut offset = 0;
    let entries = items.iter().map(|item| {
        let dtype = if item.half { Dtype::F16 } else { Dtype::F32 };
        let data_offsets = (offset, offset + item.size());
        offset = data_offsets.1;
        (item.ours.to_string(), TensorInfo { dtype, shape: item.shape.to_vec(), data_offsets })
    });
    let format = HashMap::from([("format".to_string(), "pt".to_string())]);
    let mut text = serde_json::to_vec(&Metadata::new(Some(format), entries.collect())?)?;
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.extend(text);
    Ok((header, offset as u64))
}
