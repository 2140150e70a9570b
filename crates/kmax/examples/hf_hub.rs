//! Segments an image with a model that the crate `hf-hub` fetches: `hf_hub OWNER/NAME [IMAGE]`.
//!
//! What is in the cache already is found there; only what is not is fetched.

use hf_hub::api::sync::ApiBuilder;
use hf_hub::{Cache, Repo};
use kmax::{Model, ModelRepo, Segmenter};
use std::error::Error;
use std::path::Path;

/// The names of what is seen on an image, from a repository that either client gives.
pub fn names(repo: &dyn ModelRepo, image: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let segmenter = Segmenter::builder(Model::from_repo(repo)?).build()?;
    let result = segmenter.segment(&kmax::read_image(image)?)?;
    let categories = &segmenter.config().categories;
    let name = |id| categories.get(id).map_or("?".into(), |category| category.name.clone());
    Ok(result.segments.iter().map(|segment| name(segment.category_id)).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let astronaut = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/images/astronaut.png");
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().ok_or("expected OWNER/NAME")?;
    let image = arguments.next().unwrap_or_else(|| astronaut.into());

    let cached = Cache::from_env().repo(Repo::model(name.clone()));
    let seen = match names(&cached, image.as_ref()) {
        Ok(seen) => seen,
        Err(_) => names(&ApiBuilder::from_env().build()?.model(name), image.as_ref())?,
    };
    println!("{}", seen.join(", "));
    Ok(())
}
