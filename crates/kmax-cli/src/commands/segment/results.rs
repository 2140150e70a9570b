//! Writing results.

use super::answer::Answer;
use super::arguments::{Arguments, Format, Picked};
use super::inputs::Input;
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{write, write_out};
use image::RgbImage;
use kmax::Config;
use kmax::render::Overlay;
use kmax_datasets::coco::{Annotation, ImageEntry, PanopticWriter};
use std::path::{Path, PathBuf};

/// What a list for all photos says of one.
pub type Entries = (ImageEntry, Option<Annotation>);

/// Where results go. Several photos may be written at once.
pub struct Results {
    model: String,
    place: Place,
}

enum Place {
    /// Files for each photo.
    Folder(PathBuf),
    /// One json for all photos.
    List(PanopticWriter),
    /// One result to standard output.
    Stdout(Picked),
}

impl Results {
    /// Makes the folders.
    pub fn create(arguments: &Arguments) -> Outcome<Self> {
        let model = arguments.model.clone();
        let Some(folder) = arguments.folder().map(Path::to_path_buf) else {
            return Ok(Self { model, place: Place::Stdout(arguments.result) });
        };
        let fail = |e: std::io::Error| {
            let reason = format!("nothing can be written there: {e}");
            Failure::new(Code::Output, format!("{}: {reason}", folder.display()))
        };
        crate::output::folder(&folder)?;
        // Better now than after the first photo.
        tempfile::tempfile_in(&folder).map_err(fail)?;
        let place = match arguments.format {
            Format::Files => Place::Folder(folder),
            Format::CocoPanoptic => {
                Place::List(PanopticWriter::create(folder.join("predictions.json")).or_exit(Code::Output)?)
            }
        };
        Ok(Self { model, place })
    }

    /// Writes the results of a photo, and gives its entries in the list for all.
    pub fn write(
        &self,
        answer: &Answer,
        input: &Input,
        photo: &RgbImage,
        overlay: &Overlay,
    ) -> Outcome<Entries> {
        let file_name = input.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let found = &answer.found;
        let [width, height] =
            [found.panoptic.map.width(), found.panoptic.map.height()].map(|side| side as u32);
        let image = ImageEntry { id: input.id.clone(), file_name, width, height };
        let drawn = || -> Outcome<Vec<u8>> {
            let panoptic = answer.small.as_ref().map_or(&found.panoptic, |small| &small.panoptic);
            kmax_results::png(&overlay.draw(photo, panoptic)?).or_exit(Code::Failed)
        };
        let list = || found.list(&image, &input.name, &self.model).or_exit(Code::Failed);
        match &self.place {
            Place::List(writer) => {
                // The PNG is called like the results, so that none replaces another.
                let named = ImageEntry { file_name: format!("{}.png", input.name), ..image.clone() };
                let annotation = writer.write(&named, &answer.found.panoptic).or_exit(Code::Output)?;
                return Ok((image, Some(annotation)));
            }
            Place::Folder(folder) => {
                let place = |ending: &str| folder.join(format!("{}.{ending}", input.name));
                let overlay = || write(&place("overlay.png"), &drawn()?);
                let map = || match (found.map_ending(), found.map().or_exit(Code::Failed)?) {
                    (Some(ending), Some(bytes)) => write(&place(ending), &bytes),
                    _ => Ok(()),
                };
                let (overlay, map) = rayon::join(overlay, map);
                overlay.and(map)?;
                // Last: a list that is there has its pictures.
                let list = list()?;
                write(&place("json"), list.as_bytes())?;
            }
            Place::Stdout(Picked::Overlay) => {
                write_out(&drawn()?)?;
            }
            Place::Stdout(Picked::Map) => {
                write_out(&found.map().or_exit(Code::Failed)?.unwrap_or_default())?;
            }
            Place::Stdout(Picked::Json) => write_out(list()?.as_bytes())?,
        }
        Ok((image, None))
    }

    /// Writes what only is complete now: the list of all photos, with the entries of each.
    pub fn finish(self, entries: Vec<Entries>, config: &Config) -> Outcome {
        let Place::List(writer) = self.place else { return Ok(()) };
        let (images, annotations): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let annotations = annotations.into_iter().flatten().collect();
        writer.finish(images, annotations, &config.categories).or_exit(Code::Output)
    }
}
