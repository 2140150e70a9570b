//! Which part of a map shows the image.

use crate::postprocess::{Frame, QueryLogits};
use kmax_kernels::Alignment;
use rayon::prelude::*;

/// A map that the network computed of its input, and what of it shows the image: its upper left part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Covered {
    frame: Frame,
    /// Height and width of the whole map.
    map: [usize; 2],
    alignment: Alignment,
}

impl Covered {
    pub fn new(frame: &Frame, logits: &QueryLogits) -> Self {
        Self { frame: *frame, map: logits.mask_size, alignment: logits.alignment }
    }

    /// Height and width of the part.
    pub fn size(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.place(axis, self.frame.content[axis].saturating_sub(1) as f64) + 1)
    }

    /// The place in the map, row by row, of a pixel of the image; nothing outside of it.
    pub fn at(&self, x: usize, y: usize) -> Option<usize> {
        let Frame { content, image, .. } = self.frame;
        let of = |axis: usize, at: usize| {
            let inside = at < image[axis];
            // Centres of pixels, from the image to the input.
            let scale = content[axis] as f64 / image[axis] as f64;
            inside.then(|| self.place(axis, (at as f64 + 0.5) * scale - 0.5))
        };
        Some(of(0, y)? * self.map[1] + of(1, x)?)
    }

    /// The row or column of the map nearest to one of the input.
    fn place(&self, axis: usize, at: f64) -> usize {
        let (input, map) = (self.frame.input[axis] as f64, self.map[axis] as f64);
        let place = match self.alignment {
            Alignment::Corners => at * (map - 1.0) / (input - 1.0).max(1.0),
            Alignment::Borders => (at + 0.5) * map / input - 0.5,
        };
        (place.round().max(0.0) as usize).min(self.map[axis] - 1)
    }

    /// The part of a map of one value a pixel.
    pub fn cut<T: Copy>(&self, map: &[T]) -> Vec<T> {
        let [height, width] = self.size();
        map.chunks_exact(self.map[1]).take(height).flat_map(|row| &row[..width]).copied().collect()
    }

    /// Probability of a query among all, at each pixel of the part.
    pub fn probabilities(&self, logits: &QueryLogits, query: usize) -> Vec<f32> {
        let pixels = self.map[0] * self.map[1];
        let row: Vec<f32> =
            (0..pixels).into_par_iter().map(|pixel| probabilities(logits, pixel)[query]).collect();
        self.cut(&row)
    }
}

/// Probability of each query at a pixel of the whole map.
pub(super) fn probabilities(logits: &QueryLogits, pixel: usize) -> Vec<f32> {
    let [height, width] = logits.mask_size;
    let column = || logits.mask_logits.iter().skip(pixel).step_by(height * width);
    let most = column().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = column().map(|logit| f64::from(logit - most).exp()).sum();
    column().map(|logit| (f64::from(logit - most).exp() / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_is_cut_off_and_pixels_are_found() {
        let frame = Frame { input: [65, 65], content: [33, 65], image: [66, 130] };
        let corners = Covered { frame, map: [5, 5], alignment: Alignment::Corners };
        assert_eq!(corners.size(), [3, 5]);
        assert_eq!(corners.cut(&(0..25).collect::<Vec<_>>()), (0..15).collect::<Vec<_>>());
        assert_eq!((corners.at(0, 0), corners.at(129, 65)), (Some(0), Some(14)));
        assert_eq!((corners.at(130, 0), corners.at(0, 66)), (None, None));

        let frame = Frame { input: [64, 64], content: [32, 64], image: [32, 64] };
        let borders = Covered { frame, map: [4, 4], alignment: Alignment::Borders };
        assert_eq!(borders.size(), [2, 4]);
        assert_eq!((borders.at(15, 0), borders.at(16, 0), borders.at(63, 31)), (Some(0), Some(1), Some(7)));
        let dot = Covered { frame: Frame::whole([1, 1]), map: [1, 1], alignment: Alignment::Corners };
        assert_eq!((dot.size(), dot.at(0, 0)), ([1, 1], Some(0)));
    }
}
