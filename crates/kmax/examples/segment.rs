//! Segments an image with the built-in model and writes it with its segments drawn over it:
//! `segment [IMAGE [OVERLAY]]`. Without arguments, that of the astronaut into `astronaut.overlay.png`.

use kmax::Segmenter;
use kmax::render::Overlay;
use std::env;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let astronaut = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/astronaut.png");
    let file = env::args().nth(1).unwrap_or_else(|| astronaut.into());
    let overlay = env::args().nth(2).unwrap_or_else(|| "astronaut.overlay.png".into());

    let segmenter = Segmenter::load("kmax-people")?;
    let image = kmax::read_image(file)?;
    let result = segmenter.segment(&image)?;

    let categories = &segmenter.config().categories;
    for segment in &result.segments {
        let name = categories.get(segment.category_id).map_or("?", |category| &category.name);
        let score = segment.score.unwrap_or_default();
        println!("{name}: {} pixels, score {score:.2}", segment.area);
    }
    Overlay::new(categories).draw(&image, &result)?.save(&overlay)?;
    println!("{overlay}");
    Ok(())
}
