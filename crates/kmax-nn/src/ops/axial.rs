//! Axial attention for inference: straight from a map of queries, keys and values to the attended map.
//!
//! Sixteen lines stand side by side in the lanes of a vector, so that no step needs a permuted copy of the map, and
//! columns are read as they lie. The norms of similarities and results are factors of the position tables.

use super::real::{Real, Shared, by_dtype, elements, hold, written};
use super::simd::{Isa, simd_fn};
use crate::{Error, Result, profile};
use candle_core::{CpuStorage, CustomOp1, Layout, Shape, Tensor};
use rayon::prelude::*;

/// Lines side by side.
const LANES: usize = 16;
/// Queries that share each load of a key or value.
const QUERIES: usize = 4;
type Lanes<T> = [T; LANES];

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
/// Similarities are softmaxed over the line; constants added to them would change nothing. On the CPU, without gradient.
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
    let shape = Sizes { batch, heads, key, value, length, lines, vertical, stride, middle: distances / 2 };
    profile::pass("axial attention", &[qkv], || {
        Ok(qkv.contiguous()?.apply_op1_no_bwd(&Axial { tables, shape })?)
    })
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

    /// Distances that occur.
    fn distances(&self) -> usize {
        (2 * self.length).saturating_sub(1)
    }

    /// The steps from one position and from one line to the next in a map of that length.
    fn steps(&self, length: usize) -> (usize, usize) {
        if self.vertical { (self.lines, 1) } else { (1, length) }
    }
}

struct Axial<'a> {
    tables: &'a AxialTables,
    shape: Sizes,
}

/// Constants of one head: position tables over the distances that occur, with their norms' factors.
struct Head<T> {
    /// Of the similarities by content.
    content: T,
    /// `[distances, key]`.
    query: Vec<T>,
    /// `[distances, key]`.
    key: Vec<T>,
    /// `[value, distances]`.
    value: Vec<T>,
    /// Of the values.
    values: Vec<T>,
    offset: Vec<T>,
}

/// A task's copies of its lines, and its results.
#[derive(Default)]
struct Scratch<T> {
    /// `[length, key]` each.
    query: Vec<Lanes<T>>,
    key: Vec<Lanes<T>>,
    /// `[value, length]`.
    value: Vec<Lanes<T>>,
    /// `[QUERIES, length]`.
    weights: Vec<Lanes<T>>,
    /// `[value, queries]`.
    out: Vec<Lanes<T>>,
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
    fn head<T: Real>(&self, head: usize) -> candle_core::Result<Head<T>> {
        let (t, s) = (self.tables, self.shape);
        let first = (s.middle + 1).saturating_sub(s.length);
        let table = |tensor: &Tensor, depth: usize, factor: T| -> candle_core::Result<Vec<T>> {
            let held = hold(tensor);
            let rows = &held.elements::<T>()?[first * depth..][..s.distances() * depth];
            Ok(rows.iter().map(|v| *v * factor).collect())
        };
        let vector =
            |tensor: &Tensor| -> candle_core::Result<Vec<T>> { Ok(hold(tensor).elements::<T>()?.to_vec()) };
        let (similarity, retrieved) = (vector(&t.similarity_scale)?, vector(&t.retrieved_scale)?);
        let channels = head * s.value..(head + 1) * s.value;
        let by_position = &retrieved[s.heads * s.value..][channels.clone()];
        let positions = table(&t.value_position, s.value, T::ONE)?;
        let value = (0..s.value)
            .flat_map(|d| positions.iter().skip(d).step_by(s.value).map(move |v| *v * by_position[d]));
        Ok(Head {
            content: similarity[head],
            query: table(&t.query_position, s.key, similarity[s.heads + head])?,
            key: table(&t.key_position, s.key, similarity[2 * s.heads + head])?,
            value: value.collect(),
            values: retrieved[channels.clone()].to_vec(),
            offset: vector(&t.offset)?[channels].to_vec(),
        })
    }
}

fn attend<T: Real>(x: &[T], heads: &[Head<T>], s: &Sizes) -> Vec<T> {
    let area = s.length * s.lines;
    let out_area = s.queries() * s.lines;
    let blocks = s.lines.div_ceil(LANES);
    let fill = |out: &mut [T]| {
        let out = Shared::new(out);
        let tasks = (0..s.batch * s.heads * blocks).into_par_iter().with_max_len(1);
        tasks.for_each_init(Scratch::default, |scratch, task| {
            let (line, head, image) =
                (task % blocks * LANES, task / blocks % s.heads, task / blocks / s.heads);
            let count = LANES.min(s.lines - line);
            let head_of = &heads[head];
            let maps = &x[image * s.heads * (2 * s.key + s.value) * area..];
            let from = |first: usize, depth: usize| &maps[(first + head * depth) * area..][..depth * area];
            let (step, apart) = s.steps(s.length);
            let take = |maps: &[T], to: &mut Vec<Lanes<T>>, (by_channel, by_position): (usize, usize)| {
                to.clear();
                to.resize(maps.len() / s.lines, [T::ZERO; LANES]);
                for (channel, map) in maps.chunks_exact(area).enumerate() {
                    lanes_from(
                        map,
                        (line, count),
                        (step, apart),
                        s.length,
                        &mut to[channel * by_channel..],
                        by_position,
                    );
                }
            };
            take(from(0, s.key), &mut scratch.query, (1, s.key));
            take(from(s.heads * s.key, s.key), &mut scratch.key, (1, s.key));
            take(from(2 * s.heads * s.key, s.value), &mut scratch.value, (s.length, 1));
            for (row, factor) in scratch.value.chunks_exact_mut(s.length).zip(&head_of.values) {
                row.iter_mut().flatten().for_each(|v| *v *= *factor);
            }
            scratch.weights.resize(QUERIES * s.length, [T::ZERO; LANES]);
            scratch.out.resize(s.value * s.queries(), [T::ZERO; LANES]);
            lines(scratch, head_of, s);
            let (step, apart) = s.steps(s.queries());
            for (channel, row) in scratch.out.chunks_exact(s.queries()).enumerate() {
                let start = ((image * s.heads + head) * s.value + channel) * out_area + line * apart;
                if apart == 1 {
                    for (i, lanes) in row.iter().enumerate() {
                        // SAFETY: within the channel's map; its lines `line..line + count` are this task's alone.
                        let to = unsafe { out.slice(start + i * step, count) };
                        to.copy_from_slice(&lanes[..count]);
                    }
                    continue;
                }
                for lane in 0..count {
                    // SAFETY: as above; such a line's positions are neighbours.
                    let to = unsafe { out.slice(start + lane * apart, row.len()) };
                    to.iter_mut().zip(row).for_each(|(to, lanes)| *to = lanes[lane]);
                }
            }
        });
    };
    if area == 0 {
        return Vec::new();
    }
    // SAFETY: the tasks cover all channels, lines and positions of the output.
    unsafe { written(s.batch * s.heads * s.value * out_area, fill) }
}

/// `to[i * every]` takes position `i` of the lines `line..line + count` of `map`.
fn lanes_from<T: Real>(
    map: &[T],
    (line, count): (usize, usize),
    (step, apart): (usize, usize),
    length: usize,
    to: &mut [Lanes<T>],
    every: usize,
) {
    if apart == 1 {
        for (i, row) in map.chunks_exact(step).enumerate() {
            to[i * every][..count].copy_from_slice(&row[line..][..count]);
        }
        return;
    }
    for (lane, row) in map.chunks_exact(length).skip(line).take(count).enumerate() {
        for (i, v) in row.iter().enumerate() {
            to[i * every][lane] = *v;
        }
    }
}

simd_fn! {
    /// Attention along all lines of the scratch.
    fn lines[I, T](scratch: &mut Scratch<T>, head: &Head<T>, s: &Sizes) {
        let (key, length, distances) = (s.key, s.length, s.distances());
        for first in (0..s.queries()).step_by(QUERIES) {
            // The last block asks for its last query more than once.
            let mut at = [0; QUERIES];
            for (r, at) in at.iter_mut().enumerate() {
                *at = (first + r).min(s.queries() - 1) * s.stride;
            }
            let query = at.map(|i| &scratch.query[i * key..][..key]);
            for (j, k) in scratch.key.chunks_exact(key.max(1)).enumerate() {
                let row = at.map(|i| (length - 1 + j - i) * key);
                let by_query = row.map(|row| &head.query[row..][..key]);
                let by_key = row.map(|row| &head.key[row..][..key]);
                let sums = similarities::<I, T>(query, k, by_query, by_key, head.content);
                for (r, sums) in sums.into_iter().enumerate() {
                    scratch.weights[r * length + j] = sums;
                }
            }
            for row in scratch.weights.chunks_exact_mut(length) {
                softmax::<I, T>(row);
            }
            for (d, values) in scratch.value.chunks_exact(length).enumerate() {
                let table = &head.value[d * distances..][..distances];
                let by_position = at.map(|i| &table[length - 1 - i..][..length]);
                let weights: [_; QUERIES] =
                    std::array::from_fn(|r| &scratch.weights[r * length..][..values.len()]);
                let by_position = by_position.map(|table| &table[..values.len()]);
                let mut sums = [[T::ZERO; LANES]; QUERIES];
                for (j, v) in values.iter().enumerate() {
                    for r in 0..QUERIES {
                        let (weight, shift) = (&weights[r][j], by_position[r][j]);
                        for lane in 0..LANES {
                            sums[r][lane] = I::mul_add(weight[lane], v[lane] + shift, sums[r][lane]);
                        }
                    }
                }
                let out = &mut scratch.out[d * s.queries() + first..];
                for (out, sums) in out.iter_mut().take(s.queries() - first).zip(sums) {
                    for lane in 0..LANES {
                        out[lane] = sums[lane] + head.offset[d];
                    }
                }
            }
        }
    }
}

/// `content q . k + q . by_query + k . by_key` for each query.
#[inline(always)]
fn similarities<I: Isa, T: Real>(
    query: [&[Lanes<T>]; QUERIES],
    key: &[Lanes<T>],
    by_query: [&[T]; QUERIES],
    by_key: [&[T]; QUERIES],
    content: T,
) -> [Lanes<T>; QUERIES] {
    // Of one length, which saves the loop from asking.
    let (query, by_query, by_key) =
        (query.map(|q| &q[..key.len()]), by_query.map(|q| &q[..key.len()]), by_key.map(|k| &k[..key.len()]));
    let mut sums = [[T::ZERO; LANES]; QUERIES];
    for (d, k) in key.iter().enumerate() {
        for r in 0..QUERIES {
            let (q, of_query, of_key) = (&query[r][d], by_query[r][d], by_key[r][d]);
            for lane in 0..LANES {
                let factor = I::mul_add(k[lane], content, of_query);
                sums[r][lane] = I::mul_add(q[lane], factor, sums[r][lane]);
                sums[r][lane] = I::mul_add(k[lane], of_key, sums[r][lane]);
            }
        }
    }
    sums
}

#[inline(always)]
fn softmax<I: Isa, T: Real>(row: &mut [Lanes<T>]) {
    let mut most = row.first().copied().unwrap_or([T::ZERO; LANES]);
    for values in row.iter() {
        for lane in 0..LANES {
            most[lane] = values[lane].maximum(most[lane]);
        }
    }
    let mut total = [T::ZERO; LANES];
    for values in row.iter_mut() {
        for lane in 0..LANES {
            values[lane] = (values[lane] - most[lane]).exponential::<I>();
            total[lane] += values[lane];
        }
    }
    let share = total.map(|total| T::ONE / total);
    for values in row {
        for lane in 0..LANES {
            values[lane] *= share[lane];
        }
    }
}
