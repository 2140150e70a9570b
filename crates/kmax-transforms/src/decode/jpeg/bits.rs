//! Bits of entropy-coded data, and the Huffman codes in them (ITU T.81, annexes C and F).

/// Bits between two markers.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    /// The next byte.
    at: usize,
    held: u64,
    count: u32,
}

/// There are no more bits before the next marker, or they are no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Short,
    Invalid,
}

impl<'a> Bits<'a> {
    pub fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, held: 0, count: 0 }
    }

    /// Fills up to 32 bits or more, as far as the data go.
    #[inline]
    fn fill(&mut self) {
        // Four bytes at once, if none of them may be a marker.
        if self.count <= 24
            && let Some(four) = self.data.get(self.at..).and_then(|data| data.first_chunk::<4>())
            && !four.contains(&0xff)
        {
            self.held = self.held << 32 | u64::from(u32::from_be_bytes(*four));
            self.count += 32;
            self.at += 4;
            return;
        }
        while self.count <= 48 {
            let byte = match self.data.get(self.at..) {
                // A byte 0xff of the data has a 0 behind it; anything else is a marker.
                Some([0xff, 0, ..]) => {
                    self.at += 2;
                    0xff
                }
                Some([byte, ..]) if *byte != 0xff => {
                    self.at += 1;
                    *byte
                }
                _ => return,
            };
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }

    /// The next bits, at most 16, with zeros where there are none; without taking them.
    #[inline]
    fn peek(&mut self, bits: u32) -> u32 {
        if self.count < bits {
            self.fill();
        }
        let held = if self.count < bits {
            self.held << (bits - self.count)
        } else {
            self.held >> (self.count - bits)
        };
        held as u32 & ((1 << bits) - 1)
    }

    #[inline]
    fn skip(&mut self, bits: u32) -> Result<(), Fault> {
        self.count = self.count.checked_sub(bits).ok_or(Fault::Short)?;
        Ok(())
    }

    /// Takes up to 16 bits as a number.
    #[inline]
    pub fn take(&mut self, bits: u32) -> Result<u32, Fault> {
        let value = self.peek(bits);
        self.skip(bits)?;
        Ok(value)
    }

    /// Takes the difference of two neighbours, of so many bits: the lower half of their values is negative.
    #[inline]
    pub fn difference(&mut self, bits: u8) -> Result<i32, Fault> {
        if bits > 15 {
            return Err(Fault::Invalid);
        }
        let value = self.take(bits.into())? as i32;
        let half = (1 << bits) >> 1;
        Ok(if value < half { value - 2 * half + 1 } else { value })
    }

    /// Takes a code.
    #[inline]
    pub fn code(&mut self, table: &Huffman) -> Result<u8, Fault> {
        let ahead = self.peek(16);
        let (length, symbol) = table.find(ahead);
        // Zeros that are none of the data make no sense: the data end here.
        if length == 0 {
            return Err(if self.count < 16 { Fault::Short } else { Fault::Invalid });
        }
        self.skip(length.into())?;
        Ok(symbol)
    }

    /// Where the next bit is, in bytes of the data; up to a few bytes early where some of them are escaped.
    #[inline]
    pub fn place(&self) -> usize {
        self.at.saturating_sub(self.count as usize / 8)
    }

    /// Ends an interval: how many whole bytes are left over before the next marker, and where that is.
    pub fn rest(mut self) -> (usize, usize) {
        let mut left = self.count as usize / 8;
        // Zeros behind the picture are padding that some cameras leave.
        let padding = self.held & ((1u64 << (8 * left)) - 1) == 0;
        let mut zeros = padding;
        loop {
            match self.data.get(self.at..) {
                Some([0xff, 0, ..]) => (self.at, left, zeros) = (self.at + 2, left + 1, false),
                Some([0xff, 0xff, ..]) => self.at += 1,
                Some([byte, ..]) if *byte != 0xff => {
                    (self.at, left, zeros) = (self.at + 1, left + 1, zeros && *byte == 0);
                }
                _ => return (if zeros { 0 } else { left }, self.at),
            }
        }
    }
}

/// A Huffman table.
pub(super) struct Huffman {
    /// Length and symbol of the codes of up to 8 bits, by the next 8 bits; length 0 for longer ones.
    short: Vec<(u8, u8)>,
    /// For each length from 9 on: the first code beyond it, left-aligned in 16 bits, and what leads from a code to its symbol.
    long: [(u32, i32); 8],
    symbols: Vec<u8>,
}

impl Huffman {
    /// From the number of codes of each length and the symbols; `None` if there are more codes than fit.
    pub fn new(counts: &[u8; 16], symbols: &[u8]) -> Option<Self> {
        let mut short = vec![(0, 0); 256];
        let mut long = [(0, 0); 8];
        let (mut code, mut at) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            if code + u32::from(count) > 1 << length {
                return None;
            }
            let first = at as i32 - code as i32;
            for symbol in symbols.get(at..at + usize::from(count))? {
                if length <= 8 {
                    let from = (code << (8 - length)) as usize;
                    short[from..from + (1 << (8 - length))].fill((length as u8, *symbol));
                }
                code += 1;
            }
            at += usize::from(count);
            if let Some(entry) = (length as usize).checked_sub(9).and_then(|index| long.get_mut(index)) {
                *entry = (code << (16 - length), first);
            }
            code <<= 1;
        }
        Some(Self { short, long, symbols: symbols[..at].to_vec() })
    }

    /// Length and symbol of the code that begins the next 16 bits; length 0 if none does.
    #[inline]
    fn find(&self, ahead: u32) -> (u8, u8) {
        let found = self.short[(ahead >> 8) as usize];
        if found.0 > 0 {
            return found;
        }
        for (length, (beyond, first)) in (9u8..).zip(self.long) {
            if ahead < beyond {
                let index = (ahead >> (16 - length)) as i32 + first;
                let symbol = usize::try_from(index).ok().and_then(|index| self.symbols.get(index));
                return symbol.map_or((0, 0), |symbol| (length, *symbol));
            }
        }
        (0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_every_length_are_found() {
        // One code of each length: 0, 10, 110, and so on.
        let symbols: Vec<u8> = (1..=16).collect();
        let table = Huffman::new(&[1; 16], &symbols).expect("a table");
        for length in 1..=16u32 {
            let ahead = 0xffff_u32 << (17 - length) & 0xffff;
            assert_eq!(table.find(ahead), (length as u8, length as u8), "{length}");
        }
        assert_eq!(table.find(0xffff), (0, 0));
        assert!(Huffman::new(&[3; 16], &[0; 48]).is_none() && Huffman::new(&[1; 16], &[0; 15]).is_none());
    }

    #[test]
    fn bits_end_at_a_marker() {
        let mut bits = Bits::new(&[0xa5, 0xff, 0, 0x80, 0xff, 0xd9], 0);
        assert_eq!((bits.take(4), bits.take(12), bits.take(1)), (Ok(10), Ok(0x5ff), Ok(1)));
        assert_eq!(bits.take(16), Err(Fault::Short));
        // The seven bits behind the last are padding.
        let mut bits = Bits::new(&[0xa5, 0x3f, 0xff, 0xff, 0xd9], 0);
        assert_eq!((bits.take(10), bits.rest()), (Ok(0x294), (0, 3)));
        assert_eq!(Bits::new(&[1, 2, 0xff, 0xd9], 0).rest(), (2, 2));
        assert_eq!(Bits::new(&[0, 0, 0xff, 0xd9], 0).rest(), (0, 2));
    }
}
