//! Axial attention for inference: straight from a map of queries, keys and values to the attended map.
//!
//! Sixteen lines stand side by side in the lanes of a vector, so that no step needs a permuted copy of the map, and
//! columns are read as they lie. The norms of similarities and results are factors of the position tables.

mod blocks;
mod kernel;
mod lanes;

use crate::cpu::{Float, Shared, by_dtype, elements, has_kernel, hold, runs_kernels, written};
use crate::error::{Error, Result};
use crate::gpu::{Launch, Module, has_gpu_kernels, one_launched, takes};
use crate::profile;
use blocks::{BLOCK, QUERIES};
use candle_core::{CpuStorage, CustomOp1, Device, Layout, Shape, Tensor};
use kernel::{Head, lines, with_scratch};
use lanes::{LANES, Maps};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// The constants of an axial attention along one axis. Tables have one row per distance `key - query`, zero in the middle.
#[derive(Debug, Clone)]
pub struct AxialTables {
    /// Attention heads.
    pub heads: usize,
    /// `[distances, depth of a query]`.
    pub query_position: Tensor,
    /// As the former.
    pub key_position: Tensor,
    /// `[distances, depth of a value]`.
    pub value_position: Tensor,
    /// Factors of the similarities by content, by query position and by key position, `[3 * heads]`.
    pub similarity_scale: Tensor,
    /// Factors of what is retrieved by content and by position, `[2 * values]`.
    pub retrieved_scale: Tensor,
    /// Added to the sum of both, `[values]`.
    pub offset: Tensor,
}

/// Attends over the columns (`vertical`) or the rows of `qkv` `[b, 2 keys + values, h, w]`, which holds queries, keys and
/// values in this order, head by head. Gives `[b, values, h, w]`, of the attended axis every `stride`-th position.
/// Similarities are softmaxed over the line; constants added to them would change nothing. Without gradient, where it [`attends_to`] a map.
///
/// # Errors
/// If the shapes do not fit.
pub fn axial_attention(qkv: &Tensor, tables: &AxialTables, vertical: bool, stride: usize) -> Result<Tensor> {
    let (batch, channels, height, width) = qkv.dims4()?;
    let heads = tables.heads.max(1);
    let (distances, key) = tables.query_position.dims2()?;
    let (_, value) = tables.value_position.dims2()?;
    let (length, lines) = if vertical { (height, width) } else { (width, height) };
    let fits = channels == heads * (2 * key + value)
        && tables.key_position.dims() == [distances, key]
        && tables.value_position.dims() == [distances, value]
        && tables.similarity_scale.dims() == [3 * heads]
        && tables.retrieved_scale.dims() == [2 * heads * value]
        && tables.offset.dims() == [heads * value]
        && distances % 2 == 1
        && length <= distances / 2 + 1
        && stride > 0;
    if !fits {
        let reason = format!("axial attention: {:?} does not fit the tables of {heads} heads", qkv.dims());
        return Err(Error::Argument(reason));
    }
    if takes(qkv) {
        let sizes = [heads, key, value, length, lines, usize::from(vertical), stride, distances / 2];
        return profile::pass("axial attention", &[qkv], || on_device(qkv, tables, batch, sizes));
    }
    let shape = Sizes { batch, heads, key, value, length, lines, vertical, stride, middle: distances / 2 };
    profile::pass("axial attention", &[qkv], || {
        Ok(qkv.contiguous()?.apply_op1_no_bwd(&Axial { tables, shape })?)
    })
}

/// Whether [`axial_attention`] takes maps on this device; those that have no gradient, and are of an element type that the kernels
/// there know.
pub fn attends_on(device: &Device) -> bool {
    runs_kernels(device) || has_gpu_kernels(device)
}

/// Whether [`axial_attention`] takes `x`.
pub fn attends_to(x: &Tensor) -> bool {
    !x.track_op() && (has_kernel(x) || takes(x))
}

/// By our kernel.
fn on_device(qkv: &Tensor, tables: &AxialTables, batch: usize, sizes: [usize; 8]) -> Result<Tensor> {
    /// Queries of a line that a block answers, and the longest line: `QUERIES` and `LONGEST` of the kernel's text.
    const TOGETHER: usize = 8;
    const LONGEST: usize = 256;
    let [heads, _, value, length, lines, vertical, stride, _] = sizes;
    if length > LONGEST {
        return Err(Error::Argument(format!(
            "axial attention: {length} positions, up to {LONGEST} on a device"
        )));
    }
    let queries = length.div_ceil(stride);
    let blocks = batch * heads * lines * queries.div_ceil(TOGETHER);
    let launch = Launch::of_blocks(Module::Axial, "axial", blocks).ints(sizes);
    let t = tables;
    let constants = [
        &t.query_position,
        &t.key_position,
        &t.value_position,
        &t.similarity_scale,
        &t.retrieved_scale,
        &t.offset,
    ];
    if let Some(other) = constants.iter().find(|t| t.dtype() != qkv.dtype()) {
        let types = (other.dtype(), qkv.dtype());
        return Err(Error::Argument(format!(
            "axial attention: tables and map differ in element type: {types:?}"
        )));
    }
    let qkv = qkv.contiguous()?;
    let inputs: Vec<&Tensor> = std::iter::once(&qkv).chain(constants).collect();
    let (rows, columns) = if vertical == 1 { (queries, lines) } else { (lines, queries) };
    one_launched(&launch, &inputs, (batch, heads * value, rows, columns))
}

#[derive(Debug, Clone, Copy)]
struct Sizes {
    batch: usize,
    heads: usize,
    /// Depth of a query or key of one head.
    key: usize,
    /// Depth of a value of one head.
    value: usize,
    length: usize,
    lines: usize,
    vertical: bool,
    stride: usize,
    /// Row of distance zero in the tables.
    middle: usize,
}

impl Sizes {
    /// Positions that ask.
    fn queries(&self) -> usize {
        self.length.div_ceil(self.stride)
    }

    /// Distances of a table: all that occur, and those that a block reaches over.
    fn distances(&self) -> usize {
        self.zero() + self.length.next_multiple_of(BLOCK)
    }

    /// Where the distance zero stands in such a table.
    fn zero(&self) -> usize {
        let last = self.queries().next_multiple_of(QUERIES).saturating_sub(1) * self.stride;
        last.max(self.length.saturating_sub(1))
    }

    /// Distance of two channels in the copies: with what blocks reach over, and odd, so that channels do not all fall on
    /// the same few places of a cache.
    fn pitch(&self) -> usize {
        (self.zero().max(self.length.next_multiple_of(BLOCK)) + 1) | 1
    }
}

struct Axial<'a> {
    tables: &'a AxialTables,
    shape: Sizes,
}

impl CustomOp1 for Axial<'_> {
    fn name(&self) -> &'static str {
        "axial-attention"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let s = self.shape;
        let (rows, columns) = if s.vertical { (s.queries(), s.lines) } else { (s.lines, s.queries()) };
        by_dtype!(x, T => {
            let heads = (0..s.heads).map(|head| self.head::<T>(head)).collect::<candle_core::Result<Vec<_>>>()?;
            (attend(elements::<T>(x, layout)?, &heads, &s), Shape::from((s.batch, s.heads * s.value, rows, columns)))
        })
    }
}

impl Axial<'_> {
    fn head<T: Float>(&self, head: usize) -> candle_core::Result<Head<T>> {
        let (t, s) = (self.tables, self.shape);
        let vector =
            |tensor: &Tensor| -> candle_core::Result<Vec<T>> { Ok(hold(tensor).elements::<T>()?.to_vec()) };
        let (similarity, retrieved) = (vector(&t.similarity_scale)?, vector(&t.retrieved_scale)?);
        let channels = head * s.value..(head + 1) * s.value;
        let (by_content, by_position) = retrieved.split_at(s.heads * s.value);
        Ok(Head {
            content: similarity[head],
            query: self.table(&t.query_position, &vec![similarity[s.heads + head]; s.key])?,
            key: self.table(&t.key_position, &vec![similarity[2 * s.heads + head]; s.key])?,
            value: self.table(&t.value_position, &by_position[channels.clone()])?,
            values: by_content[channels.clone()].to_vec(),
            offset: vector(&t.offset)?[channels].to_vec(),
        })
    }

    /// The distances that occur of a table, channel by channel, channel `d` times `factors[d]`; channels in full blocks.
    fn table<T: Float>(&self, tensor: &Tensor, factors: &[T]) -> candle_core::Result<Vec<T>> {
        let (held, s, depth) = (hold(tensor), self.shape, factors.len());
        let distances = s.distances();
        let mut table = vec![T::ZERO; depth.next_multiple_of(BLOCK) * distances];
        let rows = held.elements::<T>()?.chunks_exact(depth.max(1));
        let occur = (2 * s.length).saturating_sub(1);
        let rows = rows.skip(s.middle + 1 - s.length).take(occur);
        for (row, at) in rows.zip(s.zero() + 1 - s.length..) {
            for (d, (v, factor)) in row.iter().zip(factors).enumerate() {
                table[d * distances + at] = *v * *factor;
            }
        }
        Ok(table)
    }
}

fn attend<T: Float>(x: &[T], heads: &[Head<T>], s: &Sizes) -> Vec<T> {
    let blocks = s.lines.div_ceil(LANES);
    let (channels, values) = (s.heads * (2 * s.key + s.value), s.heads * s.value);
    let given = Maps { length: s.length, lines: s.lines, vertical: s.vertical };
    let taken = Maps { length: s.queries(), ..given };
    if given.area() == 0 {
        return Vec::new();
    }
    let fill = |out: &mut [MaybeUninit<T>]| {
        let out = Shared::unwritten(out);
        let tasks = (0..s.batch * s.heads * blocks).into_par_iter().with_max_len(1);
        tasks.for_each(|task| {
            let (line, head, image) =
                (task % blocks * LANES, task / blocks % s.heads, task / blocks / s.heads);
            let from = |first: usize, depth: usize| {
                let first = image * channels + first + head * depth;
                &x[first * given.area()..][..depth * given.area()]
            };
            with_scratch(s, |scratch| {
                let head_of = &heads[head];
                let one = |_| T::ONE;
                given.take(from(0, s.key), line, one, scratch.query, s.pitch());
                given.take(from(s.heads * s.key, s.key), line, one, scratch.key, s.pitch());
                let factor = |channel: usize| head_of.values[channel];
                given.take(from(2 * s.heads * s.key, s.value), line, factor, scratch.value, s.pitch());
                lines(scratch, head_of, s);
                let first = (image * values + head * s.value) * taken.area();
                // SAFETY: the head's channels of the output; these lines are this task's alone.
                unsafe { taken.put(scratch.out, line, out, first) };
            });
        });
    };
    // SAFETY: the tasks cover all channels, lines and positions of the output.
    unsafe { written(s.batch * values * taken.area(), fill) }
}
