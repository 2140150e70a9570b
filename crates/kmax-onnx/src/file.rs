//! The file as a whole.

use crate::error::{Error, Result};
use crate::graph::{Dim, Element, Graph, described};
use crate::metadata;
use crate::network::network;
use crate::options::{Batch, Options, Precision};
use crate::proto::{self, GraphMessage};
use candle_core::{DType, Device};
use kmax_model::{Config, Model};
use kmax_nn::{Params, TensorSource};
use prost::Message;

/// The most bytes that a message can have.
const LARGEST: usize = (1 << 31) - 1;

/// A model as an ONNX file.
#[derive(Debug)]
pub struct Exported {
    model: proto::Model,
}

/// Writes the network of `model`, and what the options ask for around it, as one ONNX file. `name` is told in the file.
///
/// # Errors
/// [`Error::Argument`] if the options do not go together or not with the model; [`Error::TooLargeForHalf`] if a weight does not
/// fit half precision.
pub fn export(name: &str, model: &Model, options: &Options) -> Result<Exported> {
    export_weights(name, model.config(), model.weights().clone(), options)
}

/// As [`export`], of weights from anywhere: they must have all tensors that the network has in inference.
///
/// # Errors
/// As [`export`], and if a tensor is missing or misshapen.
pub fn export_weights(
    name: &str,
    config: &Config,
    weights: impl TensorSource + 'static,
    options: &Options,
) -> Result<Exported> {
    options.validate(config)?;
    let graph = graph(name, config, &Params::frozen(weights, DType::F64, &Device::Cpu), options)?;
    let some = |text: &str| Some(text.to_string());
    // The first version of the file that knows the operators.
    let ir_version = match options.opset {
        ..=18 => 8,
        19..=20 => 9,
        _ => 10,
    };
    let opset = proto::OperatorSet { domain: some(""), version: Some(i64::from(options.opset)) };
    let model = proto::Model {
        ir_version: Some(ir_version),
        producer_name: some("kmax"),
        producer_version: some(env!("CARGO_PKG_VERSION")),
        doc_string: some("kMaX-DeepLab, panoptic segmentation (arXiv 2207.04044)"),
        graph: Some(graph),
        opset_import: vec![opset],
        metadata_props: metadata::properties(name, config, options),
    };
    let exported = Exported { model };
    match exported.size() {
        size if size > LARGEST => Err(Error::TooLarge(size)),
        _ => Ok(exported),
    }
}

fn graph(name: &str, config: &Config, params: &Params, options: &Options) -> Result<GraphMessage> {
    let float = match options.precision {
        Precision::Float32 => Element::F32,
        Precision::Float16 => Element::F16,
    };
    let batch = match options.batch {
        Batch::Fixed(batch) => Dim::Fixed(batch),
        Batch::Free => Dim::free("batch"),
    };
    let size = match options.fixed_size(config) {
        Some(size) => size.map(Dim::Fixed),
        None => [Dim::free("height"), Dim::free("width")],
    };
    let mut g = Graph::new(options.opset, float, batch);
    let pixels = g.input("pixel_values", Element::F32);
    let doc = "RGB, normalised";
    let input = described(&pixels, &[batch, Dim::Fixed(3), size[0], size[1]], doc);
    let image = g.cast(&pixels, float, "pixel_values.cast");
    let image = g.map(image, 3, size);
    let logits = network(&mut g, &config.network, &image, params)?;
    let classes = g.cast(&logits.classes, Element::F32, "class_logits.cast");
    let classes = g.output(&classes, "class_logits");
    let masks = g.cast(&logits.masks.value, Element::F32, "mask_logits.cast");
    let masks = g.output(&masks, "mask_logits");
    let queries = Dim::Fixed(config.network.decoder.queries);
    let outputs = vec![
        described(&classes, &[batch, queries, Dim::Fixed(config.network.classes + 1)], "void last"),
        described(
            &masks,
            &[batch, queries, logits.masks.size[0], logits.masks.size[1]],
            "a softmax over queries gives each pixel's probabilities",
        ),
    ];
    Ok(g.finish(name, vec![input], outputs))
}

impl Exported {
    /// Bytes of the file.
    pub fn size(&self) -> usize {
        self.model.encoded_len()
    }

    /// The file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.model.encode_to_vec()
    }

    /// Inputs, as name, type and shape.
    pub fn inputs(&self) -> impl Iterator<Item = String> {
        self.model.graph.iter().flat_map(|graph| &graph.input).map(told)
    }

    /// Outputs, as name, type and shape.
    pub fn outputs(&self) -> impl Iterator<Item = String> {
        self.model.graph.iter().flat_map(|graph| &graph.output).map(told)
    }

    /// The message that the file is.
    pub fn message(&self) -> &proto::Model {
        &self.model
    }
}

/// `name float32 [1, 3, height, width]`.
fn told(value: &proto::ValueInfo) -> String {
    let tensor = value.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let element = tensor.and_then(|tensor| tensor.elem_type).unwrap_or_default();
    let element = match Element::ALL.into_iter().find(|known| *known as i32 == element) {
        Some(element) => element.name(),
        None => "?",
    };
    let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map(|shape| shape.dim.as_slice());
    let dims = dims.unwrap_or_default().iter().map(|dim| match (&dim.dim_param, dim.dim_value) {
        (Some(name), _) => name.clone(),
        (None, length) => length.unwrap_or_default().to_string(),
    });
    let dims: Vec<String> = dims.collect();
    format!("{} {element} [{}]", value.name.as_deref().unwrap_or_default(), dims.join(", "))
}
