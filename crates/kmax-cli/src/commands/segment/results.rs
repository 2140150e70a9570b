//! Writing results.

use super::answer::Answer;
use super::arguments::{Arguments, Format, Picked};
use super::out::Out;
use crate::exit::{Code, Failure, OrExit, Outcome};
use crate::output::{write, write_out};
use crate::photos::Input;
use image::RgbImage;
use kmax::Config;
use kmax::render::Overlay;
use kmax_datasets::coco::{Annotation, ImageEntry, PanopticWriter};
use kmax_store::Stamp;
use std::sync::Arc;

/// What a list for all photos says of one.
pub type Entries = (ImageEntry, Option<Annotation>);

/// The list for all photos, and the folder of its PNGs.
pub const LIST: &str = "predictions.json";
pub const PNGS: &str = "predictions";

/// Where results go. Several photos may be written at once.
pub struct Results {
    model: String,
    place: Place,
}

enum Place {
    /// Files for each photo.
    Folder(Arc<Out>),
    /// One json for all photos.
    List(Arc<Out>, PanopticWriter),
    /// One result to standard output.
    Stdout(Picked),
}

impl Results {
    /// Makes the folders.
    pub fn create(arguments: &Arguments) -> Outcome<Self> {
        let model = arguments.model.clone();
        let Some(folder) = arguments.folder() else {
            return Ok(Self { model, place: Place::Stdout(arguments.result) });
        };
        let out = Arc::new(Out::create(folder)?);
        let place = match arguments.format {
            Format::Files => Place::Folder(out),
            Format::CocoPanoptic => {
                let writer = PanopticWriter::create(out.folder().join(LIST)).or_exit(Code::Output)?;
                Place::List(out, writer)
            }
        };
        Ok(Self { model, place })
    }

    /// Where they go, if that is not standard output.
    pub fn out(&self) -> Option<&Arc<Out>> {
        match &self.place {
            Place::Folder(out) | Place::List(out, _) => Some(out),
            Place::Stdout(_) => None,
        }
    }

    /// Why nothing can be written any more.
    pub fn fault(&self) -> Option<Failure> {
        self.out()?.fault()
    }

    /// Writes the results of a photo, and gives its entries in the list for all, and what a store says of the last of them.
    pub fn write(
        &self,
        answer: &Answer,
        input: &Input,
        photo: &RgbImage,
        overlay: &Overlay,
    ) -> Outcome<(Entries, Option<Stamp>)> {
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
            Place::List(out, writer) => {
                // The PNG is called like the results, so that none replaces another.
                let named = ImageEntry { file_name: format!("{}.png", input.name), ..image.clone() };
                let annotation = writer.write(&named, &answer.found.panoptic).or_exit(Code::Output)?;
                let stamp = out.send(&format!("{PNGS}/{}", annotation.file_name))?;
                return Ok(((image, Some(annotation)), stamp));
            }
            Place::Folder(out) => {
                let place = |ending: &str, bytes: &[u8]| {
                    let name = format!("{}.{ending}", input.name);
                    write(&out.folder().join(&name), bytes).and_then(|()| out.send(&name))
                };
                let overlay = || place("overlay.png", &drawn()?);
                let map = || match (found.map_ending(), found.map().or_exit(Code::Failed)?) {
                    (Some(ending), Some(bytes)) => place(ending, &bytes),
                    _ => Ok(None),
                };
                let (overlay, map) = rayon::join(overlay, map);
                overlay.and(map)?;
                // Last: a list that is there has its pictures.
                let list = list()?;
                let stamp = place("json", list.as_bytes())?;
                return Ok(((image, None), stamp));
            }
            Place::Stdout(Picked::Overlay) => {
                write_out(&drawn()?)?;
            }
            Place::Stdout(Picked::Map) => {
                write_out(&found.map().or_exit(Code::Failed)?.unwrap_or_default())?;
            }
            Place::Stdout(Picked::Json) => write_out(list()?.as_bytes())?,
        }
        Ok(((image, None), None))
    }

    /// Writes what only is complete now: the list of all photos, with the entries of each.
    pub fn finish(self, entries: Vec<Entries>, config: &Config) -> Outcome {
        let Place::List(out, writer) = self.place else { return Ok(()) };
        let (images, annotations): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let annotations = annotations.into_iter().flatten().collect();
        writer.finish(images, annotations, &config.categories).or_exit(Code::Output)?;
        out.send(LIST).map(drop)
    }
}
