//! The classes with their colours: `labelmap.txt`, or Pascal VOC's own.

use std::path::Path;

use super::super::text;
use super::colours::{number, of_place};
use crate::error::{Error, Result};

/// Pascal VOC's classes, in the order of their numbers from 0.
const VOC: [&str; 21] = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
];

/// Names with their colours, as numbers.
pub(super) type Table = Vec<(String, u32)>;

/// Pascal VOC's classes.
pub(super) fn voc() -> Table {
    by_place(VOC.into_iter().map(str::to_owned))
}

/// Classes with the colours of their places.
pub(super) fn by_place(names: impl Iterator<Item = String>) -> Table {
    (0..).zip(names).map(|(place, name)| (name, number(of_place(place)))).collect()
}

/// Whether a list of classes is one with colours.
pub(super) fn has_colours(file: &Path) -> bool {
    let is_one = |line: &str| line.split(':').nth(1).is_some_and(|colour| triple(colour.trim()).is_some());
    text::table(file).is_ok_and(|text| text.lines().any(is_one))
}

/// The classes of a `labelmap.txt`: `name:r,g,b:parts:actions`. One without a colour has that of its place.
///
/// # Errors
/// If a line is of another form, or two classes have one colour.
pub(super) fn read(file: &Path) -> Result<Table> {
    let mut table = Table::new();
    for (at, line) in text::lines(file)? {
        if line.starts_with('#') {
            continue;
        }
        let fail = |reason: String| Error::entry(file, format!("line {at}"), reason);
        let mut fields = line.split(':');
        let (name, colour) =
            (fields.next().unwrap_or_default().trim(), fields.next().unwrap_or_default().trim());
        let colour = match colour {
            "" => of_place(table.len() as u32),
            _ => triple(colour).ok_or_else(|| fail(format!("{colour:?} is no colour r,g,b")))?,
        };
        let colour = number(colour);
        if let Some((other, _)) = table.iter().find(|(_, known)| *known == colour) {
            return Err(fail(format!("{name:?} has the colour of {other:?}")));
        }
        table.push((name.to_owned(), colour));
    }
    Ok(table)
}

fn triple(text: &str) -> Option<[u8; 3]> {
    let channels: Vec<u8> =
        text.split(',').map(|channel| channel.trim().parse().ok()).collect::<Option<_>>()?;
    channels.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{Set, message};
    use super::*;

    #[test]
    fn a_line_is_a_name_and_a_colour() -> Result<()> {
        let read = |text: &str| read(&Set::new().text("l.txt", text).join("l.txt"));
        let table = read(
            "\u{feff}# label:color_rgb:parts:actions\r\nbackground:0,0,0::\r\ncat: 9, 8,7::\r\ndog:::\r\n",
        )?;
        assert_eq!(table[1], ("cat".into(), 0x09_08_07));
        assert_eq!(table[2], ("dog".into(), 0x00_80_00));
        assert!(message(read("a:1,2::")).contains("line 1: \"1,2\" is no colour"));
        assert!(message(read("a:1,2,256::")).contains("no colour"));
        assert!(message(read("a:1,2,3::\nb:1,2,3::")).contains("line 2: \"b\" has the colour of \"a\""));
        assert_eq!(voc()[20], ("tvmonitor".into(), 0x00_40_80));
        Ok(())
    }
}
