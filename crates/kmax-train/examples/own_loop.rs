//! A training loop of one's own: a small network that has nothing of kMaX but its outputs, taught by the criterion of
//! `kmax-losses` and the optimizer of this crate, on images that are drawn as it goes.

use kmax_train::kmax_losses::candle_core::{DType, Device, Tensor};
use kmax_train::kmax_losses::{Criterion, LossConfig, Outputs, Segment, SupervisedPrediction, Targets};
use kmax_train::kmax_nn::{
    Activation, BatchNormConfig, Conv2d, ConvConfig, ConvNorm, Init, Mode, Params, Role,
};
use kmax_train::optim::{AdamW, AdamWConfig, Schedule};

/// Height and width of an image, and of a mask.
const IMAGE: usize = 64;
const MASK: usize = IMAGE / 4;
const BATCH: usize = 4;
const QUERIES: usize = 6;
const CHANNELS: usize = 32;
const CLASSES: usize = 2;
const STEPS: usize = 60;

/// Two convolutions give each pixel a vector; its products with the queries are the masks, and the mean of a mask's pixels
/// says its class.
struct Network {
    convs: [ConvNorm; 2],
    queries: Tensor,
    classes: Conv2d,
}

impl Network {
    fn new(params: &Params) -> kmax_nn::Result<Self> {
        let conv = |input, name: &str| {
            let init = Init::he_fan_out(CHANNELS, (5, 5), 1);
            let config = ConvConfig::new(input, CHANNELS, 5).stride(2);
            ConvNorm::new(config, init, BatchNormConfig::default(), Activation::Relu, &params.pp(name))
        };
        let init = Init::Normal { std: 0.1 };
        Ok(Self {
            convs: [conv(3, "conv1")?, conv(CHANNELS, "conv2")?],
            queries: params.get("queries", &[QUERIES, CHANNELS], init, Role::Embedding)?,
            classes: Conv2d::linear(CHANNELS, CLASSES + 1, init, &params.pp("classes"))?,
        })
    }

    fn forward(&self, image: &Tensor, mode: &Mode) -> kmax_nn::Result<SupervisedPrediction> {
        let map = self.convs[1].forward(&self.convs[0].forward(image, mode)?, mode)?;
        let (batch, _, height, width) = map.dims4()?;
        let pixels = map.flatten_from(2)?;
        let mask_logits = self.queries.broadcast_matmul(&pixels)?;
        let shares = kmax_nn::candle_nn::ops::softmax(&mask_logits, 2)?;
        let means = shares.matmul(&pixels.transpose(1, 2)?)?.transpose(1, 2)?.unsqueeze(3)?;
        Ok(SupervisedPrediction {
            class_logits: self.classes.forward(&means)?.squeeze(3)?.transpose(1, 2)?,
            mask_logits: mask_logits.reshape((batch, QUERIES, height, width))?,
            pixel_features: None,
        })
    }
}

/// Images of a red square (class 0, a thing) on blue ground (class 1), each elsewhere, and what is to be found in them.
fn draw(step: usize, device: &Device) -> Result<(Tensor, Vec<Targets>), Box<dyn std::error::Error>> {
    let mut values = Vec::new();
    let mut targets = Vec::new();
    for image in 0..BATCH {
        let place = step * BATCH + image;
        let (left, top) = (place * 7 % 32, place * 13 % 32);
        let square =
            |at: usize| (left..left + 32).contains(&(at % IMAGE)) && (top..top + 32).contains(&(at / IMAGE));
        let ids: Vec<u32> = (0..IMAGE * IMAGE).map(|at| if square(at) { 1 } else { 2 }).collect();
        for colour in [[1f32, -1.0], [0.0, 0.0], [-1.0, 1.0]] {
            values.extend(ids.iter().map(|&id| colour[id as usize - 1]));
        }
        let segments = [
            Segment { id: 1, label: 0, thing: true, crowd: false },
            Segment { id: 2, label: 1, thing: false, crowd: false },
        ];
        targets.push(Targets::from_ids(&ids, [IMAGE; 2], &segments, [MASK; 2])?);
    }
    Ok((Tensor::from_vec(values, (BATCH, 3, IMAGE, IMAGE), device)?, targets))
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::Cpu;
    let params = Params::trainable(None, 3, DType::F32, &device);
    let network = Network::new(&params)?;
    // The network has neither pixel features nor a semantic head.
    let settings = LossConfig { pixel_weight: 0.0, semantic_weight: 0.0, ..LossConfig::pytorch() };
    let criterion = Criterion::new(settings)?;
    let mut optimizer = AdamW::new(params.parameters(), AdamWConfig::pytorch())?;
    let schedule = Schedule::pytorch(1e-2, 5, STEPS);

    let (mut first, mut last) = (None, 0.0);
    for step in 0..STEPS {
        let (images, targets) = draw(step, &device)?;
        let mode = Mode::train(step as u64);
        let outputs =
            Outputs { last: network.forward(&images, &mode)?, auxiliary: vec![], semantic_logits: None };
        let losses = criterion.forward(&outputs, &targets, &mode)?;
        optimizer.step(&losses.total.backward()?, schedule.rate(step))?;
        last = losses.value;
        first.get_or_insert(last);
        if step % 10 == 0 || step + 1 == STEPS {
            let terms: Vec<String> =
                losses.terms.iter().map(|term| format!("{} {:.3}", term.name, term.mean())).collect();
            println!("step {step:2}: loss {last:.3} ({})", terms.join(", "));
        }
    }
    assert!(first.is_some_and(|first| last < first / 2.0), "the loss did not fall");
    Ok(())
}
