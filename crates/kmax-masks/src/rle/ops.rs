//! Area, box, intersection, IoU and merging, all on the runs.

use super::Rle;
use crate::error::{Error, Result};

/// How [`Rle::merge`] puts masks together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// A pixel that any mask sets.
    Union,
    /// A pixel that all masks set.
    Intersection,
}

impl Rle {
    /// The number of set pixels.
    pub fn area(&self) -> u64 {
        self.counts.iter().skip(1).step_by(2).map(|&count| u64::from(count)).sum()
    }

    /// The box `[x, y, width, height]` around the set pixels, zeros where there is none.
    ///
    /// As in pycocotools, a run that crosses from one column into the next makes the box as high as the mask.
    pub fn bbox(&self) -> [u32; 4] {
        let height = self.size[0];
        let (mut left, mut top, mut right, mut bottom) = (u32::MAX, u32::MAX, 0, 0);
        for (start, end) in self.runs() {
            let last = end - 1;
            let (x0, x1) = (start / height, last / height);
            let (y0, y1) = if x0 < x1 { (0, height - 1) } else { (start % height, last % height) };
            left = left.min(x0);
            right = right.max(x1);
            top = top.min(y0);
            bottom = bottom.max(y1);
        }
        if left == u32::MAX { [0; 4] } else { [left, top, right - left + 1, bottom - top + 1] }
    }

    /// The number of pixels that both masks set.
    ///
    /// # Errors
    /// If the sizes differ.
    pub fn intersection(&self, other: &Self) -> Result<u64> {
        self.same_size(other)?;
        let (mut ours, mut theirs) = (self.runs(), other.runs());
        let (mut a, mut b) = (ours.next(), theirs.next());
        let mut pixels = 0;
        while let (Some((a0, a1)), Some((b0, b1))) = (a, b) {
            pixels += u64::from(a1.min(b1).saturating_sub(a0.max(b0)));
            if a1 < b1 {
                a = ours.next();
            } else {
                b = theirs.next();
            }
        }
        Ok(pixels)
    }

    /// Intersection over union with a ground truth, or over the own area where the ground truth is a crowd;
    /// 0 where nothing is set.
    ///
    /// # Errors
    /// If the sizes differ.
    pub fn iou(&self, truth: &Self, crowd: bool) -> Result<f64> {
        let shared = self.intersection(truth)?;
        if shared == 0 {
            return Ok(0.0);
        }
        let whole = if crowd { self.area() } else { self.area() + truth.area() - shared };
        Ok(shared as f64 / whole as f64)
    }

    /// One mask of several, without empty runs but the first.
    ///
    /// # Errors
    /// If the sizes differ or no mask is given.
    pub fn merge(masks: &[Self], how: Merge) -> Result<Self> {
        let Some((first, rest)) = masks.split_first() else {
            return Err(Error::Rle("nothing to merge".to_owned()));
        };
        rest.iter().try_for_each(|mask| first.same_size(mask))?;
        let needed = match how {
            Merge::Union => 1,
            Merge::Intersection => masks.len() as i64,
        };
        // Every start adds one mask and every end takes one away; a pixel is set while enough masks are there.
        let mut events: Vec<(u32, i64)> = Vec::new();
        for mask in masks {
            events.extend(mask.runs().flat_map(|(start, end)| [(start, 1), (end, -1)]));
        }
        events.sort_unstable();
        let (mut counts, mut inside, mut depth, mut position) = (Vec::new(), false, 0, 0);
        for group in events.chunk_by(|a, b| a.0 == b.0) {
            depth += group.iter().map(|event| event.1).sum::<i64>();
            if (depth >= needed) != inside {
                inside = !inside;
                counts.push(group[0].0 - position);
                position = group[0].0;
            }
        }
        let pixels = first.size[0] * first.size[1];
        if position < pixels || counts.is_empty() {
            counts.push(pixels - position);
        }
        Ok(Self::trusted(first.size, counts))
    }

    fn same_size(&self, other: &Self) -> Result<()> {
        if self.size == other.size { Ok(()) } else { Err(self.differs(other.width(), other.height())) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::maps;
    use super::*;
    use crate::label_map::LabelMap;
    use proptest::prelude::*;

    #[test]
    fn a_run_over_two_columns_makes_the_box_full_height() {
        let rle = Rle::new([4, 3], vec![3, 2, 7]).unwrap();
        assert_eq!((rle.area(), rle.bbox()), (2, [0, 0, 2, 4]));
        let single = Rle::new([4, 3], vec![5, 2, 5]).unwrap();
        assert_eq!(single.bbox(), [1, 1, 1, 2]);
        assert_eq!(Rle::empty(3, 4).unwrap().bbox(), [0; 4]);
    }

    #[test]
    fn other_sizes_are_refused() {
        let (a, b) = (Rle::empty(3, 4).unwrap(), Rle::empty(4, 3).unwrap());
        assert!(matches!(a.iou(&b, false), Err(Error::SizesDiffer { .. })));
        assert!(Rle::merge(&[a, b], Merge::Union).is_err());
        assert!(Rle::merge(&[], Merge::Union).is_err());
    }

    proptest! {
        #[test]
        fn runs_agree_with_pixels((width, height, ids) in maps(), (a, b) in (0..4u32, 0..4u32)) {
            // Two masks that overlap: the ids of bit 0 and of bit 1, moved by a and b.
            let masks: Vec<Vec<bool>> = [(a, 1), (b, 2)]
                .map(|(shift, bit)| ids.iter().map(|&id| (id + shift) & bit != 0).collect())
                .to_vec();
            let rles: Vec<Rle> =
                masks.iter().map(|mask| Rle::from_mask(width, height, mask).unwrap()).collect();
            let count = |f: &dyn Fn(bool, bool) -> bool| {
                masks[0].iter().zip(&masks[1]).filter(|&(&x, &y)| f(x, y)).count() as u64
            };
            prop_assert_eq!(rles[0].area(), count(&|x, _| x));
            prop_assert_eq!(rles[0].intersection(&rles[1]).unwrap(), count(&|x, y| x && y));
            let union = count(&|x, y| x || y);
            let iou = if count(&|x, y| x && y) == 0 { 0.0 } else { count(&|x, y| x && y) as f64 / union as f64 };
            prop_assert_eq!(rles[0].iou(&rles[1], false).unwrap(), iou);
            for (how, f) in [
                (Merge::Union, (|x, y| x || y) as fn(bool, bool) -> bool),
                (Merge::Intersection, |x, y| x && y),
            ] {
                let expected: Vec<bool> = masks[0].iter().zip(&masks[1]).map(|(&x, &y)| f(x, y)).collect();
                let merged = Rle::merge(&rles, how).unwrap();
                prop_assert_eq!(&merged, &Rle::from_mask(width, height, &expected).unwrap());
            }
        }

        #[test]
        fn the_box_holds_every_pixel((width, height, ids) in maps()) {
            let map = LabelMap::new(width, height, ids).unwrap();
            for ((id, rle), (same, extent)) in Rle::encode_all(&map).into_iter().zip(map.extents()) {
                prop_assert_eq!(id, same);
                let ([x, y, w, h], [tx, ty, tw, th]) = (rle.bbox(), extent.bbox);
                prop_assert_eq!((x, w), (tx, tw));
                prop_assert!(y <= ty && y + h >= ty + th && h as usize <= height);
            }
        }
    }
}
