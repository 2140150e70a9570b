//! What is done with each photo, by whichever thread has time.

use super::answer::{Answer, Seen};
use super::arguments::{Arguments, Task};
use super::batches::Batches;
use super::explained;
use super::flow::{Early, Width};
use super::profile::READING;
use super::results::{Entries, Results};
use super::tiled::{self, Tiled};
use crate::exit::{Code, Failure, Kinded, Outcome};
use crate::output::{detail, remark};
use crate::photos::Input;
use image::RgbImage;
use kmax::profile::stage;
use kmax::{Bands, ImageError, Prepared, Segmenter};
use kmax_base::ErrorKind;
use kmax_store::Stamp;
use kmax_transforms::{Picture, Reading, decode_picture};
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Pixels above which a photo is not read ahead of its turn, however much memory there is.
const LARGE: u64 = 64_000_000;

/// What all photos have in common.
pub struct Photos<'a> {
    arguments: &'a Arguments,
    segmenter: &'a Segmenter,
    results: &'a Results,
    /// How those are read that others are in memory with.
    shared: Reading,
    /// Whether there are several.
    several: bool,
    /// Whether somebody wants to stop.
    stop: &'a AtomicBool,
    /// Why no photo can be read any more.
    fault: OnceLock<String>,
}

/// A photo that waits for the network.
pub enum Read {
    Whole { photo: Photo, input: Prepared },
    Tiled { file: String, tiled: Tiled, note: Option<String>, begun: Instant },
}

/// A photo in memory.
pub struct Photo {
    /// Its file, for what is told about it.
    file: String,
    image: RgbImage,
    /// What was odd about its file.
    note: Option<String>,
    begun: Instant,
}

/// A photo whose results are written.
pub struct Done {
    pub answer: Answer,
    pub entries: Entries,
    /// What a store says of the last result.
    pub stamp: Option<Stamp>,
    pub note: Option<String>,
}

impl<'a> Photos<'a> {
    /// `width` is how many are in memory at once.
    pub fn new(
        arguments: &'a Arguments,
        segmenter: &'a Segmenter,
        results: &'a Results,
        (width, several): (Width, bool),
        stop: &'a AtomicBool,
    ) -> Self {
        let shared = segmenter.reading_beside(width.others()).with_pixels(LARGE);
        Self { arguments, segmenter, results, shared, several, stop, fault: OnceLock::new() }
    }

    /// Why no photo can be read or written any more: its store is to blame.
    pub fn fault(&self) -> Option<Failure> {
        let fault = self.fault.get().map(|fault| Failure::new(Code::Input, fault));
        fault.or_else(|| self.results.fault())
    }

    /// Reads a photo and brings it to the network's size.
    pub fn read(&self, input: &Input, alone: bool) -> Early<Outcome<Read>> {
        if let Some(reason) = &input.refused {
            return Early::Read(Err(Failure::new(Code::Input, reason)));
        }
        // Standard input can be read once.
        if input.stdin && !alone {
            return Early::Alone;
        }
        let (file, begun) = (input.file.display().to_string(), Instant::now());
        let tiling = |size| tiled::tiling(self.arguments, self.segmenter, size);
        // A photo in tiles may be larger than memory: it is not read here.
        if input.is_file()
            && self.segmenter.may_cut()
            && let Some(tiling) = tiled::size(self.segmenter, input).and_then(tiling)
        {
            if !alone {
                return Early::Alone;
            }
            let opened = Tiled::open(self.arguments, self.segmenter, input, tiling);
            let tiled = |tiled| Read::Tiled { file, tiled, note: None, begun };
            return Early::Read(opened.map(tiled).map_err(|error| Failure::of(&error)));
        }
        let reading = if alone { self.segmenter.reading() } else { self.shared };
        let reading = reading.with_background(self.arguments.background);
        let fetched = match stage("fetching photos", || input.fetch()) {
            Ok(fetched) => fetched,
            Err(kmax_store::Error::Memory { .. }) if !alone => return Early::Alone,
            Err(error) => {
                if error.is_of_the_store() {
                    let _ = self.fault.set(error.to_string());
                }
                return Early::Read(Err(Failure::of(&error)));
            }
        };
        let read = || match &fetched {
            Some(data) => decode_picture(data, &input.file, &reading),
            None => input.read(&reading),
        };
        let picture = match stage(READING, read) {
            Ok(picture) => picture,
            Err(ImageError::Memory { .. } | ImageError::TooLarge { .. }) if !alone => return Early::Alone,
            Err(error) => return Early::Read(Err(Failure::of(&error))),
        };
        let Picture { image, note, .. } = picture;
        if let Some(tiling) = tiling(image.dimensions()) {
            if !alone {
                return Early::Alone;
            }
            let tiled = Tiled::of(Bands::from(image), tiling);
            return Early::Read(Ok(Read::Tiled { file, tiled, note, begun }));
        }
        let prepared = stage("preprocessing", || self.segmenter.prepare(&image));
        let photo = Photo { file, image, note, begun };
        Early::Read(match prepared {
            Ok(input) => Ok(Read::Whole { photo, input }),
            Err(error) => Err(of(&photo.file, &error)),
        })
    }

    /// What the network says about photos.
    pub fn seen(&self, batches: &mut Batches, read: Vec<Read>) -> Vec<Outcome<(Photo, Seen)>> {
        let (mut photos, mut inputs) = (Vec::new(), Vec::new());
        for read in read {
            match read {
                Read::Whole { photo, input } => {
                    photos.push(photo);
                    inputs.push(input);
                }
                // It was read alone, and is alone here.
                Read::Tiled { file, tiled, note, begun } => {
                    return vec![self.tiles(file, tiled, note, begun)];
                }
            }
        }
        if self.arguments.explain.is_some() {
            let explained = |photo: Photo| {
                let explanation =
                    self.segmenter.explain(&photo.image).map_err(|error| of(&photo.file, &error))?;
                Ok((photo, Seen::Explanation(Box::new(explanation))))
            };
            return photos.into_iter().map(explained).collect();
        }
        let on_device = self.arguments.task == Task::Panoptic && self.segmenter.assigns_on_device();
        let network = |inputs: &[Prepared]| -> kmax::Result<Vec<Seen>> {
            if on_device {
                let made = self.segmenter.segment_prepared(inputs)?;
                return Ok(made.into_iter().map(|made| Seen::Segments(Box::new(made))).collect());
            }
            Ok(self.segmenter.predict_prepared(inputs)?.into_iter().map(Seen::Prediction).collect())
        };
        let memory = |error: &kmax::Error| error.kind() == ErrorKind::OutOfMemory;
        let smaller =
            |error: &kmax::Error, most| remark(&format!("note: {error}: going on with {most} at once"));
        let seen = batches.run(&inputs, network, memory, smaller).into_iter();
        let result = |(photo, seen): (Photo, kmax::Result<_>)| match seen {
            Ok(seen) => Ok((photo, seen)),
            Err(error) => Err(of(&photo.file, &error)),
        };
        photos.into_iter().zip(seen).map(result).collect()
    }

    /// What the network says about the tiles of a photo.
    fn tiles(
        &self,
        file: String,
        tiled: Tiled,
        note: Option<String>,
        begun: Instant,
    ) -> Outcome<(Photo, Seen)> {
        let segmented = tiled.segment(self.arguments, self.segmenter, (&file, self.several), self.stop);
        let (image, joined, odd) = segmented.map_err(|error| of(&file, &error))?;
        let photo = Photo { file, image, note: note.or(odd), begun };
        Ok((photo, Seen::Tiles(Box::new(joined))))
    }

    /// Writes what was found in a photo.
    pub fn write(&self, input: &Input, (photo, seen): (Photo, Seen)) -> Outcome<Done> {
        let config = self.segmenter.config();
        let Photo { file, image, note, begun } = photo;
        let answer = Answer::new(self.arguments, config, input, seen).map_err(|e| of(&file, &e))?;
        let overlay = self.arguments.overlay(&config.categories, answer.whole());
        if let (Some(folder), Some(explanation)) = (&self.arguments.explain, &answer.explanation) {
            let model = &self.arguments.model;
            let write = || explained::write_all(folder, explanation, input, &image, (&overlay, model));
            stage("writing the explanation", write)?;
        }
        let (entries, stamp) =
            stage("writing results", || self.results.write(&answer, input, &image, &overlay))?;
        detail(|| format!("{file}: {:.3} s", begun.elapsed().as_secs_f64()));
        let note = note.map(|note| format!("{file}: {note}"));
        Ok(Done { answer, entries, stamp, note })
    }
}

/// A fault that does not name its photo itself.
fn of(file: &str, error: &impl Kinded) -> Failure {
    let told = error.to_string();
    let told = if told.starts_with(file) { told } else { format!("{file}: {told}") };
    Failure::new(error.kind().into(), told)
}
