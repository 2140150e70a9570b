//! The images that are shown, with their labels.

use std::collections::BTreeMap;

use kmax_datasets::{Annotated, ImageId};
use kmax_render::Overlay;
use rayon::prelude::*;

use super::choose::choose;
use super::labels::Labels;
use crate::error::{Error, Result};
use crate::page::Picture;
use crate::told::Told;

/// How often other images are taken for those that turn out to be damaged.
const ROUNDS: usize = 5;

/// An image and its labels, drawn.
#[derive(Debug)]
pub struct Drawn {
    /// What the dataset calls the image.
    pub id: ImageId,
    /// The image.
    pub photo: Picture,
    /// The image with its segments over it.
    pub overlay: Picture,
}

/// The images of a split that are shown, by their places.
#[derive(Debug, Default)]
pub struct Samples {
    /// Those that are drawn.
    pub drawn: BTreeMap<usize, Drawn>,
    /// Those that cannot be read.
    pub failed: BTreeMap<usize, Error>,
}

/// Chooses images and draws them. Those that cannot be read give way to others.
pub fn draw(
    dataset: &dyn Annotated,
    labels: &[std::result::Result<Labels, Error>],
    (wanted, edge): (usize, u32),
    told: &Told,
) -> Result<Samples> {
    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        let usable: Vec<Option<&Labels>> = (0..labels.len())
            .map(|index| labels[index].as_ref().ok().filter(|_| !samples.failed.contains_key(&index)))
            .collect();
        let chosen = choose(&usable, wanted);
        samples.drawn.retain(|index, _| chosen.binary_search(index).is_ok());
        let new: Vec<usize> = chosen.into_iter().filter(|index| !samples.drawn.contains_key(index)).collect();
        if new.is_empty() {
            break;
        }
        told.expect(new.len());
        let tried: Result<Vec<_>> =
            new.par_iter().map(|&index| told.part(|| (index, one(dataset, index, edge)))).collect();
        for (index, drawn) in tried? {
            match drawn {
                Ok(drawn) => drop(samples.drawn.insert(index, drawn)),
                Err(error) => drop(samples.failed.insert(index, error)),
            }
        }
    }
    Ok(samples)
}

fn one(dataset: &dyn Annotated, index: usize, edge: u32) -> Result<Drawn> {
    let sample = dataset.sample(index)?;
    let overlay =
        Overlay::new(dataset.categories()).with_largest(edge).draw(&sample.image, &sample.panoptic)?;
    Ok(Drawn {
        id: sample.image_id,
        photo: Picture::jpeg(&sample.image, edge)?,
        overlay: Picture::jpeg(&overlay, edge)?,
    })
}
