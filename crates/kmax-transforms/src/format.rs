//! What a file is, by its first bytes. Its name is never asked.

/// Bytes that tell what a file is.
pub(crate) const HEAD: u64 = 512;

/// A format that is read, or would be with a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Jpeg,
    Png,
    WebP,
    Tiff,
    Gif,
    Bmp,
    Pnm,
    JpegXl,
    Avif,
    Heic,
}

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A format of which this crate knows.
    Known(Format),
    /// Something else that has a name, and what to do about it.
    Other(&'static str, &'static str),
    /// No idea.
    Unknown,
}

const CONVERT: &str = "convert it to JPEG, PNG or TIFF";
const DEVELOP: &str = "develop it to JPEG, PNG or TIFF";
const FETCH: &str = "fetch the file itself";

/// First bytes of what people take for photos, or get in place of one.
const OTHERS: [(&[u8], &str, &str); 18] = [
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture", CONVERT),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture", CONVERT),
    (b"II\xbc", "a JPEG XR picture", CONVERT),
    (b"8BPS", "a Photoshop document", CONVERT),
    (b"%PDF", "a PDF document", CONVERT),
    (b"qoif", "a QOI picture", CONVERT),
    (b"\x76\x2f\x31\x01", "an OpenEXR picture", CONVERT),
    (b"#?RADIANCE", "a Radiance HDR picture", CONVERT),
    (b"DDS ", "a DDS texture", CONVERT),
    (b"\0\0\x01\0", "an icon", CONVERT),
    (b"FUJIFILMCCD-RAW", "a raw photo of a camera", DEVELOP),
    (b"IIRO", "a raw photo of a camera", DEVELOP),
    (b"IIU\0", "a raw photo of a camera", DEVELOP),
    (b"\0\x05\x16\x07", "what macOS keeps beside a file, not the file itself", "take the one without `._`"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "run `git lfs pull`"),
    (b"<!DOCTYPE html", "a web page", FETCH),
    (b"<html", "a web page", FETCH),
    (b"<svg", "an SVG drawing", CONVERT),
];

impl Kind {
    /// By the first [`HEAD`] bytes, or fewer.
    pub fn of(data: &[u8]) -> Self {
        if let Some(format) = Format::of(data) {
            return Self::Known(format);
        }
        if let Some(brands) = brands(data) {
            let film = brands.iter().any(|brand| matches!(*brand, b"isom" | b"mp42" | b"mp41" | b"qt  "));
            return if film { Self::Other("a film", "take a picture of it") } else { Self::Unknown };
        }
        let found = OTHERS.iter().find(|(magic, ..)| {
            data.get(..magic.len()).is_some_and(|start| start.eq_ignore_ascii_case(magic))
        });
        found.map_or(Self::Unknown, |&(_, name, advice)| Self::Other(name, advice))
    }
}

impl Format {
    fn of(data: &[u8]) -> Option<Self> {
        let long =
            |at: usize| -> Option<u32> { Some(u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?)) };
        match data {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => Some(Self::Tiff),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            // Two letters are few: the length of the second header tells.
            [b'B', b'M', ..] if matches!(long(14), Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124)) => {
                Some(Self::Bmp)
            }
            [b'P', b'1'..=b'7', third, ..] if third.is_ascii_whitespace() || *third == b'#' => {
                Some(Self::Pnm)
            }
            [0xff, 0x0a, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', b'\r', b'\n', 0x87, b'\n', ..] => {
                Some(Self::JpegXl)
            }
            _ => {
                let brands = brands(data)?;
                let has = |wanted: &[&[u8; 4]]| brands.iter().any(|brand| wanted.contains(brand));
                if has(&[b"avif", b"avis"]) {
                    Some(Self::Avif)
                } else if has(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]) {
                    Some(Self::Heic)
                } else {
                    None
                }
            }
        }
    }

    /// A picture of it, with its article.
    pub fn picture(self) -> String {
        let article = if self == Self::Avif { "an" } else { "a" };
        format!("{article} {} picture", self.name())
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
            Self::Tiff => "TIFF",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Pnm => "PNM",
            Self::JpegXl => "JPEG XL",
            Self::Avif => "AVIF",
            Self::Heic => "HEIC",
        }
    }
}

/// The brands of a file of boxes, the main one first.
pub(crate) fn brands(data: &[u8]) -> Option<Vec<&[u8; 4]>> {
    let length = u32::from_be_bytes(data.get(..4)?.try_into().ok()?) as usize;
    if data.get(4..8)? != b"ftyp" || length < 16 {
        return None;
    }
    let listed = data.get(16..length.min(data.len())).unwrap_or_default();
    let (others, _) = listed.as_chunks::<4>();
    Some(data.get(8..)?.first_chunk::<4>().into_iter().chain(others).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide() {
        let known = |data: &[u8]| match Kind::of(data) {
            Kind::Known(format) => format.name(),
            Kind::Other(name, _) => name,
            Kind::Unknown => "unknown",
        };
        assert_eq!(known(b"\0\0\0\x14ftypavif\0\0\0\0mif1"), "AVIF");
        // What libheif writes: the still picture's brand is among the others.
        assert_eq!(known(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"), "AVIF");
        assert_eq!(known(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "HEIC");
        assert_eq!(known(b"\0\0\0\x18ftypisom\0\0\0\0isommp41"), "a film");
        assert_eq!(known(b"P6\n1 1\n255\n"), "PNM");
        assert_eq!(known(b"P6 is a bar in Lisbon"), "PNM");
        assert_eq!(known(b"P6s and other names"), "unknown");
        assert_eq!(known(b"BMW drives"), "unknown");
        assert_eq!(known(b"<!doctype HTML><title>Not found"), "a web page");
        assert_eq!(known(b"\0\x05\x16\x07\0\x02\0\0Mac OS X"), OTHERS[13].1);
        assert_eq!(known(b""), "unknown");
        for end in 0..8 {
            assert_eq!(Kind::of(&b"\0\0\0\x18ftypheic"[..end]), Kind::Unknown);
        }
    }
}
