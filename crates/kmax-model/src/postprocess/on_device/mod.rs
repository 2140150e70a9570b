//! What the network said about one image, left on a device: what comes back is a number for each pixel, and two for each query.

#[cfg(test)]
mod tests;

use super::assignment::Assignment;
use super::claims::Claims;
use super::total::Total;
use super::{Convention, Frame, Method, PostprocessConfig, QueryLogits, classes, maskwise, pixelwise};
use crate::error::{Error, Result};
use crate::network::Logits;
use candle_core::{DType, Device, Tensor};
use kmax_kernels::{DeviceMasks, Mixing, PixelClaims};
use kmax_masks::{Categories, LabelMap};
use kmax_pixel_decoder::ResizeRule;

/// The pixel threshold from which no third query can claim a pixel, with room for rounding.
const TWO_AT_MOST: f32 = 1.0 / 3.0 + 1e-5;

/// Logits of one image whose masks lie on a device with kernels of ours.
#[derive(Debug, Clone)]
pub(crate) struct OnDevice {
    /// All but the mask logits.
    head: QueryLogits,
    /// `[queries, height, width]`.
    masks: Tensor,
}

impl OnDevice {
    /// As [`QueryLogits::of`].
    ///
    /// # Errors
    /// As there.
    pub fn of(logits: &Logits, index: usize, rule: ResizeRule, input_width: usize) -> Result<Self> {
        let (_, queries, classes) = logits.classes.dims3()?;
        let (_, _, height, width) = logits.masks.dims4()?;
        let class_logits: Vec<f32> = logits
            .classes
            .get(index)?
            .to_dtype(DType::F32)?
            .to_device(&Device::Cpu)?
            .flatten_all()?
            .to_vec1()?;
        let masks = logits.masks.get(index)?.contiguous()?;
        // A product with 0 keeps what is no number.
        let zero = (&masks.flatten_all()?.to_dtype(DType::F32)? * 0.0)?.sum_all()?.to_scalar::<f32>()?;
        if !class_logits.iter().all(|logit| logit.is_finite()) || zero != 0.0 {
            return Err(Error::NotFinite { what: "the network's output".into() });
        }
        let head = QueryLogits {
            queries,
            classes: classes.saturating_sub(1),
            class_logits,
            mask_logits: Vec::new(),
            mask_size: [height, width],
            alignment: rule.alignment(input_width),
        };
        Ok(Self { head, masks })
    }

    /// The same in the processor's memory.
    ///
    /// # Errors
    /// If the device fails.
    pub fn on_host(&self) -> Result<QueryLogits> {
        let masks = self.masks.to_device(&Device::Cpu)?.to_dtype(DType::F32)?;
        let logits = QueryLogits { mask_logits: masks.flatten_all()?.to_vec1()?, ..self.head.clone() };
        logits.validate()?;
        Ok(logits)
    }

    /// As [`super::assign`]; `None` where the device's kernels do not say enough, because a third query may claim a pixel.
    ///
    /// # Errors
    /// As there.
    pub fn assign(
        &self,
        frame: &Frame,
        config: &PostprocessConfig,
        categories: &Categories,
    ) -> Result<Option<Assignment>> {
        config.validate()?;
        frame.validate()?;
        let best = classes::best(&self.head, config, categories)?;
        match config.method {
            Method::Maskwise => {
                if config.pixel_threshold < TWO_AT_MOST {
                    return Ok(None);
                }
                let all = vec![1u32; self.head.queries];
                let claims = |masks: DeviceMasks| -> Result<Option<Claims>> {
                    masks.claims(config.pixel_threshold, true)?.map(|found| read(&found)).transpose()
                };
                let takes_part = self.flags(&all)?;
                let Some(whole) = claims(self.masks(frame, config.convention, &takes_part))? else {
                    return Ok(None);
                };
                let scores: Vec<f32> = match config.convention {
                    Convention::Pytorch => whole.totals.iter().map(Total::mean).collect(),
                    // deeplab2 scores a mask before it is resized, padding included.
                    Convention::Deeplab2 => {
                        let own = Frame::whole(self.head.mask_size);
                        match claims(self.masks(&own, config.convention, &takes_part))? {
                            Some(small) => small.totals.iter().map(Total::mean).collect(),
                            None => return Ok(None),
                        }
                    }
                };
                Ok(Some(maskwise::assign(whole, &scores, config, &best)))
            }
            Method::Pixelwise => {
                let confident: Vec<u32> = best.iter().map(|best| u32::from(best.confident)).collect();
                let takes_part = self.flags(&confident)?;
                let masks = self.masks(frame, config.convention, &takes_part);
                let found = masks.claims(config.pixel_threshold, false)?;
                found.map(|found| Ok(pixelwise::assigned(map(&found)?, &totals(&found)?, &best))).transpose()
            }
        }
    }

    /// A number for each query, on the device.
    fn flags(&self, flags: &[u32]) -> Result<Tensor> {
        Ok(Tensor::new(flags, &Device::Cpu)?.to_device(self.masks.device())?)
    }

    /// As [`Frame::masks`].
    fn masks<'a>(&'a self, frame: &Frame, convention: Convention, takes_part: &'a Tensor) -> DeviceMasks<'a> {
        let alignment = self.head.alignment;
        let (mixing, last) = match convention {
            Convention::Deeplab2 => (Mixing::Difference, None),
            Convention::Pytorch => (Mixing::Weights, Some((frame.pytorch_content(), frame.image, alignment))),
        };
        DeviceMasks { logits: &self.masks, takes_part, mixing, middle: (frame.input, alignment), last }
    }
}

/// The map of what claims a pixel.
fn map(found: &PixelClaims) -> Result<LabelMap> {
    let (height, width) = found.map.dims2()?;
    let values = found.map.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<u32>()?;
    Ok(LabelMap::new(width, height, values)?)
}

fn totals(found: &PixelClaims) -> Result<Vec<Total>> {
    let counts = found.counts.to_device(&Device::Cpu)?.to_vec1::<u32>()?;
    let sums = found.sums.to_device(&Device::Cpu)?.to_vec1::<f32>()?;
    let total = |(count, sum): (u32, f32)| Total { count: count.into(), sum: sum.into() };
    Ok(counts.into_iter().zip(sums).map(total).collect())
}

fn read(found: &PixelClaims) -> Result<Claims> {
    Ok(Claims::of_pairs(map(found)?, totals(found)?))
}
