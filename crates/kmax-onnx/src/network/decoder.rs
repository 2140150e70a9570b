//! The k-means decoder: `kmax_attention` as operators.

use super::{Logits, Said, predictor};
use crate::error::Result;
use crate::graph::{Constant, Dim, Element, Extent, Graph, Map, Value};
use crate::layers::{Folded, activate, batch_norm, conv_norm, parameter, sequence};
use candle_core::DType;
use kmax_attention::DecoderConfig;
use kmax_heads::PredictorConfig;
use kmax_nn::{Activation, ConvConfig, Init, Params, Role};

/// Learned queries, the layers that update them, and the final prediction; with those of the layers, if `steps` are wanted.
pub fn decoder(
    g: &mut Graph,
    config: &DecoderConfig,
    maps: &[Map],
    classes: usize,
    params: &Params,
    steps: bool,
) -> Result<Said> {
    let DecoderConfig { channels, queries: count, .. } = *config;
    let mut queries = learned(g, config, params)?;
    let step_classes = steps.then_some(classes);
    let mut steps = Vec::new();
    let mut index = 0;
    for (map, layers) in maps.iter().zip(config.layers) {
        let below = params.pp("layers");
        let hint = below.path(format!("{index}.pixels"));
        let activated = Map { value: activate(g, Activation::Gelu, &map.value, &hint), ..map.clone() };
        for _ in 0..layers {
            let (updated, said) = layer(g, config, &activated, &queries, step_classes, &below.pp(index))?;
            queries = updated;
            steps.extend(said);
            index += 1;
        }
    }
    let project = |g: &mut Graph, name: &str| -> Result<Value> {
        let below = params.pp(name);
        let folded = Folded::read(&[channels, channels, 1], false, &below)?.normed(config.norm(), &below)?;
        sequence(g, &queries, &folded, Activation::Gelu, &below)
    };
    let class_embedding = project(g, "class_projection")?;
    let mask_embedding = project(g, "mask_projection")?;
    let panoptic = &maps[maps.len() - 1];
    let head = PredictorConfig {
        pixel: panoptic.channels,
        query: channels,
        hidden: config.head_hidden,
        embedding: config.embedding,
        classes,
        norm: config.norm(),
    };
    let below = params.pp("predictor");
    let masks = predictor::masks(g, &head, panoptic, &mask_embedding, count, &below)?;
    let classes = predictor::classes(g, &head, &class_embedding, &below)?;
    Ok(Said { logits: Logits { classes, masks }, steps })
}

/// The queries as they start, once for each image: `[b, channels, queries]`.
fn learned(g: &mut Graph, config: &DecoderConfig, params: &Params) -> Result<Value> {
    let dims = [config.channels, config.queries];
    let values = params.get("queries", &dims, Init::ZEROS, Role::Embedding)?;
    let values = values.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let one = parameter(g, &params.path("queries"), &[1, dims[0], dims[1]], &values)?;
    if g.batch == Dim::Fixed(1) {
        return Ok(one);
    }
    let shape = [Extent::Like(g.batch), Extent::Of(dims[0]), Extent::Of(dims[1])];
    let shape = g.shape(&shape);
    Ok(g.node("Expand", &[&one, &shape], Vec::new(), one.element, &params.path("queries.batch")))
}

/// k-means cross-attention, self-attention among queries and a feed-forward network: the queries after it, and what it said of them
/// before, if `classes` are to be told. `pixels` are activated already.
fn layer(
    g: &mut Graph,
    config: &DecoderConfig,
    pixels: &Map,
    queries: &Value,
    classes: Option<usize>,
    params: &Params,
) -> Result<(Value, Option<Logits>)> {
    let DecoderConfig { channels, width, feed_forward, queries: count, .. } = *config;
    let norm = config.norm();
    let (bottleneck, value) = (2 * width, 2 * width);
    let (gelu, linear) = (Activation::Gelu, Activation::Identity);
    let read = |input: usize, output: usize, below: &Params| -> Result<Folded> {
        Folded::read(&[output, input, 1], false, below)?.normed(norm, below)
    };
    let map = |g: &mut Graph, x: &Map, output, activation, name: &str| {
        conv_norm(g, x, ConvConfig::new(x.channels, output, 1), norm, activation, &params.pp(name))
    };
    let of_queries = |g: &mut Graph, x: &Value, input, output, activation, name: &str| -> Result<Value> {
        let below = params.pp(name);
        sequence(g, x, &read(input, output, &below)?, activation, &below)
    };
    let pixel_space = map(g, pixels, bottleneck, gelu, "pixel_conv1")?;
    let query_space = of_queries(g, queries, channels, bottleneck, gelu, "query_conv1")?;

    let head = PredictorConfig {
        pixel: bottleneck,
        query: bottleneck,
        hidden: config.head_hidden,
        embedding: config.embedding,
        classes: classes.unwrap_or_default(),
        norm,
    };
    let below = params.pp("predictor");
    let masks = predictor::masks(g, &head, &pixel_space, &query_space, count, &below)?;
    let class_logits = match classes {
        Some(_) => Some(predictor::classes(g, &head, &query_space, &below)?),
        None => None,
    };
    let values = map(g, &pixel_space, value, linear, "pixel_value")?;
    let sums = cluster_sums(g, &masks, &values, params);
    // The norm of the sums goes into the convolution behind it.
    let (scale, offset) = batch_norm(value, norm, &params.pp("kmeans_norm"))?;
    let below = params.pp("kmeans_conv3");
    let update = Folded::read(&[channels, value, 1], false, &below)?.after(&scale, &offset);
    let update = sequence(g, &sums, &update.normed(norm, &below)?, linear, &below)?;
    let sum = g.binary("Add", queries, &update, &params.path("after_kmeans"));

    let attended = attend(g, config, &query_space, params)?;
    let update = of_queries(g, &attended, value, channels, linear, "query_conv3")?;
    let sum = g.binary("Add", &sum, &update, &params.path("after_attention"));
    let queries = activate(g, gelu, &sum, &params.path("after_attention"));

    let update = of_queries(g, &queries, channels, feed_forward, gelu, "feed_forward1")?;
    let update = of_queries(g, &update, feed_forward, channels, linear, "feed_forward2")?;
    let sum = g.binary("Add", &queries, &update, &params.path("after_feed_forward"));
    let queries = activate(g, gelu, &sum, &params.path("queries"));
    Ok((queries, class_logits.map(|classes| Logits { classes, masks })))
}

/// The sum of the values of each query's pixels, `[b, value, queries]`: every pixel belongs to the query of its largest mask
/// logit. In single precision whatever the network's is, as a sum over a whole map leaves the range of half precision.
fn cluster_sums(g: &mut Graph, masks: &Map, values: &Map, params: &Params) -> Value {
    let hint = |part: &str| params.path(part);
    let flat = [Extent::Same, Extent::Same, Extent::Rest];
    let logits = g.reshape(&masks.value, &flat, &hint("assignment.logits"));
    let assignment = g.argmax(&logits, 1, false, &hint("assignment"));
    let one = [Extent::Same, Extent::Rest, Extent::Of(1)];
    let assignment = g.reshape(&assignment, &one, &hint("assignment.column"));
    let indices: Vec<f64> = (0..masks.channels).map(|query| query as f64).collect();
    let indices = g.constant(Constant::floats(Element::I64, &[masks.channels], &indices));
    // [b, pixels, queries].
    let members = g.compare("Equal", &assignment, &indices, &hint("members"));
    let members = g.cast(&members, Element::F32, &hint("members.float"));
    let element = values.value.element;
    let values = g.reshape(&values.value, &flat, &hint("values"));
    let values = g.cast(&values, Element::F32, &hint("values.wide"));
    let sums = g.binary("MatMul", &values, &members, &hint("cluster_sums"));
    g.cast(&sums, element, &hint("cluster_sums.narrow"))
}

/// Self-attention among queries: a norm per head scales the similarities, whose offset a softmax does not see; that of what is
/// retrieved goes into the values, as the weights sum to 1.
fn attend(g: &mut Graph, config: &DecoderConfig, query_space: &Value, params: &Params) -> Result<Value> {
    let DecoderConfig { width, heads, .. } = *config;
    let norm = config.norm();
    let attention = params.pp("self_attention");
    let (similarity, _) = batch_norm(heads, norm, &attention.pp("similarity_norm"))?;
    let (scale, offset) = batch_norm(2 * width, norm, &attention.pp("retrieved_norm"))?;
    let below = params.pp("query_qkv");
    let qkv = Folded::read(&[4 * width, 2 * width, 1], false, &below)?.normed(norm, &below)?;
    let per_channel = similarity.iter().flat_map(|scale| std::iter::repeat_n(*scale, width / heads));
    let scales: Vec<f64> =
        per_channel.chain(std::iter::repeat_n(1.0, width)).chain(scale.iter().copied()).collect();
    let offsets: Vec<f64> = std::iter::repeat_n(0.0, 2 * width).chain(offset).collect();
    let qkv = sequence(g, query_space, &qkv.then(&scales, &offsets), Activation::Identity, &below)?;
    let hint = |part: &str| attention.path(part);
    let hints = ["query", "key", "value"].map(|part| hint(&format!("{part}.flat")));
    let parts = g.split(&qkv, 1, &[width, width, 2 * width], &hints);
    let mut by_head = |part: &Value, depth: usize, name: &str| {
        let shape = [Extent::Same, Extent::Of(heads), Extent::Of(depth / heads), Extent::Rest];
        g.reshape(part, &shape, &hint(name))
    };
    let query = by_head(&parts[0], width, "query");
    let key = by_head(&parts[1], width, "key");
    let value = by_head(&parts[2], 2 * width, "value");
    let query = g.transpose(&query, &[0, 1, 3, 2], &hint("query.rows"));
    let similarity = g.binary("MatMul", &query, &key, &hint("similarity"));
    let weights = g.softmax(&similarity, 3, &hint("weights"));
    let weights = g.transpose(&weights, &[0, 1, 3, 2], &hint("weights.by_key"));
    let retrieved = g.binary("MatMul", &value, &weights, &hint("retrieved"));
    let shape = [Extent::Same, Extent::Of(2 * width), Extent::Rest];
    let retrieved = g.reshape(&retrieved, &shape, &hint("retrieved.flat"));
    Ok(activate(g, Activation::Gelu, &retrieved, &hint("retrieved")))
}
