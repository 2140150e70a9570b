//! Changes of a file's bytes: such as a disk makes, and such as somebody would make who has read the reader.

use crate::random::Random;

/// Numbers at which integers end, and a few that are merely too large.
const NUMBERS: &[&str] = &[
    "0",
    "-1",
    "1",
    "255",
    "256",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "-2147483649",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "2305843009213693952",
    "1e308",
    "1e999",
    "-0.0",
    "1e-320",
    "NaN",
    "-Infinity",
    "0.5",
    "100000",
    "1000000000",
];

/// What may stand where another value is expected.
const VALUES: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"x\"",
    "[[]]",
    "[null]",
    "{\"a\":1}",
    "\"../../../etc/passwd\"",
    "\"/dev/zero\"",
    "\"a\\u0000b\"",
    "\"\\u001b[2J\\n\"",
    "\"\\ud800\"",
    "\"con\"",
    "\".\"",
    "[1,2,3]",
    "[1e999]",
    "-5",
];

/// Changes `bytes` in one to four ways. `others` are files to take pieces of.
pub fn mutate(bytes: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for _ in 0..1 + random.below(4) {
        // Half of the changes are of text, where there is any.
        let text = bytes.iter().take(4096).all(|byte| *byte != 0) && random.below(4) > 0;
        if text {
            of_text(&mut changed, random)
        } else {
            of_bytes(&mut changed, others, random)
        }
        changed.truncate(1 << 20);
    }
    changed
}

fn of_bytes(bytes: &mut Vec<u8>, others: &[Vec<u8>], random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(9) {
        0 => bytes.truncate(at),
        1 => {
            let bit = 1 << random.below(8);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bit);
        }
        2 => {
            let value = *random.pick(&[0, 1, 0x7f, 0x80, 0xff, b'"', b'\n']);
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = value);
        }
        3 => {
            let value = *random.pick(&[0_u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, 0xffff, 0x0001_0000]);
            let value = if random.below(2) == 0 { value.to_le_bytes() } else { value.to_be_bytes() };
            bytes.iter_mut().skip(at).zip(value).for_each(|(byte, value)| *byte = value);
        }
        4 => {
            let end = (at + random.below(64)).min(bytes.len());
            bytes.drain(at..end);
        }
        5 => {
            let piece = bytes[at..(at + random.below(256)).min(bytes.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        6 => {
            let other = random.pick(others);
            let from = random.below(other.len());
            let piece = other[from..(from + random.below(512)).min(other.len())].to_vec();
            bytes.splice(at..at, piece);
        }
        7 => {
            let length = random.below(1 << 12);
            bytes.splice(at..at, std::iter::repeat_n(random.next() as u8, length));
        }
        // The head of most formats holds what sizes are made of.
        _ => {
            let at = random.below(bytes.len().min(64));
            bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.next() as u8);
        }
    }
}

fn of_text(bytes: &mut Vec<u8>, random: &mut Random) {
    let Some(token) = token(bytes, random) else { return };
    let long = || "x".repeat(300_000).into_bytes();
    let new: Vec<u8> = match random.below(8) {
        0..3 => random.pick(NUMBERS).as_bytes().to_vec(),
        3..5 => random.pick(VALUES).as_bytes().to_vec(),
        5 => {
            let depth = 1 + random.below(5000);
            [vec![b'['; depth], vec![b']'; depth]].concat()
        }
        6 => [&b"\""[..], &long(), b"\""].concat(),
        // The token twice over, and often.
        _ => {
            let separator = *random.pick(b",\n ");
            let token = &bytes[token.clone()];
            let times = (1 << 18) / (token.len() + 1);
            (0..1 + random.below(times)).flat_map(|_| [token, &[separator]].concat()).collect()
        }
    };
    bytes.splice(token, new);
}

/// A number, a word, or a text in quotes with them.
fn token(bytes: &[u8], random: &mut Random) -> Option<std::ops::Range<usize>> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-+._\"/".contains(&byte);
    let from = random.below(bytes.len());
    let start =
        (from..bytes.len()).find(|at| is_part(bytes[*at]) && (*at == 0 || !is_part(bytes[*at - 1])))?;
    let end = (start..bytes.len()).find(|at| !is_part(bytes[*at])).unwrap_or(bytes.len());
    Some(start..end)
}
