//! The most probable queries of each pixel on GPUs: of masks, only their logits as the network gives them and two numbers a pixel exist.

use super::Mixing;
use crate::error::{Error, Result};
use crate::gpu::{Launch, Module, launched, takes};
use crate::resize::{Alignment, scale};
use candle_core::{DType, Shape, Tensor};

/// Mask logits on a device, to be looked at in another size.
#[derive(Debug, Clone, Copy)]
pub struct DeviceMasks<'a> {
    /// `[queries, height, width]`.
    pub logits: &'a Tensor,
    /// `[queries]`, `u32`: 0 for a query without a probability.
    pub takes_part: &'a Tensor,
    /// How neighbours are mixed.
    pub mixing: Mixing,
    /// The size (height, width) to which logits are resized, and how.
    pub middle: ([usize; 2], Alignment),
    /// The upper left part of that which is kept and resized once more: from, to, how.
    pub last: Option<([usize; 2], [usize; 2], Alignment)>,
}

/// What [`DeviceMasks::winners`] gives, each `[height, width]`.
#[derive(Debug, Clone)]
pub struct PixelWinners {
    /// The first of the queries of the largest logit, `u32`; `u32::MAX` where none takes part, or where one that takes no part has a
    /// larger logit.
    pub first: Tensor,
    /// The probability of the largest, `f32`.
    pub of_first: Tensor,
    /// The query of the next largest logit, `u32`; `u32::MAX` if there is none.
    pub second: Tensor,
    /// Its probability, `f32`.
    pub of_second: Tensor,
}

/// What [`DeviceMasks::claims`] gives.
#[derive(Debug, Clone)]
pub struct PixelClaims {
    /// `[height, width]`, `u32`: 1 + the most probable query in the lower 16 bits and 1 + the next in the upper ones, as far as their
    /// probabilities are above the threshold; 0 else.
    pub map: Tensor,
    /// `[queries]`, `u32`: the pixels of each query in `map`.
    pub counts: Tensor,
    /// `[queries]`, `f32`: the sum of its probabilities there.
    pub sums: Tensor,
}

/// Queries that half of a number can name.
const MOST_QUERIES: usize = 0xffff;

impl DeviceMasks<'_> {
    /// Who claims each pixel with a probability above `threshold`: the most probable query, and with `pairs` the next one too. That is all
    /// who do where `threshold` is at least 1/3. `None` where the device has no kernel.
    ///
    /// # Errors
    /// If shapes or types do not fit.
    pub fn claims(&self, threshold: f32, pairs: bool) -> Result<Option<PixelClaims>> {
        let queries = self.logits.dim(0)?;
        if queries > MOST_QUERIES {
            return Err(Error::Argument(format!(
                "claims: {queries} queries, at most {MOST_QUERIES} are possible"
            )));
        }
        let Some(winners) = self.winners()? else { return Ok(None) };
        let PixelWinners { first, of_first, second, of_second } = &winners;
        let pixels = first.elem_count();
        let launch = Launch::of_threads(Module::Winners, "claims", pixels)
            .ints([pixels])
            .floats([threshold])
            .ints([usize::from(pairs)]);
        let outputs = [(first.shape().clone(), DType::U32)];
        let map = launched(&launch, &[of_first, of_second, first, second], &outputs)?.swap_remove(0);
        let launch = Launch::of_blocks(Module::Winners, "claim_totals", queries).ints([pixels]);
        let outputs = [(Shape::from(queries), DType::U32), (Shape::from(queries), DType::F32)];
        let totals: [Tensor; 2] = launched(&launch, &[of_first, of_second, &map], &outputs)?
            .try_into()
            .map_err(|_| Error::Argument("claims: no results".into()))?;
        let [counts, sums] = totals;
        Ok(Some(PixelClaims { map, counts, sums }))
    }

    /// Looks at every pixel once. `None` where the device has no kernel.
    ///
    /// # Errors
    /// If shapes or types do not fit.
    pub fn winners(&self) -> Result<Option<PixelWinners>> {
        let (queries, height, width) = self.logits.dims3()?;
        if self.takes_part.dims() != [queries] || self.takes_part.dtype() != DType::U32 {
            let found = (self.takes_part.dims(), self.takes_part.dtype());
            return Err(Error::Argument(format!("winners: {found:?} instead of [{queries}] of u32")));
        }
        let (middle, alignment) = self.middle;
        let (kept, size, last_alignment) = self.last.unwrap_or((middle, middle, alignment));
        let fits = kept[0] <= middle[0] && kept[1] <= middle[1];
        if !fits || [middle, kept, size].iter().any(|size| size.contains(&0)) {
            return Err(Error::Argument(format!(
                "winners: {kept:?} of {middle:?} pixels, resized to {size:?}"
            )));
        }
        if !takes(self.logits) {
            return Ok(None);
        }
        let scales = |from: [usize; 2], to: [usize; 2], alignment| {
            let [(y, half), (x, _)] = [0, 1].map(|axis| scale::<f32>(from[axis], to[axis], alignment));
            [y, x, half]
        };
        // A size that stays is looked at as it is: its scale is 1.
        let launch = Launch::of_threads(Module::Winners, "winners", size[0] * size[1])
            .ints([queries, height, width, size[0], size[1]])
            .floats(scales([height, width], middle, alignment))
            .ints([usize::from(self.mixing == Mixing::Difference), usize::from(self.last.is_some())])
            .ints(kept)
            .floats(scales(kept, size, last_alignment));
        let map = |dtype| (Shape::from((size[0], size[1])), dtype);
        let outputs = [map(DType::U32), map(DType::F32), map(DType::U32), map(DType::F32)];
        let inputs = [self.logits.contiguous()?, self.takes_part.contiguous()?];
        let made: [Tensor; 4] = launched(&launch, &inputs.each_ref(), &outputs)?
            .try_into()
            .map_err(|_| Error::Argument("winners: no results".into()))?;
        let [first, of_first, second, of_second] = made;
        Ok(Some(PixelWinners { first, of_first, second, of_second }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ResizedMasks;
    use crate::cpu::emulated;
    use crate::testing::random;
    use candle_core::Device;

    /// Of each pixel of the CPU's kernels: the winners, and the two largest probabilities.
    fn expected(masks: &ResizedMasks, queries: usize) -> Vec<(u32, bool, [f32; 2])> {
        let [height, width] = masks.size();
        let mut pixels = vec![(0, false, [0.0; 2]); height * width];
        masks.visit(0..height, |block| {
            let winners = block.winners();
            let mut most = [[0f32; 2]; crate::BLOCK];
            block.above(0.0, |_, pixels, probabilities| {
                for lane in (0..crate::BLOCK).filter(|lane| pixels >> lane & 1 == 1) {
                    let p = probabilities[lane];
                    let [first, second] = most[lane];
                    most[lane] = if p > first { [p, first] } else { [first, second.max(p)] };
                }
            });
            for (lane, most) in most.into_iter().enumerate().take(block.pixels) {
                let at = block.row * width + block.column + lane;
                pixels[at] = (winners.query[lane], winners.overall[lane], most);
            }
        });
        assert!(queries > 0);
        pixels
    }

    #[test]
    fn winners_are_those_of_the_processor() -> Result<()> {
        let (corners, borders) = (Alignment::Corners, Alignment::Borders);
        for (queries, size, middle, last, mixing) in [
            (7, [9, 9], ([33, 33], corners), None, Mixing::Weights),
            (5, [9, 13], ([33, 49], corners), Some(([25, 49], [70, 101], corners)), Mixing::Weights),
            (4, [8, 8], ([32, 32], borders), Some(([32, 9], [50, 11], borders)), Mixing::Difference),
            (1, [4, 4], ([1, 1], corners), None, Mixing::Weights),
        ] {
            let logits = (random(1, &[queries, size[0], size[1]])? * 3.0)?.to_dtype(DType::F32)?;
            let active: Vec<u32> = (0..queries as u32).map(|q| u32::from(q % 3 != 1)).collect();
            let takes_part = Tensor::new(active.as_slice(), &Device::Cpu)?;
            let found =
                DeviceMasks { logits: &logits, takes_part: &takes_part, mixing, middle, last }.winners()?;
            if !emulated() {
                assert!(found.is_none());
                continue;
            }
            let Some(found) = found else { panic!("no winners") };
            let list = logits.flatten_all()?.to_vec1::<f32>()?;
            let masks = ResizedMasks::new(&list, queries, size, mixing)?.resized(middle.0, middle.1)?;
            let masks = match last {
                Some((kept, to, alignment)) => masks.cropped(kept)?.resized(to, alignment)?,
                None => masks,
            };
            let masks = masks.only(|query| active[query] != 0);
            let first = found.first.flatten_all()?.to_vec1::<u32>()?;
            let (of_first, of_second) = (
                found.of_first.flatten_all()?.to_vec1::<f32>()?,
                found.of_second.flatten_all()?.to_vec1::<f32>()?,
            );
            for (at, (query, overall, [most, next])) in expected(&masks, queries).into_iter().enumerate() {
                let wanted = if overall { query } else { u32::MAX };
                // Where the two largest are as good as equal, rounding decides.
                assert!(
                    first[at] == wanted || (most - next).abs() < 1e-5,
                    "pixel {at}: {} for {wanted}",
                    first[at]
                );
                assert!(
                    (of_first[at] - most).abs() < 1e-5 && (of_second[at] - next).abs() < 1e-5,
                    "pixel {at}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn claims_are_the_queries_above_the_threshold() -> Result<()> {
        if !emulated() {
            return Ok(());
        }
        let (queries, size, corners) = (5, [33, 29], Alignment::Corners);
        let logits = (random(3, &[queries, 9, 8])? * 3.0)?.to_dtype(DType::F32)?;
        let takes_part = Tensor::ones(queries, DType::U32, &Device::Cpu)?;
        let middle = (size, corners);
        let masks = DeviceMasks {
            logits: &logits,
            takes_part: &takes_part,
            mixing: Mixing::Weights,
            middle,
            last: None,
        };
        let list = logits.flatten_all()?.to_vec1::<f32>()?;
        let expected = ResizedMasks::new(&list, queries, [9, 8], Mixing::Weights)?.resized(size, corners)?;
        for (threshold, pairs) in [(0.34, true), (0.34, false), (0.0, false)] {
            let Some(found) = masks.claims(threshold, pairs)? else { panic!("no claims") };
            let map = found.map.flatten_all()?.to_vec1::<u32>()?;
            let (mut counts, mut sums) = (vec![0u32; queries], vec![0f64; queries]);
            for (at, (first, _, [most, next])) in self::expected(&expected, queries).into_iter().enumerate() {
                let second = map[at] >> 16;
                assert_eq!(map[at] & 0xffff, if most > threshold { first + 1 } else { 0 }, "pixel {at}");
                assert!(second as usize <= queries && second != first + 1, "pixel {at}");
                assert_eq!(second > 0, pairs && next > threshold, "pixel {at}");
                let both = [(map[at] & 0xffff, most), (second, next)];
                for (query, probability) in both.into_iter().filter(|(query, _)| *query > 0) {
                    counts[query as usize - 1] += 1;
                    sums[query as usize - 1] += f64::from(probability);
                }
            }
            assert_eq!(found.counts.to_vec1::<u32>()?, counts);
            let wrong = |(found, sum): (&f32, &f64)| (f64::from(*found) - sum).abs() > 1e-5 * sum.max(1.0);
            assert!(!found.sums.to_vec1::<f32>()?.iter().zip(&sums).any(wrong));
            assert!(counts.iter().sum::<u32>() > 0);
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_refused() -> Result<()> {
        let logits = Tensor::zeros((3, 4, 4), DType::F32, &Device::Cpu)?;
        let takes_part = Tensor::ones(3, DType::U32, &Device::Cpu)?;
        let good = DeviceMasks {
            logits: &logits,
            takes_part: &takes_part,
            mixing: Mixing::Weights,
            middle: ([8, 8], Alignment::Corners),
            last: None,
        };
        assert!(good.winners().is_ok());
        let few = takes_part.narrow(0, 0, 2)?;
        assert!(DeviceMasks { takes_part: &few, ..good }.winners().is_err());
        let large = Some(([9, 8], [5, 5], Alignment::Corners));
        assert!(DeviceMasks { last: large, ..good }.winners().is_err());
        Ok(())
    }
}
