//! The picture of a segmentation: the image, tinted by segment, with contours and names.

use std::collections::HashMap;

use image::{Rgb, RgbImage};
use kmax_masks::{Categories, Category, LabelMap, Panoptic};

use crate::error::{Error, Result};
use crate::labels::{self, Labels};
use crate::{colors, contours};

/// The usual share of a thing's colour: 118 of 256.
const OPACITY: f32 = 118.0 / 256.0;
/// How much of stuff's colour there is for each 118 of a thing's, for it is mostly what things stand before.
const STUFF: u32 = 84;
/// The usual share of the picture that a segment needs to be drawn.
const LEAST: f64 = 0.001;

/// The usual largest width and height of a picture.
const LARGEST: u32 = 4096;

/// Draws segments over images: settings, and [`Self::draw`].
#[derive(Clone, Debug)]
pub struct Overlay<'a> {
    categories: &'a Categories,
    opacity: f32,
    labels: Labels,
    contours: bool,
    least: f64,
    largest: u32,
}

impl<'a> Overlay<'a> {
    /// The usual settings. `categories` give the segments' names and colours; a segment of no known class gets a colour of
    /// its own and no name.
    pub fn new(categories: &'a Categories) -> Self {
        let labels = Labels::default();
        Self { categories, opacity: OPACITY, labels, contours: true, least: LEAST, largest: LARGEST }
    }

    /// How much of the colour of things lies over the image, from 0 (none) to 1 (nothing but the colour); 0.46 if not set.
    /// Stuff has 0.7 times as much. Pixels of no segment, and those of the class `background`, are left as they are.
    pub fn with_opacity(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }

    /// What is written on segments: the names of their classes if not set; `true` and `false` are names and nothing. A name that
    /// finds no room stands beside its segment, with a line that leads there, or in a legend.
    pub fn with_labels(self, labels: impl Into<Labels>) -> Self {
        Self { labels: labels.into(), ..self }
    }

    /// The share of the picture's pixels that a segment needs to be drawn, 0 to 1; 0.001 if not set, 0 draws all.
    pub fn with_least_share(self, least: f64) -> Self {
        Self { least, ..self }
    }

    /// Whether a line runs around each segment; if not set, it does.
    pub fn with_contours(self, contours: bool) -> Self {
        Self { contours, ..self }
    }

    /// The largest width and height of the picture in pixels; a larger image is drawn smaller. 4096 if not set.
    pub fn with_largest(self, pixels: u32) -> Self {
        Self { largest: pixels, ..self }
    }

    /// Draws the segments of `panoptic` over `image`. Equal inputs give equal pictures.
    ///
    /// # Errors
    /// If image and map differ in size, the opacity is not in 0..1 or the largest size is 0.
    pub fn draw(&self, image: &RgbImage, panoptic: &Panoptic) -> Result<RgbImage> {
        self.check(image, panoptic)?;
        let (mut picture, map) = shown(image, &panoptic.map, self.largest)?;
        let mut colors = colors::choose(&map, &panoptic.segments, self.categories);
        self.retain_drawn(panoptic, &mut colors);
        let share = |of_118: u32| {
            let thing = (256.0 * self.opacity).round() as u32;
            ((thing * of_118 + 59) / 118).min(256)
        };
        let tints = panoptic.segments.iter().filter_map(|segment| {
            let is_thing = self.categories.is_thing(segment.category_id);
            let share = share(if is_thing { 118 } else { STUFF });
            Some((segment.id, (*colors.get(&segment.id)?, share)))
        });
        tint(&mut picture, &map, &tints.collect());
        if self.contours {
            // What is not drawn has no border either.
            let bordered = map.map(|id| if colors.contains_key(&id) { id } else { 0 });
            let length = picture.width().max(picture.height());
            contours::draw(&mut picture, &bordered, &colors, (length / 500).clamp(1, 6) as usize);
        }
        if self.labels != Labels::None {
            labels::write(&mut picture, &map, panoptic, self.categories, (self.labels, &colors));
        }
        Ok(picture)
    }

    /// Takes away the colours of what is not drawn: background, and what is too small.
    fn retain_drawn(&self, panoptic: &Panoptic, colors: &mut HashMap<u32, [u8; 3]>) {
        let least = self.least * panoptic.map.data().len() as f64;
        for segment in &panoptic.segments {
            let category = self.categories.get(segment.category_id);
            if (segment.area as f64) < least || category.is_some_and(Category::is_background) {
                colors.remove(&segment.id);
            }
        }
    }

    fn check(&self, image: &RgbImage, panoptic: &Panoptic) -> Result<()> {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let (map_width, map_height) = (panoptic.map.width(), panoptic.map.height());
        if (width, height) != (map_width, map_height) {
            return Err(Error::SizesDiffer { width, height, map_width, map_height });
        }
        if !(0.0..=1.0).contains(&self.opacity) {
            let reason = format!("must lie in 0..1, found {}", self.opacity);
            return Err(Error::Setting { name: "opacity", reason });
        }
        if !(0.0..=1.0).contains(&self.least) {
            let reason = format!("must lie in 0..1, found {}", self.least);
            return Err(Error::Setting { name: "least share", reason });
        }
        if self.largest == 0 {
            return Err(Error::Setting { name: "largest", reason: "must be at least a pixel".into() });
        }
        Ok(())
    }
}

/// Width and height of an image that is made smaller, if need be, until neither is above `largest` pixels; each is at least one.
pub fn size_within(image: &RgbImage, largest: u32) -> (u32, u32) {
    let (width, height) = image.dimensions();
    let longest = width.max(height);
    if longest <= largest {
        return (width, height);
    }
    let scaled = |length: u32| (u64::from(length) * u64::from(largest) / u64::from(longest)).max(1) as u32;
    (scaled(width), scaled(height))
}

/// Image and map in the size of the picture.
fn shown(image: &RgbImage, map: &LabelMap, largest: u32) -> Result<(RgbImage, LabelMap)> {
    let (width, height) = image.dimensions();
    let (w, h) = size_within(image, largest);
    if (w, h) == (width, height) {
        return Ok((image.clone(), map.clone()));
    }
    let picture = image::imageops::thumbnail(image, w, h);
    let at = |to: u32, from: u32, of: u32| (u64::from(to) * u64::from(from) / u64::from(of)) as usize;
    let data = (0..h).flat_map(|y| {
        let row = at(y, height, h);
        (0..w).map(move |x| map.get(at(x, width, w), row).unwrap_or(0))
    });
    Ok((picture, LabelMap::new(w as usize, h as usize, data.collect())?))
}

/// Lays over each segment its colour by its share of 256.
fn tint(picture: &mut RgbImage, map: &LabelMap, tints: &HashMap<u32, ([u8; 3], u32)>) {
    let (mut last, mut tint) = (0, tints.get(&0));
    for (Rgb(pixel), &id) in picture.pixels_mut().zip(map.data()) {
        if last != id {
            (last, tint) = (id, tints.get(&id));
        }
        let Some(&(over, share)) = tint else { continue };
        for (value, over) in pixel.iter_mut().zip(over) {
            *value = ((u32::from(*value) * (256 - share) + u32::from(over) * share) / 256) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::Segment;
    fn scene(width: usize, height: usize) -> (RgbImage, Panoptic, Categories) {
        let data = (0..width * height).map(|at| u32::from(at % width >= width / 2) + 1).collect();
        let map = LabelMap::new(width, height, data).expect("fits");
        let panoptic = Panoptic::from_map(map, |id| (id, false));
        let category = |id| Category {
            id,
            name: format!("class {id}"),
            isthing: id == 1,
            color: [90; 3],
            supercategory: None,
        };
        let categories = Categories::new(vec![category(1), category(2)]).expect("distinct");
        (RgbImage::from_pixel(width as u32, height as u32, Rgb([128; 3])), panoptic, categories)
    }

    #[test]
    fn neighbours_differ_and_a_line_parts_them() {
        let (image, panoptic, categories) = scene(400, 300);
        let picture = Overlay::new(&categories).draw(&image, &panoptic).expect("drawn");
        assert_eq!(picture.dimensions(), (400, 300));
        let (left, line, right) =
            (picture.get_pixel(20, 20).0, picture.get_pixel(199, 20).0, picture.get_pixel(380, 20).0);
        let distance = |a: [u8; 3], b: [u8; 3]| (0..3).map(|i| a[i].abs_diff(b[i])).max();
        assert!(distance(left, right) > Some(10), "{left:?} {right:?}");
        assert!(distance(left, line) > Some(40), "{left:?} {line:?}");
        // A name stands in each half: something there is nearly white and something nearly black.
        for half in [0..200u32, 200..400] {
            let values = || {
                half.clone()
                    .flat_map(|x| (0..300).map(move |y| (x, y)))
                    .map(|(x, y)| picture.get_pixel(x, y).0[0])
            };
            assert!(values().any(|value| value > 250) && values().any(|value| value < 60));
        }
    }

    #[test]
    fn backgrounds_and_void_are_left_alone() {
        let (image, panoptic, _) = scene(60, 40);
        let category = |id, name: &str, isthing| Category {
            id,
            name: name.into(),
            isthing,
            color: [90; 3],
            supercategory: None,
        };
        let background = category(1, "background", false);
        let categories = Categories::new(vec![background, category(2, "dog", true)]).expect("distinct");
        let map = panoptic.map.map(|id| if id == 1 { 1 } else { 0 });
        let of = |id: u32| Panoptic::from_map(map.map(|at| if at == 1 { id } else { 0 }), |id| (id, false));
        let drawn = |panoptic: &Panoptic| Overlay::new(&categories).draw(&image, panoptic).expect("drawn");
        assert_eq!(drawn(&of(1)), image);
        let dog = drawn(&of(2));
        assert_eq!(dog.get_pixel(50, 20), image.get_pixel(50, 20));
        assert_ne!(dog.get_pixel(10, 20), image.get_pixel(10, 20));
    }

    #[test]
    fn small_segments_are_named_beside_them_and_scores_on_request() {
        let data = (0..300 * 200).map(|at| u32::from((140..146).contains(&(at % 300)) && at / 300 / 6 == 16));
        let map = LabelMap::new(300, 200, data.collect()).expect("fits");
        let mut panoptic = Panoptic::from_map(map, |id| (id, false));
        panoptic.segments[0].score = Some(0.5);
        let (_, _, categories) = scene(4, 4);
        let image = RgbImage::from_pixel(300, 200, Rgb([128; 3]));
        let overlay = || Overlay::new(&categories).with_least_share(0.0);
        let changed = |overlay: Overlay| {
            let picture = overlay.draw(&image, &panoptic).expect("drawn");
            picture.pixels().zip(image.pixels()).filter(|(a, b)| a != b).count()
        };
        let (none, name) = (changed(overlay().with_labels(false)), changed(overlay()));
        assert!(none < 120 && name > none + 200, "{none} {name}");
        assert!(changed(overlay().with_labels(Labels::Score)) > name + 50);
    }

    #[test]
    fn any_size_can_be_drawn() {
        for (width, height) in [(1, 1), (1, 3000), (3000, 1), (5000, 20), (7, 9)] {
            let (image, panoptic, categories) = scene(width, height);
            let picture = Overlay::new(&categories).draw(&image, &panoptic).expect("drawn");
            assert!(picture.width() <= LARGEST && picture.height() <= LARGEST);
        }
        let (image, panoptic, categories) = scene(8, 8);
        let nothing = Panoptic::new(panoptic.map.map(|_| 0), Vec::<Segment>::new());
        Overlay::new(&categories).draw(&image, &nothing).expect("drawn");
    }

    #[test]
    fn settings_do_what_they_say_and_are_checked() {
        let (image, panoptic, categories) = scene(60, 40);
        let plain = || Overlay::new(&categories).with_labels(false).with_contours(false);
        assert_eq!(plain().with_opacity(0.0).draw(&image, &panoptic).expect("drawn"), image);
        let full = plain().with_opacity(1.0).draw(&image, &panoptic).expect("drawn");
        let colors = colors::choose(&panoptic.map, &panoptic.segments, &categories);
        assert_eq!(full.get_pixel(0, 0).0, colors[&1]);
        let small = plain().with_largest(30).draw(&image, &panoptic).expect("drawn");
        assert_eq!(small.dimensions(), (30, 20));
        // The left half is just large enough, or just too small.
        let some = plain().with_least_share(0.5).draw(&image, &panoptic).expect("drawn");
        assert_ne!(some, image);
        assert_eq!(plain().with_least_share(0.51).draw(&image, &panoptic).expect("drawn"), image);
        let wrong = [
            plain().with_opacity(1.5),
            plain().with_opacity(f32::NAN),
            plain().with_largest(0),
            plain().with_least_share(-1.0),
        ];
        for wrong in wrong {
            let error = wrong.draw(&image, &panoptic).expect_err("refused");
            assert_eq!(error.kind(), kmax_base::ErrorKind::InvalidArgument);
        }
        let error = plain().draw(&RgbImage::new(60, 41), &panoptic).expect_err("sizes differ");
        assert_eq!(error.to_string(), "the image has 60 x 41 pixels, its map 60 x 40");
    }
}
