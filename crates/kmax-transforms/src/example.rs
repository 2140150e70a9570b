//! What a network is trained on.

use kmax_masks::{ImageId, LabelMap, Panoptic, Segment};

/// An image with its segments, all of one size, as every augmentation makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingExample {
    /// Planes red, green, blue of `height` rows of `width` values in 0..255.
    pub image: Vec<f32>,
    /// The segment ids, of the same size; void and padding are 0.
    pub labels: LabelMap,
    /// The segments that the labels show, with areas and boxes in them, in the order in which a loss lists them.
    pub segments: Vec<Segment>,
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
    /// Rows from the top that show an image; those below are padding.
    pub real_height: usize,
    /// Columns from the left that show an image; those to the right are padding.
    pub real_width: usize,
    /// Whether each pixel shows an image, row by row, where not all of these rows and columns do: something was pasted over
    /// the padding.
    pub real: Option<Vec<bool>>,
    /// What the dataset calls the image.
    pub image_id: ImageId,
}

impl TrainingExample {
    /// Whether a pixel, counted row by row, shows an image; the trainer sets all others to 0 after normalising.
    pub fn is_real(&self, pixel: usize) -> bool {
        let inside = |width: usize| pixel / width < self.real_height && pixel % width < self.real_width;
        self.real.as_ref().map_or_else(|| self.width > 0 && inside(self.width), |real| real[pixel])
    }

    /// An example of planes and segments of one size, where `real` says which pixels show an image.
    pub(crate) fn new(image: Vec<f32>, panoptic: Panoptic, real: Vec<bool>, image_id: ImageId) -> Self {
        let (width, height) = (panoptic.map.width(), panoptic.map.height());
        let (mut real_height, mut real_width, mut shown) = (0, 0, 0);
        for (at, _) in real.iter().enumerate().filter(|(_, real)| **real) {
            real_height = at / width + 1;
            real_width = real_width.max(at % width + 1);
            shown += 1;
        }
        let real = (shown < real_height * real_width).then_some(real);
        let Panoptic { map: labels, segments } = panoptic;
        Self { image, labels, segments, height, width, real_height, real_width, real, image_id }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rectangle_at_the_upper_left_needs_no_mask() {
        let example = |real: [u8; 6]| {
            let panoptic = Panoptic::new(LabelMap::filled(3, 2, 0).expect("3 x 2"), Vec::new());
            TrainingExample::new(vec![0.0; 18], panoptic, real.map(|real| real == 1).to_vec(), 1.into())
        };
        for (real, size, mask) in [
            ([1, 1, 0, 1, 1, 0], [2, 2], false),
            ([1, 1, 1, 1, 1, 1], [2, 3], false),
            ([0; 6], [0, 0], false),
            ([1, 1, 0, 1, 0, 0], [2, 2], true),
            ([0, 0, 1, 0, 0, 0], [1, 3], true),
        ] {
            let made = example(real);
            assert_eq!(([made.real_height, made.real_width], made.real.is_some()), (size, mask), "{real:?}");
            assert!((0..6).all(|pixel| made.is_real(pixel) == (real[pixel] == 1)), "{real:?}");
        }
    }
}
