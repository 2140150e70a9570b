//! A dataset as a trainer reads it.

use std::sync::Arc;

use kmax_transforms::draw::below;
use kmax_transforms::train::TrainingExample;
use kmax_transforms::{Augmentation, Draw};

use super::Examples;
use super::order::SECOND;
use crate::annotated::Annotated;
use crate::error::Result;

/// A dataset with what is done to its images.
#[derive(Clone, Debug)]
pub struct TrainingSet {
    /// The images and labels.
    pub dataset: Arc<dyn Annotated>,
    /// What is done to them.
    pub augmentation: Augmentation,
}

impl TrainingSet {
    /// The image that copy-paste lays over another: any of the dataset, the other one included, as likely as each.
    fn second(&self, draw: Draw) -> usize {
        below(&mut draw.generator(SECOND), self.dataset.len())
    }
}

impl Examples for TrainingSet {
    type Example = TrainingExample;

    fn len(&self) -> usize {
        self.dataset.len()
    }

    fn example(&self, draw: Draw) -> Result<TrainingExample> {
        let target = self.dataset.sample(usize::try_from(draw.index).unwrap_or(usize::MAX))?;
        let second = self.augmentation.needs_second().then(|| self.dataset.sample(self.second(draw)));
        let second = second.transpose()?;
        Ok(self.augmentation.apply(&target, second.as_ref(), self.dataset.categories(), draw)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loader::{Loader, LoaderConfig, Position};
    use image::{Rgb, RgbImage};
    use kmax_masks::{Categories, Category, ImageId, LabelMap, Panoptic};
    use kmax_transforms::Sample;
    use kmax_transforms::augment::Fitted;
    use kmax_transforms::train::TrainTransform;
    use std::path::PathBuf;
    use std::sync::Mutex;

    /// Images of one thing whose blue is their place, and a list of those that were read.
    #[derive(Debug)]
    struct Fake {
        len: usize,
        categories: Categories,
        read: Mutex<Vec<usize>>,
    }

    impl Annotated for Fake {
        fn len(&self) -> usize {
            self.len
        }

        fn categories(&self) -> &Categories {
            &self.categories
        }

        fn id(&self, index: usize) -> Result<ImageId> {
            Ok((index as i64).into())
        }

        fn image_path(&self, _: usize) -> Result<PathBuf> {
            Ok(PathBuf::new())
        }

        fn panoptic(&self, _: usize) -> Result<Panoptic> {
            let map = LabelMap::filled(16, 16, 1).expect("16 x 16");
            Ok(Panoptic::from_map(map, |_| (3, false)))
        }

        fn digest(&self) -> Result<String> {
            Ok(String::new())
        }

        fn sample(&self, index: usize) -> Result<Sample> {
            self.read.lock().expect("not poisoned").push(index);
            let image = RgbImage::from_pixel(16, 16, Rgb([0, 0, index as u8]));
            Ok(Sample { image, panoptic: self.panoptic(index)?, image_id: self.id(index)? })
        }
    }

    fn set(len: usize, copy_paste: bool) -> (Arc<Fake>, Arc<TrainingSet>) {
        let thing =
            Category { id: 3, name: "cell".into(), isthing: true, color: [0; 3], supercategory: None };
        let categories = Categories::new(vec![thing]).expect("one");
        let fake = Arc::new(Fake { len, categories, read: Mutex::default() });
        let transform =
            TrainTransform { crop: [16, 16], scale: [1.0; 2], jitter: [0.0; 3], ..TrainTransform::default() };
        let augmentation = Augmentation::Fitted(Fitted { transform, policy: None, copy_paste });
        (fake.clone(), Arc::new(TrainingSet { dataset: fake, augmentation }))
    }

    #[test]
    fn any_image_may_be_the_second() -> Result<()> {
        let (_, set) = set(5, true);
        let mut seen = [[0; 5]; 5];
        for (index, epoch) in (0..5).flat_map(|index| (0..100).map(move |epoch| (index, epoch))) {
            let draw = Draw { seed: 1, epoch, index, copy: 0 };
            let example = set.example(draw)?;
            // The second lies over the first at the upper left, at half its size.
            let [second, first] = [0, 255].map(|at| example.image[2 * 256 + at] as usize);
            assert_eq!(first as u64, index);
            assert_eq!(example.segments.len(), 2);
            seen[first][second] += 1;
            assert!(example == set.example(draw)?, "equal draws give equal examples");
        }
        assert!(seen.as_flattened().iter().all(|count| (5..40).contains(count)), "{seen:?}");
        let copies = (0..20).map(|copy| set.second(Draw { seed: 1, epoch: 0, index: 0, copy }));
        assert!(copies.collect::<std::collections::BTreeSet<_>>().len() > 2, "a copy has a draw of its own");
        Ok(())
    }

    #[test]
    fn threads_do_not_change_the_second() -> Result<()> {
        let batches = |workers| -> Result<Vec<_>> {
            let config = LoaderConfig { batch: 2, workers, seed: 4, ..LoaderConfig::default() };
            Loader::new(set(6, true).1, config, Position::default())?.take(9).collect()
        };
        assert!(batches(1)? == batches(3)?);
        Ok(())
    }

    #[test]
    fn one_image_pastes_itself_and_none_is_read_in_vain() -> Result<()> {
        let draw = Draw { seed: 1, epoch: 0, index: 0, copy: 0 };
        let (fake, alone) = set(1, true);
        assert_eq!(alone.example(draw)?.segments.len(), 2);
        assert_eq!(*fake.read.lock().expect("not poisoned"), [0, 0]);
        let (fake, plain) = set(3, false);
        assert_eq!(plain.example(draw)?.segments.len(), 1);
        assert_eq!(*fake.read.lock().expect("not poisoned"), [0]);
        Ok(())
    }
}
