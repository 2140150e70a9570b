//! Pictures that are part of the page.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::thumbnail;
use image::{ExtendedColorType, RgbImage};

use super::html::Html;
use crate::error::{Error, Result};

/// Good enough to see the teeth of a label's edge, at a tenth of what PNG takes.
const QUALITY: u8 = 82;

/// The range of the longer edge of a picture.
const EDGES: std::ops::RangeInclusive<u32> = 32..=4096;

/// A picture as a file in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    jpeg: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} x {}, {} bytes)", self.width, self.height, self.jpeg.len())
    }
}

/// `Ok` if pictures can be drawn with so long an edge.
pub fn edge_is_fine(edge: u32) -> Result<()> {
    if EDGES.contains(&edge) {
        return Ok(());
    }
    let reason = format!("must lie in {} to {} pixels, found {edge}", EDGES.start(), EDGES.end());
    Err(Error::Setting { name: "edge", reason })
}

impl Picture {
    /// A JPEG of the image, made smaller until its longer edge has `edge` pixels.
    pub fn jpeg(image: &RgbImage, edge: u32) -> Result<Self> {
        edge_is_fine(edge)?;
        let image = fitted(image, edge);
        let (width, height) = image.dimensions();
        Ok(Self { width, height, jpeg: encoded(&image)? })
    }

    /// Bytes of the file.
    pub fn len(&self) -> usize {
        self.jpeg.len()
    }

    /// An `img` that holds the picture; `alt` says what it shows to those who cannot see it.
    pub fn html(&self, alt: &str) -> Html {
        let data = format!("data:image/jpeg;base64,{}", STANDARD.encode(&self.jpeg));
        let (width, height) = (self.width.to_string(), self.height.to_string());
        let attributes = [
            ("src", data.as_str()),
            ("alt", alt),
            ("width", &width),
            ("height", &height),
            ("loading", "lazy"),
        ];
        Html::void("img", &attributes)
    }
}

/// The image, made smaller until its longer edge has `edge` pixels: as large as an [`Overlay`](kmax_render::Overlay) of that size.
pub fn fitted(image: &RgbImage, edge: u32) -> Cow<'_, RgbImage> {
    match kmax_render::size_within(image, edge) {
        size if size == image.dimensions() => Cow::Borrowed(image),
        (width, height) => Cow::Owned(thumbnail(image, width, height)),
    }
}

/// The file of a picture.
pub fn encoded(image: &RgbImage) -> Result<Vec<u8>> {
    let (width, height) = image.dimensions();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, QUALITY)
        .encode(image, width, height, ExtendedColorType::Rgb8)
        .map_err(|source| Error::Picture { width, height, source })?;
    Ok(jpeg)
}

/// Pictures of one image beside each other, or one above the other if they are wide, each with its caption. A click shows them as
/// large as the window.
pub fn beside(pictures: &[(&'static str, &Picture)], image: &str) -> Html {
    let wide = pictures.first().is_some_and(|(_, picture)| picture.width > picture.height);
    let shown = |(caption, picture): &(&'static str, &Picture)| {
        let drawn = picture.html(&format!("{caption} of image {image}"));
        Html::of_class("span", "picture", drawn.with(Html::of_class("span", "caption", *caption)))
    };
    let enlarge = format!("enlarge image {image}");
    let switch = Html::void("input", &[("type", "checkbox"), ("aria-label", &enlarge)]);
    let class = if wide { "pictures stacked" } else { "pictures" };
    Html::of_class("label", class, switch.with(pictures.iter().map(shown).collect::<Html>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_bounded_and_keep_their_shape() -> Result<()> {
        let image = RgbImage::from_fn(300, 900, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let picture = Picture::jpeg(&image, 90)?;
        assert_eq!((picture.width, picture.height), (30, 90));
        assert!(picture.len() < 30 * 90 * 3);
        let small = Picture::jpeg(&image, 1000)?;
        assert_eq!((small.width, small.height), (300, 900));
        let thin = Picture::jpeg(&RgbImage::new(1, 4000), 100)?;
        assert_eq!((thin.width, thin.height), (1, 100));
        let html = picture.html("a \"b\"").into_string();
        assert!(
            html.starts_with("<img src=\"data:image/jpeg;base64,/9j/") && html.contains("a &quot;b&quot;")
        );
        Ok(())
    }

    #[test]
    fn a_picture_that_nobody_could_see_or_load_is_refused() {
        for edge in [0, 31, 5000] {
            let error = Picture::jpeg(&RgbImage::new(4, 4), edge).expect_err("refused");
            assert_eq!(error.kind(), crate::ErrorKind::InvalidArgument);
        }
        assert!(Picture::jpeg(&RgbImage::new(0, 4), 100).is_err());
    }
}
