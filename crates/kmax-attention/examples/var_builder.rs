//! The k-means decoder within a model of one's own, through Candle's `VarBuilder`: layers of `candle_nn` make the maps, the
//! decoder finds the masks, and one set of weights holds both.

use candle_nn::{Conv2d, Conv2dConfig, Init, VarBuilder, VarMap, conv2d};
use kmax_attention::candle_core::{self, DType, Device, Module, Tensor};
use kmax_attention::{DecoderConfig, DecoderOutput, KmeansDecoder, Mode, Params, Supervision};

/// Channels of the maps at strides 4, 8, 16 and 32.
const CHANNELS: [usize; 4] = [32, 48, 64, 96];
const CLASSES: usize = 5;

/// A plain encoder and the decoder of kMaX.
struct Segmentation {
    encoder: Vec<Conv2d>,
    decoder: KmeansDecoder,
}

impl Segmentation {
    /// Reads the encoder under `encoder`, the decoder under `decoder`.
    fn new(vb: VarBuilder<'static>) -> Result<Self, kmax_attention::Error> {
        let mut encoder = Vec::new();
        let mut input = 3;
        for (at, channels) in CHANNELS.into_iter().enumerate() {
            // The first goes down by four, the others by two.
            let (kernel, padding, stride) = if at == 0 { (7, 3, 4) } else { (3, 1, 2) };
            let config = Conv2dConfig { padding, stride, ..Default::default() };
            encoder.push(conv2d(input, channels, kernel, config, vb.pp(format!("encoder.{at}")))?);
            input = channels;
        }
        let decoder = decoder(&Params::from_var_builder(vb.pp("decoder")))?;
        Ok(Self { encoder, decoder })
    }

    fn forward(&self, image: &Tensor) -> Result<DecoderOutput, kmax_attention::Error> {
        let mut maps = vec![];
        let mut map = image.clone();
        for conv in &self.encoder {
            map = conv.forward(&map)?.gelu()?;
            maps.push(map.clone());
        }
        maps.reverse();
        self.decoder.forward(&maps, Supervision::Final, &Mode::eval())
    }
}

fn decoder(params: &Params) -> Result<KmeansDecoder, kmax_attention::Error> {
    let [four, eight, sixteen, thirty_two] = CHANNELS;
    KmeansDecoder::new(&DecoderConfig::small(), [thirty_two, sixteen, eight], four, CLASSES, params)
}

/// Weights of the whole model, as a file would hold them. A `VarBuilder` is read and never filled, so the decoder's names and
/// shapes are asked of a store without values.
fn weights(device: &Device) -> Result<VarMap, Box<dyn std::error::Error>> {
    let weights = VarMap::new();
    let probe = Params::probe();
    decoder(&probe.pp("decoder"))?;
    for (name, shape) in probe.shapes() {
        let init = if name.ends_with("running_var") {
            Init::Const(1.0)
        } else {
            Init::Randn { mean: 0.0, stdev: 0.1 }
        };
        weights.get(shape, &name, init, DType::F32, device)?;
    }
    Ok(weights)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::Cpu;
    let weights = weights(&device)?;
    let model = Segmentation::new(VarBuilder::from_varmap(&weights, DType::F32, &device))?;
    println!("{} tensors", weights.all_vars().len());

    let image = Tensor::randn(0f32, 1.0, (1, 3, 128, 192), &device)?;
    let output = model.forward(&image)?;
    let masks: candle_core::Result<_> = output.prediction.mask_logits.argmax(1);
    println!("a query for each of {:?} pixels", masks?.dims());
    Ok(())
}
