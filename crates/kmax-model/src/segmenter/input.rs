//! From an image to the network's input.

use crate::config::{PreprocessConfig, ResizeConfig};
use crate::error::Result;
use crate::postprocess::Frame;
use image::RgbImage;
use kmax_transforms::eval::{self, Deeplab2Eval, EvalInput, PytorchEval};

/// An image as the network takes it: resized, padded, normalised. It is made on any thread, beside the device.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// `[3, height, width]`.
    pub(super) values: Vec<f32>,
    /// Where the image lies in it.
    pub(super) frame: Frame,
}

impl Prepared {
    pub(super) fn new(image: &RgbImage, settings: &PreprocessConfig) -> Result<Self> {
        let EvalInput { image: planes, content_height, content_width } = resized(image, settings)?;
        let frame = Frame {
            input: [planes.height, planes.width],
            content: [content_height, content_width],
            image: [image.height() as usize, image.width() as usize],
        };
        let mut values = planes.data;
        let pixels = frame.input[0] * frame.input[1];
        let channels = settings.mean.into_iter().zip(settings.std);
        for (plane, (mean, std)) in values.chunks_exact_mut(pixels).zip(channels) {
            let (mean, std) = (mean as f32, std as f32);
            plane.iter_mut().for_each(|value| *value = (*value - mean) / std);
        }
        Ok(Self { values, frame })
    }
}

/// Brings an image to the network's size.
fn resized(image: &RgbImage, settings: &PreprocessConfig) -> Result<EvalInput> {
    Ok(match settings.resize {
        ResizeConfig::Deeplab2 { min, max } => {
            eval::deeplab2(image, &Deeplab2Eval { crop: settings.size, min, max })?
        }
        ResizeConfig::Pytorch { shortest_edge, longest_edge } => eval::pytorch(
            image,
            &PytorchEval { input: settings.size, shortest: shortest_edge, longest: longest_edge },
        )?,
        ResizeConfig::Fit { longest_edge } => eval::fit(image, longest_edge)?,
    })
}
