//! JPEG pictures: whether all their pixels are there.
//!
//! Decoders go on where a scan ends early or makes no sense, and fill in grey. Here the strict decoder comes first, and says.

use image::RgbImage;
use std::borrow::Cow;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// What the strict decoder said.
pub(crate) enum Verdict {
    /// Every row is there; with a note if something is odd all the same.
    Whole(RgbImage, Option<String>),
    /// Rows are missing.
    Cut(String),
    /// Something else is odd, and a lenient decoder may do; with a note if that is because of damage.
    Lenient(Option<String>),
}

/// The marker that ends a picture.
const END: [u8; 2] = [0xff, 0xd9];

/// Decodes strictly.
pub(crate) fn decode(data: &[u8]) -> Verdict {
    let ends = has_end(data);
    let whole = if ends { Cow::Borrowed(data) } else { Cow::Owned([data, &END].concat()) };
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&whole[..]), options);
    if let Err(error) = decoder.decode_headers() {
        return Verdict::Cut(error.to_string());
    }
    let plain = matches!(decoder.input_colorspace(), Some(ColorSpace::YCbCr | ColorSpace::RGB));
    match decoder.decode() {
        Ok(values) if (!ends || is_suspect(&values)) && !has_all_data(&values, &whole, options) => {
            Verdict::Cut("its scan ends before the last rows".into())
        }
        Ok(values) => {
            let note = (!ends).then(|| "its end marker is missing".into());
            let size = decoder.info().map(|info| (u32::from(info.width), u32::from(info.height)));
            let image = size.filter(|_| plain).and_then(|(w, h)| RgbImage::from_raw(w, h, values));
            match image {
                Some(image) => Verdict::Whole(image, note),
                // Grey or four colours: whole as well, but for others to convert.
                None => Verdict::Lenient(note),
            }
        }
        Err(_) if !ends => Verdict::Cut("it ends before its end marker".into()),
        // An end of the data, or an end marker among them.
        Err(error) if ["Premature end", "EOI"].iter().any(|end| format!("{error:?}").contains(end)) => {
            Verdict::Cut("its scan ends before the last rows".into())
        }
        Err(error) => {
            // Some libraries' messages have several lines.
            let reason = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            Verdict::Lenient(Some(format!("its scan is damaged ({reason}); parts of it may be wrong")))
        }
    }
}

/// Whether the last pixels are all the same, as the decoder makes missing ones.
fn is_suspect(values: &[u8]) -> bool {
    let mut pixels = values.rchunks_exact(3).take(32);
    let last = pixels.next();
    pixels.all(|pixel| Some(pixel) == last)
}

/// Whether those pixels come of data of their own: then more data behind them changes nothing.
fn has_all_data(values: &[u8], data: &[u8], options: DecoderOptions) -> bool {
    let Some(end) = data.windows(2).rposition(|pair| pair == END) else { return false };
    let more: Vec<u8> = (0..8192u32).map(|i| (i.wrapping_mul(37) % 251) as u8).collect();
    let longer = [&data[..end], &more, &END].concat();
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&longer[..]), options);
    decoder.decode().is_ok_and(|found| found == values)
}

/// Whether an end-of-image marker follows the first scan.
fn has_end(data: &[u8]) -> bool {
    let mut at = 2;
    // Segments before the scan are skipped by their length, for a thumbnail inside one has an end marker too.
    while let Some(&[0xff, marker]) = data.get(at..at + 2) {
        match marker {
            0xff => at += 1,
            0xda => return data[at..].windows(2).any(|pair| pair == END),
            0x01 | 0xd0..=0xd8 => at += 2,
            _ => match data.get(at + 2..at + 4) {
                Some(length) => at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2),
                None => return false,
            },
        }
    }
    false
}
