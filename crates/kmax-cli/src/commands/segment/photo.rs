//! What is done with each photo, by whichever thread has time.

use super::answer::{Answer, Seen};
use super::arguments::Arguments;
use super::batches::Batches;
use super::explained;
use super::flow::{Early, Width};
use super::inputs::Input;
use super::profile::READING;
use super::results::{Entries, Results};
use crate::exit::{Code, Failure, Kinded, Outcome};
use crate::output::{detail, remark};
use image::RgbImage;
use kmax::profile::stage;
use kmax::{ImageError, Prepared, Segmenter};
use kmax_base::ErrorKind;
use kmax_transforms::Reading;
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
}

/// A photo that waits for the network.
pub struct Read {
    photo: Photo,
    input: Prepared,
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
    pub note: Option<String>,
}

impl<'a> Photos<'a> {
    /// `width` is how many are in memory at once.
    pub fn new(
        arguments: &'a Arguments,
        segmenter: &'a Segmenter,
        results: &'a Results,
        width: Width,
    ) -> Self {
        let shared = segmenter.reading_beside(width.others()).with_pixels(LARGE);
        Self { arguments, segmenter, results, shared }
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
        let begun = Instant::now();
        let reading = if alone { self.segmenter.reading() } else { self.shared };
        let reading = reading.with_background(self.arguments.background);
        let picture = match stage(READING, || input.read(&reading)) {
            Ok(picture) => picture,
            Err(ImageError::Memory { .. } | ImageError::TooLarge { .. }) if !alone => return Early::Alone,
            Err(error) => return Early::Read(Err(Failure::of(&error))),
        };
        let prepared = stage("preprocessing", || self.segmenter.prepare(&picture.image));
        let photo =
            Photo { file: input.file.display().to_string(), image: picture.image, note: picture.note, begun };
        Early::Read(match prepared {
            Ok(input) => Ok(Read { photo, input }),
            Err(error) => Err(of(&photo.file, &error)),
        })
    }

    /// What the network says about photos.
    pub fn seen(&self, batches: &mut Batches, read: Vec<Read>) -> Vec<Outcome<(Photo, Seen)>> {
        let (photos, inputs): (Vec<Photo>, Vec<Prepared>) =
            read.into_iter().map(|r| (r.photo, r.input)).unzip();
        if self.arguments.explain.is_some() {
            let explained = |photo: Photo| {
                let explanation =
                    self.segmenter.explain(&photo.image).map_err(|error| of(&photo.file, &error))?;
                Ok((photo, Seen::Explanation(Box::new(explanation))))
            };
            return photos.into_iter().map(explained).collect();
        }
        let network = |inputs: &[Prepared]| self.segmenter.predict_prepared(inputs);
        let memory = |error: &kmax::Error| error.kind() == ErrorKind::OutOfMemory;
        let smaller =
            |error: &kmax::Error, most| remark(&format!("note: {error}: going on with {most} at once"));
        let seen = batches.run(&inputs, network, memory, smaller).into_iter();
        let result = |(photo, seen): (Photo, kmax::Result<_>)| match seen {
            Ok(prediction) => Ok((photo, Seen::Prediction(prediction))),
            Err(error) => Err(of(&photo.file, &error)),
        };
        photos.into_iter().zip(seen).map(result).collect()
    }

    /// Writes what was found in a photo.
    pub fn write(&self, input: &Input, (photo, seen): (Photo, Seen)) -> Outcome<Done> {
        let config = self.segmenter.config();
        let Photo { file, image, note, begun } = photo;
        let answer =
            Answer::new(self.arguments, &config.postprocess, input, seen).map_err(|e| of(&file, &e))?;
        let overlay = self.arguments.overlay(&config.categories);
        if let (Some(folder), Some(explanation)) = (&self.arguments.explain, &answer.explanation) {
            let model = &self.arguments.model;
            let write = || explained::write_all(folder, explanation, input, &image, (&overlay, model));
            stage("writing the explanation", write)?;
        }
        let entries = stage("writing results", || self.results.write(&answer, input, &image, &overlay))?;
        detail(|| format!("{file}: {:.3} s", begun.elapsed().as_secs_f64()));
        let note = note.map(|note| format!("{file}: {note}"));
        Ok(Done { answer, entries, note })
    }
}

/// A fault that does not name its photo itself.
fn of(file: &str, error: &impl Kinded) -> Failure {
    Failure::new(error.kind().into(), format!("{file}: {error}"))
}
