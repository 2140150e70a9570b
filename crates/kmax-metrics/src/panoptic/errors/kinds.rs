//! The kind of each error of an image, and what mending it does to the counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use kmax_masks::Segment;

use super::{Flaw, Flaws, Kind, Mend};
use crate::panoptic::matching::{Match, Matching};

/// The least IoU at which a segment is one with a poor mask and not another one.
const NEAR: f64 = 0.1;

/// What mending does, by kind and category.
pub(super) type Mends = BTreeMap<(Kind, u32), Mend>;

/// Gives each error of an image its kind.
pub(super) fn sort(matching: &Matching<'_>) -> (Flaws, Mends) {
    let mut sorter = Sorter {
        matching,
        missed: matching.missed.iter().map(|segment| segment.id).collect(),
        invented: matching.invented.iter().map(|(segment, _)| segment.id).collect(),
        errors: matching.invented.iter().filter(|(_, counts)| *counts).map(|(s, _)| s.id).collect(),
        flaws: Flaws::default(),
        mends: Mends::new(),
    };
    sorter.classes();
    sorter.split();
    sorter.merged();
    sorter.masks();
    sorter.rest();
    sorter.flaws.missed.sort_unstable_by_key(|flaw| flaw.id);
    sorter.flaws.invented.sort_unstable_by_key(|flaw| flaw.id);
    (sorter.flaws, sorter.mends)
}

struct Sorter<'a> {
    matching: &'a Matching<'a>,
    /// Segments of the ground truth without a match that have no kind yet.
    missed: BTreeSet<u32>,
    /// Predicted segments without a match that have no kind yet.
    invented: BTreeSet<u32>,
    /// Those of the predicted segments that count as errors.
    errors: BTreeSet<u32>,
    flaws: Flaws,
    mends: Mends,
}

/// A segment of one side, and those of its class on the other side that lie in it.
struct Group<'a> {
    whole: &'a Segment,
    /// Each with the pixels that it shares with the whole.
    parts: Vec<(&'a Segment, u64)>,
}

/// A segment lies in another if more than half of it does, so it lies in one at most.
fn groups<'a>(
    overlaps: impl Iterator<Item = (&'a Segment, &'a Segment, u64)>,
    area: impl Fn(&Segment) -> u64,
) -> impl Iterator<Item = Group<'a>> {
    let mut found = BTreeMap::<u32, Group<'a>>::new();
    for (whole, part, pixels) in overlaps {
        if 2 * pixels > area(part) {
            let group = found.entry(whole.id).or_insert_with(|| Group { whole, parts: Vec::new() });
            group.parts.push((part, pixels));
        }
    }
    found.into_values().filter(|group| group.parts.len() > 1)
}

impl Group<'_> {
    /// The IoU of the whole with its parts united.
    fn iou(&self, whole: u64, area: impl Fn(&Segment) -> u64) -> f64 {
        let shared: u64 = self.parts.iter().map(|(_, pixels)| pixels).sum();
        let areas: u64 = self.parts.iter().map(|(part, _)| area(part)).sum();
        ratio(shared, (whole + areas).saturating_sub(shared))
    }
}

/// A share that is 1 at most, also where an area is less than its pixels.
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(part).max(1) as f64
}

impl<'a> Sorter<'a> {
    /// Overlaps of segments of one class that can be matched.
    fn of_one_class(&self) -> impl Iterator<Item = (&'a Segment, &'a Segment, u64)> + use<'a> {
        let matching: &'a Matching<'a> = self.matching;
        let fits =
            |truth: &Segment, guess: &Segment| !truth.iscrowd && truth.category_id == guess.category_id;
        matching.overlaps().filter(move |(truth, guess, _)| fits(truth, guess))
    }

    fn mend(&mut self, kind: Kind, category: u32) -> &mut Mend {
        self.mends.entry((kind, category)).or_default()
    }

    /// Gives a missed segment its kind, if it has none.
    fn take_missed(&mut self, segment: &Segment, kind: Kind, with: Option<u32>) -> bool {
        let open = self.missed.remove(&segment.id);
        if open {
            self.mend(kind, segment.category_id).fn_ += 1;
            self.flaws.missed.push(Flaw { id: segment.id, category_id: segment.category_id, kind, with });
        }
        open
    }

    /// Gives a predicted segment its kind, if it has none. One that is no error has no kind, but is not taken twice either.
    fn take_invented(&mut self, segment: &Segment, kind: Kind, with: Option<u32>) -> bool {
        let open = self.invented.remove(&segment.id) && self.errors.contains(&segment.id);
        if open {
            self.mend(kind, segment.category_id).fp += 1;
            self.flaws.invented.push(Flaw { id: segment.id, category_id: segment.category_id, kind, with });
        }
        open
    }

    fn classes(&mut self) {
        let matching = self.matching;
        for (truth, guess, pixels) in matching.overlaps() {
            let open = self.missed.contains(&truth.id) && self.invented.contains(&guess.id);
            let iou = ratio(pixels, matching.union(truth, guess, pixels));
            if open && truth.category_id != guess.category_id && iou > 0.5 {
                self.take_missed(truth, Kind::Class, Some(guess.id));
                self.take_invented(guess, Kind::Class, Some(truth.id));
                self.mend(Kind::Class, truth.category_id).matched(iou);
            }
        }
    }

    fn split(&mut self) {
        let area = |segment: &Segment| self.matching.area_of_predicted(segment.id);
        let matched: HashMap<u32, Match> = self.matching.matches.iter().map(|m| (m.truth, *m)).collect();
        let found: Vec<(Group<'_>, f64)> = groups(self.of_one_class(), area)
            .map(|group| {
                let iou = group.iou(group.whole.area, area);
                (group, iou)
            })
            .filter(|(_, iou)| *iou > 0.5)
            .collect();
        for (Group { whole, parts }, iou) in found {
            let missed = self.take_missed(whole, Kind::Split, None);
            let mut invented = false;
            for (part, _) in parts {
                invented |= self.take_invented(part, Kind::Split, Some(whole.id));
            }
            let mend = self.mends.entry((Kind::Split, whole.category_id)).or_default();
            match matched.get(&whole.id) {
                Some(before) if invented => mend.better(before.iou, iou),
                _ if missed => mend.matched(iou),
                _ => {}
            }
        }
    }

    fn merged(&mut self) {
        let area = |segment: &Segment| segment.area;
        let matched: HashMap<u32, Match> = self.matching.matches.iter().map(|m| (m.predicted, *m)).collect();
        let mirrored = self.of_one_class().map(|(truth, guess, pixels)| (guess, truth, pixels));
        let found: Vec<Group<'_>> = groups(mirrored, area)
            .filter(|group| group.iou(self.matching.area_of_predicted(group.whole.id), area) > 0.5)
            .collect();
        for Group { whole, parts } in found {
            let mut found = self.take_invented(whole, Kind::Merged, None);
            for (part, pixels) in &parts {
                if self.take_missed(part, Kind::Merged, Some(whole.id)) {
                    self.mend(Kind::Merged, part.category_id).matched(ratio(*pixels, part.area));
                    found = true;
                }
            }
            let before = matched.get(&whole.id).filter(|_| found);
            let part = before.and_then(|m| parts.iter().find(|(part, _)| part.id == m.truth));
            if let (Some(before), Some((part, pixels))) = (before, part) {
                self.mend(Kind::Merged, part.category_id).better(before.iou, ratio(*pixels, part.area));
            }
        }
    }

    fn masks(&mut self) {
        let open = |truth: &Segment, guess: &Segment| {
            self.missed.contains(&truth.id) && self.invented.contains(&guess.id)
        };
        let mut near: Vec<_> = self
            .of_one_class()
            .filter(|(truth, guess, _)| open(truth, guess))
            .map(|(truth, guess, pixels)| {
                (truth, guess, ratio(pixels, self.matching.union(truth, guess, pixels)))
            })
            .filter(|(.., iou)| *iou >= NEAR)
            .collect();
        // Overlaps come by rising ids, and the sort is stable.
        near.sort_by(|a, b| b.2.total_cmp(&a.2));
        for (truth, guess, _) in near {
            if self.missed.contains(&truth.id) && self.invented.contains(&guess.id) {
                self.take_missed(truth, Kind::Mask, Some(guess.id));
                self.take_invented(guess, Kind::Mask, Some(truth.id));
                self.mend(Kind::Mask, truth.category_id).tp += 1;
            }
        }
    }

    fn rest(&mut self) {
        let matching = self.matching;
        for segment in &matching.missed {
            self.take_missed(segment, Kind::Missed, None);
        }
        for (segment, _) in &matching.invented {
            self.take_invented(segment, Kind::Background, None);
        }
    }
}
