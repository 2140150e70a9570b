//! From what tiles say of a pixel to what it is.

use crate::axis::Axis;
use crate::parts::{Id, Parts};
use crate::tile::Tile;
use kmax_masks::LabelMap;
use std::collections::HashSet;

/// Rows of tiles that are still needed, with the number of each.
pub(crate) type Rows = std::collections::VecDeque<(usize, Vec<Tile>)>;

/// Writes the core of row `j` of tiles: the part of each pixel. All that these tiles and their neighbours met is known, and so which things
/// are shown. (Two that become one further down only are still two here: then one may have pixels of which another tile is surer.)
pub(crate) fn paint(
    rows: &Rows,
    j: usize,
    (across, down): (&Axis, &Axis),
    parts: &Parts,
    map: &mut LabelMap,
) {
    let row = |j: usize| rows.iter().find(|(number, _)| *number == j).map(|(_, tiles)| tiles);
    let Some(own) = row(j) else { return };
    let width = map.width();
    for (lines, above_and_below) in down.pieces(j) {
        let rows: Vec<&Vec<Tile>> = above_and_below.into_iter().flatten().filter_map(row).collect();
        for i in 0..across.count() {
            let painter = Painter { parts, own: own[i].things(parts) };
            for (columns, beside) in across.pieces(i) {
                if columns.is_empty() {
                    continue;
                }
                let beside: Vec<usize> = beside.into_iter().flatten().collect();
                let in_row = beside.iter().map(|i| &own[*i]);
                let elsewhere =
                    rows.iter().flat_map(|row| std::iter::once(&i).chain(&beside).map(|i| &row[*i]));
                let others: Vec<&Tile> = in_row.chain(elsewhere).collect();
                for y in lines.clone() {
                    let to = &mut map.data_mut()[y * width..][columns.clone()];
                    painter.line(&own[i], &others, (columns.start, y), to);
                }
            }
        }
    }
}

/// The most other tiles that see a pixel: two along each side.
const OTHERS: usize = 8;

/// What decides about the pixels of a tile's core.
struct Painter<'a> {
    parts: &'a Parts,
    /// Things that the tile itself sees: of those it says where they are.
    own: HashSet<Id>,
}

impl Painter<'_> {
    /// Some pixels of one row, of which tile `own` decides and which `others` see, too.
    fn line(&self, own: &Tile, others: &[&Tile], (x, y): (usize, usize), to: &mut [Id]) {
        for (id, pixel) in own.row(x, y).zip(&mut *to) {
            *pixel = id;
        }
        let mut said: Vec<_> = others.iter().map(|tile| tile.row(x, y)).collect();
        let mut last = None;
        for pixel in to {
            let mut others = [0; OTHERS];
            for (id, row) in others.iter_mut().zip(&mut said) {
                *id = row.next().unwrap_or(0);
            }
            // Neighbours mostly are alike.
            let asked = (*pixel, others);
            let decided = last.filter(|(before, _)| *before == asked);
            let (_, decided) = decided.unwrap_or_else(|| (asked, self.decide(asked.0, others)));
            last = Some((asked, decided));
            *pixel = decided;
        }
    }

    /// What a pixel is: a thing of its own tile; else a thing of another that its own tile does not see anywhere; else stuff of its own
    /// tile; and where that has nothing to say, or what is taken for a mistake, what another says.
    fn decide(&self, own: Id, others: [Id; OTHERS]) -> Id {
        if self.parts.is_shown(own) {
            return own;
        }
        let from_beside = |id: &Id| self.parts.is_shown(*id) && !self.own.contains(&self.parts.first(*id));
        if let Some(thing) = others.into_iter().find(from_beside) {
            return thing;
        }
        if own == 0 || self.parts.is_dropped(own) {
            return others.into_iter().find(|id| *id != 0 && !self.parts.is_dropped(*id)).unwrap_or(0);
        }
        own
    }
}
