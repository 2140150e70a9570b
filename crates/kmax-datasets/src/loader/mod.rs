//! Examples in batches, made by several threads in an order that the threads do not change.

mod order;
mod pool;
mod share;
mod training;

use std::sync::Arc;

use kmax_transforms::Draw;

use crate::error::{Error, Result};
pub use order::RepeatFactors;
use pool::Pool;
pub use share::Share;
pub use training::TrainingSet;

/// Something that makes examples: a dataset with its transform.
pub trait Examples: Send + Sync + 'static {
    /// What is made.
    type Example: Send + 'static;

    /// The number of images.
    fn len(&self) -> usize;

    /// Whether there is no image.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Makes the example of image `draw.index`. Equal draws must give equal examples.
    ///
    /// # Errors
    /// If a file is damaged or missing.
    fn example(&self, draw: Draw) -> Result<Self::Example>;
}

/// Settings of a [`Loader`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoaderConfig {
    /// Examples a batch, those of all processes counted.
    pub batch: usize,
    /// Which of them are made here; otherwise all.
    pub share: Share,
    /// Threads.
    pub workers: usize,
    /// The most batches that wait, ready or in the making, beside the next one.
    pub ahead: usize,
    /// The seed of order and augmentation.
    pub seed: u64,
    /// Whether each epoch has an order of its own; otherwise that of the dataset.
    pub shuffle: bool,
    /// How often an epoch shows each image; otherwise once.
    pub repeat: Option<RepeatFactors>,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        Self { batch: 1, share: Share::default(), workers: 1, ahead: 2, seed: 0, shuffle: true, repeat: None }
    }
}

impl LoaderConfig {
    /// Batches of an epoch over `images` images.
    pub fn batches_per_epoch(&self, images: usize) -> usize {
        order::length(self, images).checked_div(self.batch).unwrap_or(0)
    }

    /// The position after `batches` batches over `images` images from the very beginning.
    pub fn position_after(&self, images: usize, batches: usize) -> Position {
        let per_epoch = self.batches_per_epoch(images).max(1);
        Position { epoch: (batches / per_epoch) as u64, batch: batches % per_epoch }
    }
}

/// A place in the endless sequence of batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The epoch, from 0.
    pub epoch: u64,
    /// The batch within it, from 0.
    pub batch: usize,
}

/// Some examples.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<T> {
    /// Where in the sequence this is.
    pub position: Position,
    /// As many examples as [`LoaderConfig::batch`] and its share say.
    pub examples: Vec<T>,
}

/// An endless iterator over batches, filled by a pool of threads.
///
/// The batches depend on the dataset, the seed and the position only. An epoch has `images / batch` batches, `images`
/// being the sum of the [`RepeatFactors`] if there are any; the few left over differ from epoch to epoch when
/// shuffled. Dropping the loader ends the threads.
pub struct Loader<E: Examples> {
    pool: Pool<E>,
    config: LoaderConfig,
    per_epoch: usize,
    next: Position,
}

impl<E: Examples> Loader<E> {
    /// Starts the threads at a position.
    ///
    /// # Errors
    /// If there are fewer images than a batch has, or not as many as repeat factors, the position is past the end of
    /// its epoch, a number is 0 that must not be, or no thread can be started.
    pub fn new(examples: Arc<E>, config: LoaderConfig, start: Position) -> Result<Self> {
        for (name, value) in [("batch", config.batch), ("workers", config.workers), ("ahead", config.ahead)] {
            if value == 0 {
                return Err(Error::setting(name, "must be at least 1"));
            }
        }
        config.share.check(config.batch)?;
        let images = examples.len();
        if config.repeat.as_ref().is_some_and(|repeat| repeat.factors().len() != images) {
            return Err(Error::setting("repeat", format!("needs a factor for each of the {images} images")));
        }
        let per_epoch = config.batches_per_epoch(images);
        if per_epoch == 0 {
            let reason = format!("{} images are fewer than one batch of {}", examples.len(), config.batch);
            return Err(Error::setting("batch", reason));
        }
        if start.batch >= per_epoch {
            let reason = format!("batch {} of an epoch of {per_epoch}", start.batch);
            return Err(Error::setting("start", reason));
        }
        let pool = Pool::start(examples, &config, start)?;
        Ok(Self { pool, per_epoch, config, next: start })
    }

    /// Where the next batch stands.
    pub fn position(&self) -> Position {
        self.next
    }
}

impl<E: Examples> Iterator for Loader<E> {
    type Item = Result<Batch<E::Example>>;

    /// The next batch, or the first error of one of its examples; either way the loader moves on.
    fn next(&mut self) -> Option<Self::Item> {
        let position = self.next;
        self.next = match position.batch + 1 {
            batch if batch == self.per_epoch => Position { epoch: position.epoch + 1, batch: 0 },
            batch => Position { batch, ..position },
        };
        // All are taken even after an error, so that the next batch begins at its own first example.
        let made: Vec<_> = (0..self.config.share.of(self.config.batch)).map(|_| self.pool.take()).collect();
        Some(made.into_iter().collect::<Result<_>>().map(|examples| Batch { position, examples }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// Gives its draw; image 13 is damaged, image 14 panics.
    struct Fake {
        len: usize,
        made: AtomicUsize,
    }

    impl Examples for Fake {
        type Example = (u64, u64, u64, u64);

        fn len(&self) -> usize {
            self.len
        }

        fn example(&self, draw: Draw) -> Result<Self::Example> {
            self.made.fetch_add(1, Ordering::SeqCst);
            // Late ones overtake early ones.
            std::thread::sleep(Duration::from_micros(draw.index * 37 % 200));
            assert_ne!(draw.index, 14, "out of luck");
            match draw.index {
                13 => Err(Error::setting("image", "13")),
                _ => Ok((draw.seed, draw.epoch, draw.index, draw.copy)),
            }
        }
    }

    fn loader(len: usize, config: LoaderConfig, start: Position) -> Result<Loader<Fake>> {
        Loader::new(Arc::new(Fake { len, made: AtomicUsize::new(0) }), config, start)
    }

    fn config(workers: usize) -> LoaderConfig {
        LoaderConfig { batch: 3, workers, seed: 9, ..LoaderConfig::default() }
    }

    #[test]
    fn threads_change_nothing_and_any_position_can_be_the_first() -> Result<()> {
        let all: Vec<_> = loader(11, config(1), Position::default())?.take(9).collect::<Result<_>>()?;
        let threaded: Vec<_> = loader(11, config(4), Position::default())?.take(9).collect::<Result<_>>()?;
        assert_eq!(all, threaded);
        assert_eq!(all[4].position, Position { epoch: 1, batch: 1 });
        let mut late = loader(11, config(2), all[4].position)?;
        assert_eq!(config(2).position_after(11, 4), all[4].position);
        assert_eq!(late.next().expect("endless")?, all[4]);
        assert_eq!(late.position(), all[5].position);
        // No image twice within an epoch, and another order in the next.
        let epoch = |batches: &[Batch<(u64, u64, u64, u64)>]| -> Vec<u64> {
            batches.iter().flat_map(|batch| batch.examples.iter().map(|example| example.2)).collect()
        };
        let mut first = epoch(&all[..3]);
        assert_ne!(first, epoch(&all[3..6]));
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 9);
        Ok(())
    }

    #[test]
    fn the_queue_is_bounded() -> Result<()> {
        let mut loader = loader(12, config(3), Position::default())?;
        loader.next().expect("endless")?;
        // Three are taken, and three batches of three may be ahead of them.
        let made = || loader.pool.examples().made.load(Ordering::SeqCst);
        while made() < 12 {
            std::thread::yield_now();
        }
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(made(), 12);
        Ok(())
    }

    #[test]
    fn ranks_share_the_batches_of_one_process() -> Result<()> {
        let whole = LoaderConfig { batch: 12, ..config(2) };
        // Images 13 and 14 would fail.
        let start = whole.position_after(13, 1);
        let all: Vec<_> = loader(13, whole.clone(), start)?.take(3).collect::<Result<_>>()?;
        for (ranks, parts) in [(2, 1), (3, 2), (4, 3)] {
            let each = (0..ranks).map(|rank| {
                loader(13, LoaderConfig { share: Share { rank, ranks, parts }, ..whole.clone() }, start)
            });
            let mut each = each.collect::<Result<Vec<_>>>()?;
            for batch in &all {
                let own =
                    each.iter_mut().map(|rank| rank.next().expect("endless").map(|batch| batch.examples));
                let own = own.collect::<Result<Vec<_>>>()?;
                // Each part is made of as many examples of each rank, in their order.
                let size = 12 / ranks / parts;
                let joined: Vec<_> = (0..parts)
                    .flat_map(|part| own.iter().flat_map(move |own| &own[part * size..][..size]))
                    .copied()
                    .collect();
                assert_eq!(joined, batch.examples);
            }
        }
        let unequal = LoaderConfig { share: Share { rank: 0, ranks: 5, parts: 1 }, ..whole };
        assert!(loader(13, unequal, start).is_err_and(|error| error.to_string().contains("5 processes")));
        Ok(())
    }

    #[test]
    fn errors_and_panics_come_at_their_place() -> Result<()> {
        let ordered = LoaderConfig { shuffle: false, ..config(2) };
        let batches: Vec<_> = loader(18, ordered, Position { epoch: 0, batch: 3 })?.take(3).collect();
        assert!(batches[0].as_ref().is_ok_and(|batch| batch.examples[0].2 == 9));
        assert!(batches[1].as_ref().is_err_and(|error| error.to_string() == "image: 13"));
        assert!(batches[2].as_ref().is_ok_and(|batch| batch.examples[2].2 == 17));
        let ordered = LoaderConfig { shuffle: false, batch: 1, ..config(2) };
        let error = loader(18, ordered, Position { epoch: 2, batch: 14 })?.next().expect("endless");
        let message = error.expect_err("a panic").to_string();
        assert!(message.contains("example 14 of epoch 2") && message.contains("out of luck"), "{message}");
        Ok(())
    }

    #[test]
    fn repeats_can_be_resumed_anywhere() -> Result<()> {
        let classes: Vec<_> = (0..11).map(|image| BTreeSet::from([image / 9])).collect();
        let repeat = Some(RepeatFactors::new(&classes, 1.0)?);
        let repeated = |workers| LoaderConfig { repeat: repeat.clone(), ..config(workers) };
        // Nine factors of sqrt(11 / 9) and two of sqrt(11 / 2).
        assert_eq!(repeated(1).batches_per_epoch(11), 4);
        let all: Vec<_> = loader(11, repeated(1), Position::default())?.take(12).collect::<Result<_>>()?;
        for (batches, expected) in all.iter().enumerate() {
            let start = repeated(1).position_after(11, batches);
            assert_eq!(&loader(11, repeated(3), start)?.next().expect("endless")?, expected);
        }
        // An image's copies are draws of their own.
        let mut epoch: Vec<_> = all[..4].iter().flat_map(|batch| &batch.examples).collect();
        epoch.sort_unstable();
        assert!(epoch.is_sorted_by(|a, b| a < b), "{epoch:?}");
        assert!(loader(10, repeated(1), Position::default()).is_err());
        Ok(())
    }

    #[test]
    fn settings_are_checked() {
        assert!(loader(2, config(1), Position::default()).is_err());
        assert!(loader(6, config(1), Position { epoch: 0, batch: 2 }).is_err());
        assert!(loader(6, config(0), Position::default()).is_err());
        assert!(loader(6, LoaderConfig { batch: 0, ..config(1) }, Position::default()).is_err());
    }
}
