//! Where the image lies in the network's input.

use super::{Convention, QueryLogits};
use crate::error::{Error, Result};
use kmax_kernels::{Mixing, ResizedMasks};
use kmax_masks::LabelMap;
use kmax_transforms::labels;
use kmax_transforms::resize::nearest;

/// Sizes (height, width) that lead from the network's input back to the image, which lies in its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The network's input.
    pub input: [usize; 2],
    /// The part of it that shows the image.
    pub content: [usize; 2],
    /// The image, and so the results.
    pub image: [usize; 2],
}

impl Frame {
    /// An input that the image fills in its own size.
    pub fn whole(size: [usize; 2]) -> Self {
        Self { input: size, content: size, image: size }
    }

    /// Checks the sizes.
    ///
    /// # Errors
    /// [`Error::Network`] if one is empty or too large, or the content larger than the input.
    pub fn validate(&self) -> Result<()> {
        let fine = |size: [usize; 2]| match size[0].checked_mul(size[1]) {
            Some(pixels) => (1..=kmax_masks::MAX_PIXELS).contains(&pixels),
            None => false,
        };
        let within = (0..2).all(|axis| self.content[axis] <= self.input[axis]);
        if [self.input, self.content, self.image].into_iter().all(fine) && within {
            return Ok(());
        }
        Err(Error::Network(format!(
            "an image of {:?} in {:?} of an input of {:?}",
            self.image, self.content, self.input
        )))
    }

    /// Where the PyTorch implementation cuts the padding off (`kMaXDeepLab.forward`): its own rounding, halves to even, of
    /// the image's height and width; which need not be the rounding of the resize before.
    pub(super) fn pytorch_content(&self) -> [usize; 2] {
        let longest = |size: [usize; 2]| size[0].max(size[1]) as f64;
        let scale = longest(self.input) / longest(self.image);
        [0, 1].map(|axis| {
            let length = (self.image[axis] as f64 * scale).round_ties_even() as usize;
            length.clamp(1, self.input[axis])
        })
    }

    /// The masks in the size that the convention works in: the whole input (deeplab2), or the image (PyTorch).
    pub(super) fn masks<'a>(
        &self,
        predictions: &'a QueryLogits,
        convention: Convention,
    ) -> Result<ResizedMasks<'a>> {
        predictions.validate()?;
        self.validate()?;
        let (logits, alignment) = (&predictions.mask_logits, predictions.alignment);
        let masks = |mixing| ResizedMasks::new(logits, predictions.queries, predictions.mask_size, mixing);
        Ok(match convention {
            Convention::Deeplab2 => masks(Mixing::Difference)?.resized(self.input, alignment)?,
            Convention::Pytorch => masks(Mixing::Weights)?
                .resized(self.input, alignment)?
                .cropped(self.pytorch_content())?
                .resized(self.image, alignment)?,
        })
    }

    /// A map of what [`Self::masks`] showed, in the image's size.
    pub(super) fn in_image(&self, map: LabelMap, convention: Convention) -> Result<LabelMap> {
        if convention == Convention::Pytorch {
            return Ok(map);
        }
        let whole = self.content == self.input;
        let cropped = if whole { map } else { labels::cropped(&map, self.content, [0, 0])? };
        if self.content == self.image { Ok(cropped) } else { Ok(nearest(&cropped, self.image)?) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pytorch_rounds_halves_to_even() {
        let frame = |image| Frame { input: [129, 129], content: [1, 1], image };
        assert_eq!(frame([240, 344]).pytorch_content(), [90, 129]);
        assert_eq!(frame([160, 107]).pytorch_content(), [129, 86]);
        assert_eq!(frame([1, 5000]).pytorch_content(), [1, 129]);
        // 129 / 258 * 5 = 2.5 and 129 / 258 * 7 = 3.5.
        assert_eq!(frame([5, 258]).pytorch_content()[0], 2);
        assert_eq!(frame([7, 258]).pytorch_content()[0], 4);
    }

    #[test]
    fn impossible_frames_are_refused() {
        let whole = Frame::whole([4, 5]);
        assert!(whole.validate().is_ok());
        assert!(Frame { content: [5, 5], ..whole }.validate().is_err());
        assert!(Frame { image: [0, 5], ..whole }.validate().is_err());
        assert!(Frame { image: [1 << 20, 1 << 20], ..whole }.validate().is_err());
    }
}
