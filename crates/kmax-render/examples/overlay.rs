//! Draws a scene of three segments into `overlay.png`, or into the file named.

use kmax_render::{Categories, LabelMap, Overlay, Panoptic, RgbImage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (width, height) = (640usize, 480usize);
    let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        image::Rgb([90 + (x / 8) as u8, 120 + (y / 6) as u8, 160])
    });
    // A sky above a lawn, and a person in front of both.
    let segment = |x: usize, y: usize| match (x.abs_diff(320), y) {
        (0..=70, 150..=430) => 3,
        (_, 0..=260) => 1,
        _ => 2,
    };
    let data = (0..width * height).map(|at| segment(at % width, at / width)).collect();
    let map = LabelMap::new(width, height, data)?;
    let categories = Categories::coco_panoptic();
    let id = |name: &str| categories.by_name(name).map_or(0, |category| category.id);
    let classes = [id("sky-other-merged"), id("grass-merged"), id("person")];
    let panoptic = Panoptic::from_map(map, |segment| (classes[segment as usize - 1], false));

    let drawn = Overlay::new(&categories).with_opacity(0.5).draw(&image, &panoptic)?;
    let file = std::env::args().nth(1).unwrap_or_else(|| "overlay.png".into());
    drawn.save(&file)?;
    println!("{file}");
    Ok(())
}
