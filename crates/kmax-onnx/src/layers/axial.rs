//! Axial attention, in matrix products over rows of positions.
//!
//! The products with position tables run once per position, which is then the first axis: no `Einsum`, which one engine computes
//! wrongly here (OpenVINO 2026.4).

use super::folded::{Folded, batch_norm, parameter};
use crate::error::{Error, Result};
use crate::graph::{Attribute, Constant, Dim, Element, Extent, Graph, Map, Value};
use candle_core::DType;
use kmax_nn::layers::{AxialConfig, MAX_SPAN};
use kmax_nn::{Init, Params, Role};

/// What attends over both axes of a map.
pub struct Axial {
    pub config: AxialConfig,
    /// Positions kept after each axis.
    pub stride: usize,
}

/// Attention down the columns, then along the rows.
pub fn axial(g: &mut Graph, x: &Map, axial: &Axial, params: &Params) -> Result<Map> {
    let Axial { config, stride } = axial;
    let columns = along(g, x, *config, true, *stride, &params.pp("height"))?;
    let second = AxialConfig { input: config.value_depth, ..*config };
    along(g, &columns, second, false, *stride, &params.pp("width"))
}

/// Attention along one axis of a map.
fn along(
    g: &mut Graph,
    x: &Map,
    config: AxialConfig,
    vertical: bool,
    stride: usize,
    params: &Params,
) -> Result<Map> {
    let AxialConfig { key_depth, value_depth, heads, .. } = config;
    let axis = usize::from(!vertical);
    let (length, other) = (x.size[axis], x.size[1 - axis]);
    if let Dim::Fixed(length) = length
        && length > MAX_SPAN
    {
        let reason = format!("the axial attention `{}` reaches over {MAX_SPAN} positions", params.path(""));
        return Err(Error::Argument(format!("{reason}; at this input size it would have {length}")));
    }
    let norms = Norms::read(&config, params)?;
    let hint = |part: &str| params.path(part);
    let parts = qkv(g, x, &config, &norms, params)?;
    // [batch, channels, h, w] to [batch * other, heads, depth, length].
    let order: [i64; 4] = if vertical { [0, 3, 1, 2] } else { [0, 2, 1, 3] };
    let mut rows = |part: &Value, depth: usize, name: &str| {
        let turned = g.transpose(part, &order, &hint(&format!("{name}.rows")));
        let shape = [Extent::Rest, Extent::Of(heads), Extent::Of(depth / heads), Extent::Same];
        g.reshape(&turned, &shape, &hint(name))
    };
    let query = rows(&parts[0], key_depth, "query");
    let key = rows(&parts[1], key_depth, "key");
    let value = rows(&parts[2], value_depth, "value");
    let query = g.transpose(&query, &[0, 1, 3, 2], &hint("query.positions"));
    let key_positions = g.transpose(&key, &[0, 1, 3, 2], &hint("key.positions"));
    let value = g.transpose(&value, &[0, 1, 3, 2], &hint("value.positions"));

    let mut scaled = |x: &Value, scale: &[f64], name: &str| -> Result<Value> {
        let scale = parameter(g, &hint(&format!("{name}.scale")), &[heads, 1, 1], scale)?;
        Ok(g.binary("Mul", x, &scale, &hint(&format!("{name}.scaled"))))
    };
    let by_content = scaled(&query, &norms.similarity[..heads], "content")?;
    let by_query = scaled(&query, &norms.similarity[heads..2 * heads], "query_position")?;
    let by_key = scaled(&key_positions, &norms.similarity[2 * heads..], "key_position")?;

    let content = g.binary("MatMul", &by_content, &key, &hint("content"));
    let tables = Tables { depth: key_depth / heads, length };
    let by_query = tables.product(g, &by_query, heads, "query_position", false, params)?;
    let by_key = tables.product(g, &by_key, heads, "key_position", true, params)?;
    let by_key = g.transpose(&by_key, &[0, 1, 3, 2], &hint("key_position.by_query"));
    let positions = g.binary("Add", &by_query, &by_key, &hint("positions"));
    let similarity = g.binary("Add", &content, &positions, &hint("similarity"));
    let weights = g.softmax(&similarity, 3, &hint("weights"));

    let content = g.binary("MatMul", &weights, &value, &hint("retrieved_content"));
    let by_position = Tables { depth: value_depth / heads, length }.retrieve(
        g,
        &weights,
        heads,
        "value_position",
        params,
    )?;
    let scale = &norms.position_scale;
    let scale = parameter(g, &hint("value_position.scale"), &[heads, 1, value_depth / heads], scale)?;
    let by_position = g.binary("Mul", &by_position, &scale, &hint("value_position.scaled"));
    let retrieved = g.binary("Add", &content, &by_position, &hint("retrieved"));

    // [batch * other, heads, length, depth] back to [batch, channels, h, w].
    let retrieved = g.transpose(&retrieved, &[0, 1, 3, 2], &hint("retrieved.channels"));
    let shape = [Extent::Rest, Extent::Like(other), Extent::Of(value_depth), Extent::Like(length)];
    let retrieved = g.reshape(&retrieved, &shape, &hint("retrieved.map"));
    let order: [i64; 4] = if vertical { [0, 2, 3, 1] } else { [0, 2, 1, 3] };
    let mut map = g.transpose(&retrieved, &order, &hint("output"));
    let mut size = x.size;
    if stride > 1 {
        map = g.every(&map, stride, axis as i64 + 2, &hint("kept"));
        size[axis] = size[axis].strided(stride);
        g.name_strided(length, size[axis], stride);
    }
    Ok(g.map(map, value_depth, size))
}

/// The two norms, as far as the softmax and the values leave anything of them.
struct Norms {
    /// Scales of the three kinds of similarity, for each head. A softmax does not see their offsets.
    similarity: Vec<f64>,
    /// Scale of the retrieved content, for each channel.
    content_scale: Vec<f64>,
    /// Scale of the retrieved positions.
    position_scale: Vec<f64>,
    /// Offset of their sum. The weights of a softmax sum to 1, so that values may carry it.
    offset: Vec<f64>,
}

impl Norms {
    fn read(config: &AxialConfig, params: &Params) -> Result<Self> {
        let AxialConfig { heads, value_depth, norm, .. } = *config;
        let (similarity, _) = batch_norm(3 * heads, norm, &params.pp("similarity_norm"))?;
        let (scale, offset) = batch_norm(2 * value_depth, norm, &params.pp("retrieved_norm"))?;
        let (content, position) = offset.split_at(value_depth);
        Ok(Self {
            similarity,
            content_scale: scale[..value_depth].to_vec(),
            position_scale: scale[value_depth..].to_vec(),
            offset: content.iter().zip(position).map(|(a, b)| a + b).collect(),
        })
    }
}

/// Queries, keys and values `[batch, depth, h, w]`; the values with the norm of what is retrieved folded in.
fn qkv(g: &mut Graph, x: &Map, config: &AxialConfig, norms: &Norms, params: &Params) -> Result<Vec<Value>> {
    let AxialConfig { input, key_depth, value_depth, norm, .. } = *config;
    let below = params.pp("qkv");
    let output = 2 * key_depth + value_depth;
    let folded = Folded::read(&[output, input, 1], false, &below)?.normed(norm, &below)?;
    let ahead = |value: f64, rest: &[f64]| -> Vec<f64> {
        std::iter::repeat_n(value, 2 * key_depth).chain(rest.iter().copied()).collect()
    };
    let mut folded = folded.then(&ahead(1.0, &norms.content_scale), &ahead(0.0, &norms.offset));
    folded.dims.push(1);
    let [weight, bias] = folded.write(g, &below)?;
    let kernel = vec![("kernel_shape", Attribute::Ints(vec![1, 1]))];
    let all = g.node("Conv", &[&x.value, &weight, &bias], kernel, x.value.element, &below.path("output"));
    let hints = ["query", "key", "value"].map(|part| params.path(format!("{part}.map")));
    Ok(g.split(&all, 1, &[key_depth, key_depth, value_depth], &hints))
}

/// Vectors that belong to the distance of two positions.
struct Tables {
    depth: usize,
    length: Dim,
}

impl Tables {
    /// The vectors for all pairs, `[first, second, depth]`: first is the query position, or the key position with `keys`.
    fn between(&self, g: &mut Graph, name: &str, keys: bool, params: &Params) -> Result<Value> {
        let rows = 2 * MAX_SPAN - 1;
        let table = params.get(name, &[rows, self.depth], Init::ZEROS, Role::Embedding)?;
        let table = table.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        let table = parameter(g, &params.path(name), &[rows, self.depth], &table)?;
        let distances = distances(g, self.length, keys);
        Ok(g.gather(&table, &distances, 0, &params.path(format!("{name}.pairs"))))
    }

    /// Products of `vectors` `[rows, heads, length, depth]` with the vector of every pair that their position is first of:
    /// `[rows, heads, first, second]`.
    fn product(
        &self,
        g: &mut Graph,
        vectors: &Value,
        heads: usize,
        name: &str,
        keys: bool,
        params: &Params,
    ) -> Result<Value> {
        let matrices = self.between(g, name, keys, params)?;
        let name = params.path(format!("{name}.products"));
        let matrices = g.transpose(&matrices, &[0, 2, 1], &format!("{name}.matrices"));
        let lengths = [Extent::Of(self.depth), Extent::Like(self.length)];
        Ok(per_position(g, vectors, &matrices, heads, lengths, &name))
    }

    /// The sum over pairs of `weights` `[rows, heads, query, key]` times their vectors: `[rows, heads, query, depth]`.
    fn retrieve(
        &self,
        g: &mut Graph,
        weights: &Value,
        heads: usize,
        name: &str,
        params: &Params,
    ) -> Result<Value> {
        let matrices = self.between(g, name, false, params)?;
        let lengths = [Extent::Like(self.length), Extent::Of(self.depth)];
        let name = params.path(format!("{name}.products"));
        Ok(per_position(g, weights, &matrices, heads, lengths, &name))
    }
}

/// `[rows, heads, length, a]` times one `[a, b]` matrix per position: `[rows, heads, length, b]`, given the extents of a and b.
fn per_position(
    g: &mut Graph,
    vectors: &Value,
    matrices: &Value,
    heads: usize,
    [inner, outer]: [Extent; 2],
    name: &str,
) -> Value {
    let hint = |part: &str| format!("{name}.{part}");
    let first = g.transpose(vectors, &[2, 0, 1, 3], &hint("by_position"));
    let first = g.reshape(&first, &[Extent::Same, Extent::Rest, inner], &hint("rows"));
    let product = g.binary("MatMul", &first, matrices, &hint("product"));
    let shape = [Extent::Same, Extent::Rest, Extent::Of(heads), outer];
    let product = g.reshape(&product, &shape, &hint("heads"));
    g.transpose(&product, &[1, 2, 0, 3], name)
}

/// For every pair of positions, the row of its distance in a table: `[first, second]` of int64.
fn distances(g: &mut Graph, length: Dim, keys: bool) -> Value {
    let sign = if keys { -1 } else { 1 };
    let middle = MAX_SPAN as i64 - 1;
    if let Dim::Fixed(length) = length {
        let pairs = (0..length as i64).flat_map(|a| (0..length as i64).map(move |b| (a, b)));
        let rows: Vec<f64> = pairs.map(|(first, second)| (sign * (second - first) + middle) as f64).collect();
        return g.constant(Constant::floats(Element::I64, &[length, length], &rows));
    }
    g.shared(&format!("distances.{length}.{keys}"), |g, name| {
        let hint = |part: &str| format!("{name}.{part}");
        let zero = g.constant(Constant::integer(0));
        let one = g.constant(Constant::integer(1));
        let end = g.size(length);
        let end = g.unary("Squeeze", &end, &hint("length"));
        let range = g.node("Range", &[&zero, &end, &one], Vec::new(), Element::I64, &hint("positions"));
        let down = g.reshape(&range, &[Extent::Rest, Extent::Of(1)], &hint("first"));
        let (a, b) = if keys { (&down, &range) } else { (&range, &down) };
        let difference = g.binary("Sub", a, b, &hint("difference"));
        let middle = g.constant(Constant::integer(middle));
        g.binary("Add", &difference, &middle, name)
    })
}
