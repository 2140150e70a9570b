//! Walks through the scans of a JPEG without making pixels of them.
//!
//! Decoders go on where a scan ends early or makes no sense: they fill in grey, or what they take for data. The codes say for
//! sure how many data there must be: each scan has to end with its last block, at a marker.

use super::bits::{Bits, Fault, Huffman};
use std::ops::Range;

/// What the walk found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decode) enum Finding {
    /// Every block is there and nothing else.
    Whole,
    /// Blocks are missing.
    Cut,
    /// Something is wrong on the way.
    Damaged(&'static str),
}

/// A component of the frame.
struct Component {
    id: u8,
    /// Blocks of an interleaved unit, across and down.
    sampling: [usize; 2],
    /// Blocks of the component itself, across and down.
    blocks: [usize; 2],
    /// Blocks of a row, those that fill up the last units included.
    stride: usize,
    /// Quantization table, and by it the step of a block's mean.
    quantization: usize,
    /// The mean of the last block, in steps.
    mean: i32,
    /// For each block, which coefficients are not zero so far (progressive pictures alone).
    filled: Vec<u64>,
    /// Bits that are still to come, of each coefficient that was seen.
    to_come: [Option<u8>; 64],
}

/// What is known so far.
#[derive(Default)]
struct Walk {
    dc: [Option<Huffman>; 4],
    ac: [Option<Huffman>; 4],
    components: Vec<Component>,
    progressive: bool,
    units: [usize; 2],
    interval: usize,
    /// Of each quantization table, the step of the mean.
    steps: [i32; 4],
}

/// Means are 8 times as large as the pixels', which lie within 128 of the middle; some encoders go beyond, by less than this.
const MEAN: i32 = 8 * 128 * 5 / 4;

/// Equal bytes in a row that no picture has where something is to be seen. Chance makes them once in 2^120 places.
const EQUAL: usize = 16;

/// Which coefficients a scan holds, and which of their bits.
#[derive(Clone, Copy)]
struct Band {
    from: usize,
    to: usize,
    /// Bits that an earlier scan left; 0 in the first.
    before: u8,
    left: u8,
}

/// Walks through all scans. `None` where it is another kind of JPEG, which decoders refuse.
pub(in crate::decode) fn walk(data: &[u8]) -> Option<Finding> {
    let mut walk = Walk::default();
    let mut at = 2;
    let mut finding = None;
    loop {
        // Anything may lie between two segments.
        while data.get(at).is_some_and(|byte| *byte != 0xff) {
            at += 1;
        }
        let marker = match data.get(at..at + 2) {
            Some([_, 0xff]) => {
                at += 1;
                continue;
            }
            Some([_, 0 | 0x01 | 0xd0..=0xd8]) => {
                at += 2;
                continue;
            }
            Some([_, 0xd9]) | None => break,
            Some(pair) => pair[1],
        };
        let length = data.get(at + 2..at + 4).map(|pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])));
        let Some(segment) = length.and_then(|length| data.get(at + 4..at + 2 + length)) else { break };
        at += 4 + segment.len();
        match marker {
            0xc4 => walk.tables(segment)?,
            0xdb => walk.quantization(segment),
            0xc0..=0xc2 if walk.components.is_empty() => walk.frame(marker, segment)?,
            0xc0..=0xcf if marker != 0xc8 => return None,
            0xdd => walk.interval = usize::from(u16::from_be_bytes(segment.try_into().ok()?)),
            0xda => match walk.scan(segment, data, at)? {
                (Finding::Whole, end) => at = end,
                (Finding::Cut, _) => return Some(Finding::Cut),
                (damaged, end) => (at, finding) = (end, finding.or(Some(damaged))),
            },
            _ => {}
        }
    }
    if walk.components.iter().any(|component| component.to_come[0].is_none()) {
        return Some(Finding::Cut);
    }
    let coarse =
        walk.components.iter().flat_map(|component| component.to_come).flatten().any(|bits| bits > 0);
    Some(finding.unwrap_or(match coarse {
        true => Finding::Damaged("its last scans are missing and it is coarser than it was"),
        false => Finding::Whole,
    }))
}

impl Walk {
    fn tables(&mut self, mut segment: &[u8]) -> Option<()> {
        while let Some((head, rest)) = segment.split_first_chunk::<17>() {
            let counts: &[u8; 16] = head[1..].try_into().ok()?;
            let length = counts.iter().map(|count| usize::from(*count)).sum();
            let table = Huffman::new(counts, rest.get(..length)?)?;
            let place = if head[0] >> 4 == 0 { &mut self.dc } else { &mut self.ac };
            *place.get_mut(usize::from(head[0] & 15))? = Some(table);
            segment = &rest[length..];
        }
        Some(())
    }

    fn quantization(&mut self, mut segment: &[u8]) {
        while let [head, rest @ ..] = segment {
            let (length, step) = match rest {
                [high, low, ..] if head >> 4 == 1 => (128, i32::from(u16::from_be_bytes([*high, *low]))),
                [step, ..] => (64, i32::from(*step)),
                [] => return,
            };
            if let Some(place) = self.steps.get_mut(usize::from(head & 15)) {
                *place = step;
            }
            segment = rest.get(length..).unwrap_or_default();
        }
    }

    fn frame(&mut self, marker: u8, segment: &[u8]) -> Option<()> {
        let &[_, h1, h0, w1, w0, count, ref listed @ ..] = segment else { return None };
        let [height, width] = [[h1, h0], [w1, w0]].map(|pair| usize::from(u16::from_be_bytes(pair)));
        let (listed, _) = listed.as_chunks::<3>();
        if height == 0 || width == 0 || count == 0 || listed.len() != usize::from(count) {
            return None;
        }
        let sampling: Vec<_> = listed.iter().map(|c| [c[1] >> 4, c[1] & 15].map(usize::from)).collect();
        if sampling.iter().flatten().any(|factor| !(1..=4).contains(factor)) {
            return None;
        }
        let most = [0, 1].map(|axis| sampling.iter().map(|factors| factors[axis]).max().unwrap_or(1));
        self.units = [width.div_ceil(8 * most[0]), height.div_ceil(8 * most[1])];
        self.progressive = marker == 0xc2;
        for (component, sampling) in listed.iter().zip(sampling) {
            let blocks = [(width, 0), (height, 1)]
                .map(|(length, axis)| (length * sampling[axis]).div_ceil(most[axis]).div_ceil(8));
            let stride = self.units[0] * sampling[0];
            let filled =
                if self.progressive { vec![0; stride * self.units[1] * sampling[1]] } else { Vec::new() };
            self.components.push(Component {
                id: component[0],
                quantization: component[2].into(),
                mean: 0,
                sampling,
                blocks,
                stride,
                filled,
                to_come: [None; 64],
            });
        }
        Some(())
    }

    /// Walks through a scan whose data begin at `at`; where it ends.
    fn scan(&mut self, segment: &[u8], data: &[u8], at: usize) -> Option<(Finding, usize)> {
        let (&count, rest) = segment.split_first()?;
        let (listed, rest) = rest.split_at_checked(2 * usize::from(count))?;
        let &[from, to, bits] = rest.first_chunk::<3>()?;
        let band = match self.progressive {
            true => Band { from: from.into(), to: to.into(), before: bits >> 4, left: bits & 15 },
            false => Band { from: 0, to: 63, before: 0, left: 0 },
        };
        if band.from > band.to || band.to > 63 || (self.progressive && band.from == 0 && band.to > 0) {
            return None;
        }
        let Self { components, dc, ac, units, steps, .. } = self;
        let mut parts = Vec::new();
        for pair in listed.as_chunks::<2>().0 {
            let index = components.iter().position(|component| component.id == pair[0])?;
            let table = |tables: &'_ [Option<Huffman>; 4], at: u8| {
                tables.get(usize::from(at)).is_some_and(Option::is_some)
            };
            let (dc_index, ac_index) = (pair[1] >> 4, pair[1] & 15);
            let wants_dc = band.from == 0 && band.before == 0;
            if (wants_dc && !table(dc, dc_index)) || (band.to > 0 && !table(ac, ac_index)) {
                return None;
            }
            parts.push((index, usize::from(dc_index), usize::from(ac_index)));
            for coefficient in &mut components[index].to_come[band.from..=band.to] {
                *coefficient = Some(band.left);
            }
        }
        let alone = parts.len() == 1;
        if parts.is_empty() || (band.to > 0 && self.progressive && !alone) {
            return None;
        }
        let across = if alone { components[parts[0].0].blocks[0] } else { units[0] };
        let down = if alone { components[parts[0].0].blocks[1] } else { units[1] };
        let interval = if self.interval == 0 { across * down } else { self.interval };
        let mut bits = Bits::new(data, at);
        let mut run = 0;
        let mut restarts = 0u8;
        let mut damaged = false;
        let mut filler = Filler::new(data, at);
        components.iter_mut().for_each(|component| component.mean = 0);
        for unit in 0..across * down {
            if unit > 0 && unit % interval == 0 {
                let (left, end) = bits.rest();
                if left > 0 || data.get(end..end + 2) != Some(&[0xff, 0xd0 + restarts]) {
                    let fault = if left > 0 { Fault::Invalid } else { Fault::Short };
                    return Some(stopped(data, end, fault));
                }
                (bits, run, restarts) = (Bits::new(data, end + 2), 0, (restarts + 1) % 8);
                components.iter_mut().for_each(|component| component.mean = 0);
            }
            let (x, y) = (unit % across, unit / across);
            for &(index, dc_index, ac_index) in &parts {
                let component = &mut components[index];
                let [wide, high] = if alone { [1, 1] } else { component.sampling };
                for block in 0..wide * high {
                    let place = (y * high + block / wide) * component.stride + x * wide + block % wide;
                    let filled = component.filled.get_mut(place);
                    let tables = (dc[dc_index.min(3)].as_ref(), ac[ac_index.min(3)].as_ref());
                    let begin = bits.place();
                    let walked = match filled {
                        None => sequential(&mut bits, tables).map(|(difference, flat)| {
                            filler.block(begin, bits.place(), flat && difference == 0);
                            difference
                        }),
                        Some(filled) => progressive(&mut bits, tables, band, filled, &mut run),
                    };
                    match walked {
                        Ok(difference) => component.mean = component.mean.wrapping_add(difference),
                        Err(fault) => {
                            let (_, end) = bits.rest();
                            return Some(stopped(data, end, fault));
                        }
                    }
                    let step = steps.get(component.quantization).copied().unwrap_or(1) << band.left;
                    damaged |= component.mean.saturating_mul(step).saturating_abs() > MEAN + step;
                }
            }
        }
        let (left, end) = bits.rest();
        let finding = match (left, damaged) {
            (0, false) if filler.found => Finding::Damaged(
                "its scan is damaged: a part of its data is one byte over and over; parts of it may be wrong",
            ),
            (0, false) => Finding::Whole,
            (0, true) => Finding::Damaged(
                "its scan is damaged: pixels are brighter or darker than can be; parts of it may be wrong",
            ),
            _ => Finding::Damaged("its scan is damaged: there are data left over; parts of it may be wrong"),
        };
        Some((finding, end))
    }
}

/// What a fault means that was met before the marker at `end`, and where the next segment begins.
fn stopped(data: &[u8], mut end: usize, fault: Fault) -> (Finding, usize) {
    let restart = |at: usize| matches!(data.get(at..at + 2), Some([0xff, 0xd0..=0xd7]));
    // At the end of a scan, its last rows are missing; before it, only those of an interval.
    let last = !restart(end);
    while let Some(byte) = data.get(end) {
        if *byte == 0xff && !restart(end) && !matches!(data.get(end + 1), Some(0 | 0xff)) {
            break;
        }
        end += 1;
    }
    let finding = match fault {
        Fault::Short if last => Finding::Cut,
        _ => Finding::Damaged("its scan is damaged; parts of it may be wrong"),
    };
    (finding, end)
}

type Tables<'a> = (Option<&'a Huffman>, Option<&'a Huffman>);

/// Looks for data that something was written over: many equal bytes, which the codes of a surface without detail can be, too.
struct Filler<'a> {
    data: &'a [u8],
    /// Where the next equal bytes lie.
    run: Range<usize>,
    /// Whether detail was read from within equal bytes.
    found: bool,
}

impl<'a> Filler<'a> {
    fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, run: equal(data, at), found: false }
    }

    /// Takes note of a block whose codes lie between these bytes.
    #[inline]
    fn block(&mut self, begin: usize, end: usize, flat: bool) {
        if end <= self.run.start {
            return;
        }
        // The first byte and the last belong to others as well; of a long block a part is enough.
        let inside = begin > self.run.start && end < self.run.end;
        let shared = end.min(self.run.end).saturating_sub(begin.max(self.run.start));
        self.found |= !flat && (inside || shared >= EQUAL / 2);
        if begin >= self.run.end {
            self.run = equal(self.data, self.run.end);
        }
    }
}

/// The first equal bytes behind `at` that are as many as [`EQUAL`]; none lie at the data's end.
fn equal(data: &[u8], at: usize) -> Range<usize> {
    let mut start = at;
    while let Some(byte) = data.get(start) {
        let end =
            data[start..].iter().position(|other| other != byte).map_or(data.len(), |count| start + count);
        if end - start >= EQUAL {
            return start..end;
        }
        start = end;
    }
    data.len()..data.len()
}

/// A block of a sequential scan: how much its mean differs from the one before, and whether it has nothing but a mean.
fn sequential(bits: &mut Bits, (dc, ac): Tables) -> Result<(i32, bool), Fault> {
    let length = bits.code(dc.ok_or(Fault::Invalid)?)?;
    let difference = bits.difference(length)?;
    let ac = ac.ok_or(Fault::Invalid)?;
    let mut at = 1;
    while at < 64 {
        let code = bits.code(ac)?;
        let (run, length) = (usize::from(code >> 4), u32::from(code & 15));
        if length == 0 && run < 15 {
            return Ok((difference, at == 1));
        }
        at += run + 1;
        if at > 64 {
            return Err(Fault::Invalid);
        }
        bits.take(length)?;
    }
    Ok((difference, false))
}

/// A block of a progressive scan; how much its mean differs, if that is told. `run` counts the blocks that have nothing more.
fn progressive(
    bits: &mut Bits,
    (dc, ac): Tables,
    band: Band,
    filled: &mut u64,
    run: &mut u32,
) -> Result<i32, Fault> {
    if band.from == 0 {
        return match band.before {
            0 => {
                let length = bits.code(dc.ok_or(Fault::Invalid)?)?;
                bits.difference(length)
            }
            // One more bit of a mean that was looked at before.
            _ => bits.take(1).map(|_| 0),
        };
    }
    let ac = ac.ok_or(Fault::Invalid)?;
    let refines = band.before > 0;
    let mut at = band.from;
    while *run == 0 && at <= band.to {
        let code = bits.code(ac)?;
        let (mut zeros, length) = (u32::from(code >> 4), u32::from(code & 15));
        if length == 0 && zeros < 15 {
            *run = (1 << zeros) + bits.take(zeros)?;
            break;
        }
        if !refines {
            at += zeros as usize;
        } else {
            if length > 1 {
                return Err(Fault::Invalid);
            }
            bits.take(length)?;
            // Zeros are counted; what was not zero before gets one more bit.
            while at <= band.to {
                if *filled >> at & 1 == 1 {
                    bits.take(1)?;
                } else if zeros == 0 {
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
        }
        if at > band.to {
            return Err(Fault::Invalid);
        }
        if length > 0 {
            if !refines {
                bits.take(length)?;
            }
            *filled |= 1 << at;
        }
        at += 1;
    }
    if *run > 0 {
        *run -= 1;
        if refines && at <= band.to {
            let mask = (u64::MAX >> (63 - band.to)) & (u64::MAX << at);
            for _ in 0..(*filled & mask).count_ones() {
                bits.take(1)?;
            }
        }
    }
    Ok(0)
}
