//! Each pixel to its most probable query (MaX-DeepLab).

use super::BAND;
use super::assignment::{Assignment, Mask};
use super::classes::Best;
use super::total::Total;
use crate::error::Result;
use kmax_kernels::ResizedMasks;
use kmax_masks::LabelMap;
use rayon::prelude::*;

/// Only queries of a confident class have a probability; a pixel that another query holds, or whose probability is
/// not above `threshold`, goes to nobody.
pub(super) fn assign(masks: ResizedMasks, threshold: f32, best: &[Best]) -> Result<Assignment> {
    let [height, width] = masks.size();
    let mut map = LabelMap::filled(width, height, 0)?;
    let mut totals = vec![Total::default(); best.len()];
    if best.iter().any(|best| best.confident) {
        let masks = masks.only(|query| best[query].confident);
        let bands = map.data_mut().par_chunks_mut(BAND * width).enumerate();
        let found: Vec<_> = bands
            .map(|(band, out)| {
                let first = band * BAND;
                let mut totals = vec![Total::default(); best.len()];
                masks.visit(first..first + out.len() / width, |block| {
                    let winners = block.winners();
                    let confidences = block.confidences();
                    let start = (block.row - first) * width + block.column;
                    for (lane, out) in out[start..start + block.pixels].iter_mut().enumerate() {
                        if confidences[lane] > threshold && winners.overall[lane] {
                            let query = winners.query[lane];
                            *out = query + 1;
                            totals[query as usize].add(confidences[lane]);
                        }
                    }
                });
                totals
            })
            .collect();
        for band in found {
            totals.iter_mut().zip(band).for_each(|(total, part)| total.join(part));
        }
    }
    Ok(assigned(map, &totals, best))
}

/// Of a map of 1 + the query of each pixel.
pub(super) fn assigned(map: LabelMap, totals: &[Total], best: &[Best]) -> Assignment {
    let mask = |(query, (best, total)): (usize, (&Best, &Total))| Mask {
        query,
        class: best.class,
        class_score: best.score,
        mask_score: total.mean(),
    };
    Assignment { map, masks: best.iter().zip(totals).enumerate().map(mask).collect() }
}
