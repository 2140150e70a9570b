//! Pixel instance discrimination (CMT-DeepLab, sec. 3): features of one segment attract, of others repel each other.

use crate::assigned::Assigned;
use crate::config::LossConfig;
use crate::error::Result;
use crate::float::{Float, values};
use crate::targets::Targets;
use candle_core::{Device, Tensor};
use kmax_kernels::{Contrast, Groups, contrast};

/// The term of one image from `features` `[channels, pixels]` at the sampled pixels. The gradient, times `scale`, is
/// added to `gradient`, which has the shape of the features.
pub(crate) fn pixel_term<T: Float>(
    features: &[T],
    gradient: &mut [T],
    sampled: &[u32],
    (targets, assigned): (&Targets, &Assigned),
    config: &LossConfig,
    scale: f64,
) -> Result<f64> {
    let (pixels, count) = (targets.cell_of.len(), sampled.len());
    let channels = features.len() / pixels.max(1);
    let mut taken = Vec::with_capacity(channels * count);
    for row in features.chunks_exact(pixels) {
        taken.extend(sampled.iter().map(|pixel| row[*pixel as usize]));
    }
    let taken = Tensor::from_vec(taken, (channels, count), &Device::Cpu)?;
    let wanted = Wanted::new(sampled, targets, assigned);
    let mass = if config.blank_targets_push { vec![1.0; wanted.mass.len()] } else { wanted.mass };
    let groups = Groups { of: &wanted.cells, targets: &wanted.table, mass: &mass };
    let Contrast { losses, gradient: slopes } = contrast(&taken, &groups, config.pixel_temperature)?;
    let alive = losses.iter().filter(|loss| **loss != 0.0).count().max(1) as f64;
    let slopes = values::<T>(&(slopes * (scale / alive))?)?;
    for (row, slopes) in gradient.chunks_exact_mut(pixels).zip(slopes.chunks_exact(count.max(1))) {
        for (pixel, slope) in sampled.iter().zip(slopes) {
            row[*pixel as usize] += *slope;
        }
    }
    Ok(losses.iter().sum::<f64>() / alive)
}

/// The distribution that each sampled pixel asks for, which depends on the cells of the two pixels only.
struct Wanted {
    /// Cell of each sampled pixel.
    cells: Vec<u32>,
    /// Target for each pair of cells, each row summing to one over the sampled pixels (less where segments overlap).
    table: Vec<f64>,
    mass: Vec<f64>,
}

impl Wanted {
    fn new(sampled: &[u32], targets: &Targets, assigned: &Assigned) -> Self {
        let width = assigned.slots.len();
        let cells: Vec<u32> = sampled.iter().map(|pixel| targets.cell_of[*pixel as usize]).collect();
        let mut counts = vec![0.0; width];
        cells.iter().for_each(|cell| counts[*cell as usize] += 1.0);
        let mut table = vec![0.0; width * width];
        let mut mass = vec![0.0; width];
        for a in (0..width).filter(|a| counts[*a] > 0.0) {
            let row = &mut table[a * width..][..width];
            for (b, target) in row.iter_mut().enumerate().filter(|(b, _)| counts[*b] > 0.0) {
                let (a, b) = (&assigned.slots[a], &assigned.slots[b]);
                let common = a.iter().filter(|slot| b.contains(slot)).count();
                if common > 0 {
                    *target = common as f64 / (a.len() * b.len()) as f64;
                }
            }
            let total: f64 = row.iter().zip(&counts).map(|(target, count)| target * count).sum();
            row.iter_mut().for_each(|target| *target /= total.max(1.0));
            mass[a] = total / total.max(1.0);
        }
        Self { cells, table, mass }
    }
}
