//! One pass of the k-means decoder over random features: which query each pixel was assigned to.

use kmax_attention::candle_core::{DType, Device, Tensor};
use kmax_attention::{DecoderConfig, KmeansDecoder, Mode, Params, Supervision};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::Cpu;
    let config = DecoderConfig::small();
    // Channels of the maps at strides 32, 16 and 8, and of the panoptic feature at stride 4.
    let (channels, panoptic, classes) = ([256, 128, 64], 32, 5);
    let params = Params::trainable(None, 1, DType::F32, &device);
    let decoder = KmeansDecoder::new(&config, channels, panoptic, classes, &params)?;

    // What a pixel decoder would make of an image of 128 by 256 pixels.
    let map = |channels: usize, stride: usize| {
        Tensor::randn(0f32, 1.0, (1, channels, 128 / stride, 256 / stride), &device)
    };
    let maps = [map(256, 32)?, map(128, 16)?, map(64, 8)?, map(32, 4)?];
    let output = decoder.forward(&maps, Supervision::Final, &Mode::eval())?;

    for (at, (layer, map)) in output.layers.iter().zip(&maps).enumerate() {
        println!("layer {at}, query of each pixel:");
        let width = map.dim(3)?;
        for row in layer.assignment.get(0)?.to_vec1::<u32>()?.chunks(width) {
            println!("{}", row.iter().map(|query| format!("{query:3}")).collect::<String>());
        }
    }
    println!("masks {:?}", output.prediction.mask_logits.dims());
    if let Some(logits) = output.prediction.class_logits {
        println!("classes {:?}, void last", logits.dims());
    }
    Ok(())
}
