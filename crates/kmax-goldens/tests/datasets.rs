//! The shared datasets through the readers, the trainer's augmentation and the loader.

use std::path::Path;
use std::sync::Arc;

use kmax_datasets::coco::CocoPanoptic;
use kmax_datasets::loader::{Loader, LoaderConfig, Position, TrainingSet};
use kmax_transforms::train::TrainTransform;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn clothing(shared: &Path, split: &str) -> kmax_datasets::Result<CocoPanoptic> {
    let folder = shared.join("datasets/clothing");
    let (json, pngs) =
        (folder.join(format!("panoptic_{split}.json")), folder.join(format!("panoptic_{split}")));
    CocoPanoptic::open(json, folder.join(split), pngs)
}

fn every_validation_sample_of_the_clothing_set_is_whole() -> Outcome {
    let Some(shared) = kmax_goldens::shared("datasets/clothing") else { return Ok(()) };
    let data = clothing(&shared, "val")?;
    assert_eq!((data.len() > 50, data.categories().len()), (true, 16));
    for index in 0..data.len() {
        let sample = data.sample(index)?;
        let mut measured = sample.panoptic.clone();
        measured.measure();
        assert_eq!(measured, sample.panoptic, "areas and boxes of image {}", sample.image_id);
    }
    Ok(())
}

fn the_loader_gives_the_same_batches_on_any_number_of_threads() -> Outcome {
    let Some(shared) = kmax_goldens::shared("datasets/clothing") else { return Ok(()) };
    let dataset = clothing(&shared, "train")?;
    assert_eq!(dataset.len(), 804);
    let transform = TrainTransform { crop: [256, 192], scale: [0.7, 1.6], ..TrainTransform::default() };
    let set = Arc::new(TrainingSet { dataset: Arc::new(dataset), augmentation: transform.into() });
    let config = |workers| LoaderConfig { batch: 4, workers, seed: 3, ..LoaderConfig::default() };
    let mut one = Loader::new(set.clone(), config(1), Position { epoch: 0, batch: 200 })?;
    let mut two = Loader::new(set.clone(), config(2), Position { epoch: 0, batch: 199 })?;
    assert_eq!(config(2).batches_per_epoch(804), 201);
    two.next().ok_or("the loader is endless")??;
    for _ in 0..3 {
        let (left, right) = (one.next().ok_or("endless")??, two.next().ok_or("endless")??);
        assert_eq!(left, right);
        for example in &left.examples {
            assert!(!example.segments.is_empty());
            // A few photos have a few void pixels; padding is void as well.
            let labelled = example.labels.data().iter().filter(|id| **id != 0).count();
            let shown = example.real_height * example.real_width;
            assert_eq!(example.segments.iter().map(|s| s.area).sum::<u64>(), labelled as u64);
            assert!(labelled <= shown && labelled * 100 > shown * 99, "{labelled} of {shown} pixels");
        }
    }
    assert_eq!(one.position(), Position { epoch: 1, batch: 2 });
    Ok(())
}

kmax_goldens::tests!(
    every_validation_sample_of_the_clothing_set_is_whole,
    the_loader_gives_the_same_batches_on_any_number_of_threads
);
