//! Where queries are above a threshold.

use super::BAND;
use super::lanes::lanes;
use super::total::Total;
use crate::error::Result;
use kmax_kernels::ResizedMasks;
use kmax_masks::LabelMap;
use rayon::prelude::*;

/// Pixels where each query is above the threshold.
pub(super) struct Claims {
    /// 0 where no query is, 1 + the query where one is, [`SEVERAL`] where several are.
    pub map: LabelMap,
    /// Pixel and query of every claim where several are, by rising pixel.
    pub several: Vec<(u32, u16)>,
    /// Of each query.
    pub totals: Vec<Total>,
}

/// Marks a pixel that several queries claim.
const SEVERAL: u32 = u32::MAX;

impl Claims {
    /// Looks at every pixel of the masks once.
    pub(super) fn new(masks: &ResizedMasks, queries: usize, threshold: f32) -> Result<Self> {
        let [height, width] = masks.size();
        let mut map = LabelMap::filled(width, height, 0)?;
        let bands = map.data_mut().par_chunks_mut(BAND * width).enumerate();
        let found: Vec<_> = bands
            .map(|(band, out)| {
                let first = band * BAND;
                let (mut several, mut totals) = (Vec::new(), vec![Total::default(); queries]);
                let mut hits: Vec<(usize, u32)> = Vec::new();
                masks.visit(first..first + out.len() / width, |block| {
                    hits.clear();
                    block.above(threshold, |query, pixels, probabilities| {
                        hits.push((query, pixels));
                        lanes(pixels).for_each(|lane| totals[query].add(probabilities[lane]));
                    });
                    let start = (block.row - first) * width + block.column;
                    let (_, twice) = hits
                        .iter()
                        .fold((0, 0), |(once, twice), (_, pixels)| (once | pixels, twice | (once & pixels)));
                    for &(query, pixels) in &hits {
                        for lane in lanes(pixels & !twice) {
                            out[start + lane] = query as u32 + 1;
                        }
                    }
                    for lane in lanes(twice) {
                        out[start + lane] = SEVERAL;
                        let pixel = (first * width + start + lane) as u32;
                        let here = hits.iter().filter(|(_, pixels)| pixels >> lane & 1 == 1);
                        several.extend(here.map(|&(query, _)| (pixel, query as u16)));
                    }
                });
                (several, totals)
            })
            .collect();
        let mut claims = Self { map, several: Vec::new(), totals: vec![Total::default(); queries] };
        for (several, totals) in found {
            claims.several.extend(several);
            claims.totals.iter_mut().zip(totals).for_each(|(total, part)| total.join(part));
        }
        // Tiles of columns come one after the other within a band.
        claims.several.sort_unstable();
        Ok(claims)
    }

    /// Of a map that holds 1 + a query in the lower 16 bits of a pixel, and 1 + a second one in the upper; 0 for none.
    pub(super) fn of_pairs(mut map: LabelMap, totals: Vec<Total>) -> Self {
        let mut several = Vec::new();
        for (pixel, at) in (0..).zip(map.data_mut()) {
            let (first, second) = (*at & 0xffff, *at >> 16);
            if second > 0 {
                let [low, high] = [first.min(second), first.max(second)];
                several.extend([low, high].map(|query| (pixel, (query - 1) as u16)));
                *at = SEVERAL;
            }
        }
        Self { map, several, totals }
    }
}
