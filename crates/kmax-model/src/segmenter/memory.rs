//! How much memory images take, on the way in, in the network and as results.

use super::{Prepared, Segmenter};
use crate::error::Error;
use kmax_nn::device;
use kmax_transforms::Reading;

/// Bytes that a result needs for each pixel of its image: its map of ids, that map as RGB, and as much again for what becomes
/// a PNG. An image of 20,000 x 15,000 takes 4.3 GB, 14 bytes a pixel with its own three.
const BYTES_PER_PIXEL: u64 = 4 + 3 + 4;
/// The same where it is made of tiles: its map of ids, and what becomes a PNG row by row.
const BYTES_PER_PIXEL_OF_TILES: u64 = 4 + 1;
/// Bytes that the network needs for each pixel of its input, by measurements of the larger networks.
const BYTES_PER_INPUT_PIXEL: u64 = 2_000;
/// The most images that are put through together where nothing is said: GPUs are busy with fewer.
const MOST_FITTING: usize = 16;

impl Segmenter {
    /// How images for this model are read: one for which memory would not suffice is refused before it is decoded, where the system
    /// says how much there is. That holds for what becomes of the result, too: its map, and that map as a PNG.
    pub fn reading(&self) -> Reading {
        self.reading_beside(0)
    }

    /// As [`Self::reading`], for each of several images that are in memory at once, beside so many `others`: an image that needs more than
    /// its share of what is free is refused, and may be read alone.
    pub fn reading_beside(&self, others: usize) -> Reading {
        let network = self.bytes_of_inputs(1, self.config.preprocess.size);
        match kmax_base::memory::available() {
            Some(free) => {
                let share = free.saturating_sub(network) / (others as u64 + 1);
                Reading::default().with_memory(share.saturating_add(network), BYTES_PER_PIXEL, network)
            }
            None => Reading::default(),
        }
    }

    /// As [`Self::reading`], for images that are opened by [`Bands::open`](kmax_tiles::Bands::open) and segmented in tiles.
    pub fn reading_bands(&self) -> Reading {
        let network = self.bytes_of_inputs(1, self.config.preprocess.size);
        match kmax_base::memory::available() {
            Some(free) => Reading::default().with_memory(free, BYTES_PER_PIXEL_OF_TILES, network),
            None => Reading::default(),
        }
    }

    /// Images that a device takes at once: by estimate and by what is free now, 1 to 16. On the processor 1: more gain nothing there.
    pub fn fitting_batch(&self) -> usize {
        let Some(free) = device::free_memory(&self.device) else { return 1 };
        let one = self.bytes_of_inputs(1, self.config.preprocess.size).max(1);
        // What is left over is for weights, and for what the allocator keeps.
        usize::try_from(free / 4 * 3 / one).unwrap_or(usize::MAX).clamp(1, MOST_FITTING)
    }

    /// Bytes that so many inputs of that height and width take on their way through the network, by estimate.
    fn bytes_of_inputs(&self, images: usize, [height, width]: [usize; 2]) -> u64 {
        let of_float32 = BYTES_PER_INPUT_PIXEL * height as u64 * width as u64 * images as u64;
        of_float32 * self.precision.of_input(&self.device).size_in_bytes() as u64 / 4
    }

    /// An error of the network, in plain words if the device's memory did not suffice for the inputs.
    pub(super) fn told(&self, error: Error, inputs: &[&Prepared]) -> Error {
        if self.device.is_cpu() || !device::is_out_of_memory(&error) {
            return error;
        }
        let size = inputs.first().map_or([0; 2], |input| input.frame.input);
        Error::DeviceMemory {
            device: device::place(&self.device).to_string(),
            images: inputs.len(),
            size,
            needed: self.bytes_of_inputs(inputs.len(), size),
            free: device::free_memory(&self.device).unwrap_or(0),
        }
    }
}
