//! The file as a whole.

use crate::error::{Error, Result};
use crate::graph::Element;
use crate::metadata;
use crate::options::Options;
use crate::proto;
use crate::whole::whole;
use candle_core::{DType, Device};
use kmax_model::{Config, Model};
use kmax_nn::{Params, TensorSource};
use prost::Message;

/// The most bytes that a message can have.
const LARGEST: usize = (1 << 31) - 1;

/// A model as an ONNX file.
pub struct Exported {
    model: proto::Model,
}

impl std::fmt::Debug for Exported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (inputs, outputs): (Vec<_>, Vec<_>) = (self.inputs().collect(), self.outputs().collect());
        f.debug_struct("Exported").field("inputs", &inputs).field("outputs", &outputs).finish_non_exhaustive()
    }
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
    let graph = whole(name, config, &Params::frozen(weights, DType::F64, &Device::Cpu), options)?;
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
