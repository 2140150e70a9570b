//! Where the photo lies in the network's input.

use super::{Manner, Predictions};
use crate::{Error, Result};
use kmax_masks::LabelMap;
use kmax_nn::ops::{Mixing, ResizedMasks};

/// Sizes (height, width) that lead from the network's input back to the photo, which lies in its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The network's input.
    pub input: [usize; 2],
    /// The part of it that shows the photo.
    pub content: [usize; 2],
    /// The photo, and so the results.
    pub photo: [usize; 2],
}

impl Frame {
    /// An input that the photo fills in its own size.
    pub fn whole(size: [usize; 2]) -> Self {
        Self { input: size, content: size, photo: size }
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
        let within = (0..2).all(|side| self.content[side] <= self.input[side]);
        if [self.input, self.content, self.photo].into_iter().all(fine) && within {
            return Ok(());
        }
        Err(Error::Network(format!(
            "a photo of {:?} in {:?} of an input of {:?}",
            self.photo, self.content, self.input
        )))
    }

    /// Where the port cuts the padding off (`kMaXDeepLab.forward`): its own rounding, halves to even, of the photo's
    /// sides; which need not be the rounding of the resize before.
    fn port_content(&self) -> [usize; 2] {
        let longest = |size: [usize; 2]| size[0].max(size[1]) as f64;
        let scale = longest(self.input) / longest(self.photo);
        [0, 1].map(|side| {
            let length = (self.photo[side] as f64 * scale).round_ties_even() as usize;
            length.clamp(1, self.input[side])
        })
    }

    /// The masks in the size that the manner works in: the whole input (deeplab2), or the photo (port).
    pub(super) fn masks<'a>(&self, predictions: &'a Predictions, manner: Manner) -> Result<ResizedMasks<'a>> {
        predictions.validate()?;
        self.validate()?;
        let (logits, alignment) = (&predictions.mask_logits, predictions.alignment);
        let masks = |mixing| ResizedMasks::new(logits, predictions.queries, predictions.mask_size, mixing);
        Ok(match manner {
            Manner::Deeplab2 => masks(Mixing::Difference)?.resized(self.input, alignment)?,
            Manner::Port => masks(Mixing::Weights)?
                .resized(self.input, alignment)?
                .cropped(self.port_content())?
                .resized(self.photo, alignment)?,
        })
    }

    /// A map of what [`Self::masks`] showed, in the photo's size.
    pub(super) fn in_photo(&self, map: LabelMap, manner: Manner) -> Result<LabelMap> {
        if manner == Manner::Port {
            return Ok(map);
        }
        let cropped = match self.content == self.input {
            true => map,
            false => kmax_transforms::labels::cropped(&map, self.content, [0, 0])?,
        };
        match self.content == self.photo {
            true => Ok(cropped),
            false => Ok(kmax_transforms::resize::nearest(&cropped, self.photo)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_rounds_halves_to_even() {
        let frame = |photo| Frame { input: [129, 129], content: [1, 1], photo };
        assert_eq!(frame([240, 344]).port_content(), [90, 129]);
        assert_eq!(frame([160, 107]).port_content(), [129, 86]);
        assert_eq!(frame([1, 5000]).port_content(), [1, 129]);
        // 129 / 258 * 5 = 2.5 and 129 / 258 * 7 = 3.5.
        assert_eq!(frame([5, 258]).port_content()[0], 2);
        assert_eq!(frame([7, 258]).port_content()[0], 4);
    }

    #[test]
    fn impossible_frames_are_refused() {
        let whole = Frame::whole([4, 5]);
        assert!(whole.validate().is_ok());
        assert!(Frame { content: [5, 5], ..whole }.validate().is_err());
        assert!(Frame { photo: [0, 5], ..whole }.validate().is_err());
        assert!(Frame { photo: [1 << 20, 1 << 20], ..whole }.validate().is_err());
    }
}
