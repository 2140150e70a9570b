//! A model that segments images.

use crate::arrays;
use crate::failure::{Failure, Outcome};
use crate::image::Source;
use crate::segments::{self, Found};
use crate::work::{Watch, work};
use kmax::candle_core::Device;
use kmax::device::DeviceChoice;
use kmax::pull::{Event, Options, Puller, Settings};
use kmax::{ErrorKind, Model, PostprocessConfig, Precision, PrecisionChoice, Progress, Tiling};
use numpy::{PyArray2, PyArray3};
use pyo3::prelude::*;
use std::path::PathBuf;

/// What was found in an image: the map, the segments, the image if it was decoded here, and what was odd about its file.
type Answer<'py> = (Bound<'py, PyArray2<u32>>, Vec<Found>, Option<Bound<'py, PyArray3<u8>>>, Option<String>);

/// A network with its weights.
#[pyclass(frozen, module = "kmax_deeplab._native")]
pub struct Segmenter {
    segmenter: kmax::Segmenter,
    warnings: Vec<String>,
}

#[pymethods]
impl Segmenter {
    /// Opens a model by any of its names; `settings` are JSON, of those fields of post-processing that shall be others. `tiles` are their size and
    /// how far they overlap, if that is not an eighth.
    #[expect(clippy::too_many_arguments, reason = "Python names them")]
    #[new]
    #[pyo3(signature = (model, threads = None, settings = None, tell = None, device = "cpu", precision = "f32", tiles = None))]
    fn new(
        py: Python<'_>,
        model: String,
        threads: Option<usize>,
        settings: Option<String>,
        tell: Option<Py<PyAny>>,
        device: &str,
        precision: &str,
        tiles: Option<(u32, Option<u32>)>,
    ) -> PyResult<Self> {
        let (device, precision) = opened(device, precision)?;
        work(py, tell, |watch| {
            let model = open(&model, watch)?;
            let mut warnings: Vec<_> = model
                .warnings()
                .iter()
                .map(|field| format!("`{field}` of the configuration means nothing here"))
                .collect();
            if precision.is_slow_on(&device) {
                warnings.push(format!(
                    "this processor has no instruction for {precision}, which is slower here than f32"
                ));
            }
            let postprocess = changed(&model.config().postprocess, settings.as_deref())?;
            let builder = kmax::Segmenter::builder(model).postprocess(postprocess);
            let mut builder = builder.device(device).precision(precision);
            if let Some(threads) = threads {
                builder = builder.threads(threads);
            }
            if let Some((size, overlap)) = tiles {
                let usual = Tiling::of(size);
                builder = builder.tiles(Tiling { overlap: overlap.unwrap_or(usual.overlap), ..usual });
            }
            Ok(Self { segmenter: builder.build()?, warnings })
        })
    }

    /// The device that it became.
    #[getter]
    fn device(&self) -> String {
        kmax::device::place(self.segmenter.device()).to_string()
    }

    /// The precision that it became.
    #[getter]
    fn precision(&self) -> &'static str {
        self.segmenter.precision().name()
    }

    /// What of the configuration means nothing here, and a precision that is slow here.
    #[getter]
    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    /// The categories, as JSON.
    fn categories(&self) -> PyResult<String> {
        Ok(serde_json::to_string(&self.segmenter.config().categories).map_err(Failure::from)?)
    }

    /// The settings of post-processing, as JSON.
    fn settings(&self) -> PyResult<String> {
        Ok(serde_json::to_string(&self.segmenter.config().postprocess).map_err(Failure::from)?)
    }

    /// Segments one image.
    fn segment<'py>(&self, py: Python<'py>, source: Source<'_>) -> PyResult<Answer<'py>> {
        let input = source.input()?;
        let (panoptic, image, note) = work(py, None, |_| {
            let (image, was_decoded, note) = input.read(&self.segmenter.reading())?;
            let panoptic = self.segmenter.segment(&image)?;
            Ok((panoptic, was_decoded.then_some(image), note))
        })?;
        let found = segments::found(&panoptic);
        let image = image.map(|image| arrays::of_image(py, image)).transpose()?;
        Ok((arrays::of_map(py, panoptic.map)?, found, image, note))
    }

    /// The category id of each pixel.
    fn semantic<'py>(&self, py: Python<'py>, source: Source<'_>) -> PyResult<Bound<'py, PyArray2<u32>>> {
        let input = source.input()?;
        let map = work(py, None, |_| {
            let (image, ..) = input.read(&self.segmenter.reading())?;
            Ok(self.segmenter.semantic(&image)?)
        })?;
        arrays::of_map(py, map)
    }
}

/// A device and a precision that it can compute in.
fn opened(device: &str, precision: &str) -> Outcome<(Device, Precision)> {
    let choice: DeviceChoice =
        device.parse().map_err(|error| Failure::argument(format!("device: {error}")))?;
    let precision: PrecisionChoice =
        precision.parse().map_err(|error| Failure::argument(format!("precision: {error}")))?;
    let unsupported = |error: &dyn std::fmt::Display| Failure::new(ErrorKind::Unsupported, error);
    let device = kmax::device::open(choice).map_err(|error| unsupported(&error))?.device;
    let precision = precision.on(&device).map_err(|error| unsupported(&error))?;
    Ok((device, precision))
}

/// Fetched first, if need be.
fn open(name: &str, watch: &Watch) -> Outcome<Model> {
    if kmax::is_remote(name) { Ok(Model::open(&fetched(name, watch)?)?) } else { Ok(Model::named(name)?) }
}

/// Where a published model or encoder, or a repository of the Hub, lies when it has been fetched.
pub fn fetched(name: &str, watch: &Watch) -> Outcome<PathBuf> {
    let puller = Puller::new(Settings::from_env()?);
    let (mut whole, mut received) = (0, 0);
    let pulled = puller.pull(name, &Options::default(), &mut |event| match event {
        Event::Fetching { name, from, license, .. } => {
            watch.log("info", format!("fetching {name} from {from}, licence: {license}"));
        }
        Event::Unverified { name } => {
            watch.log("warning", format!("{name}: the server announced no checksum to compare it with"));
        }
        Event::Converting { name } => watch.log("info", format!("converting {name}")),
        Event::Download(kmax::hub::Event::Started { size, from, .. }) => {
            (whole, received) = (size.unwrap_or(0), from);
        }
        Event::Download(kmax::hub::Event::Received(bytes)) => {
            received += bytes;
            watch.advance(received as usize, whole as usize);
        }
        _ => {}
    })?;
    Ok(pulled.path)
}

/// The model's own settings with some of them replaced; a field that there is not is an error.
fn changed(own: &PostprocessConfig, settings: Option<&str>) -> Outcome<PostprocessConfig> {
    let Some(settings) = settings else { return Ok(*own) };
    let mut whole = serde_json::to_value(own)?;
    let given: serde_json::Value =
        serde_json::from_str(settings).map_err(|error| Failure::argument(format!("settings: {error}")))?;
    for (field, value) in given.as_object().into_iter().flatten() {
        match whole.get_mut(field) {
            Some(place) => *place = value.clone(),
            None => {
                let known =
                    whole.as_object().map(|known| known.keys().cloned().collect::<Vec<_>>().join(", "));
                let known = known.unwrap_or_default();
                return Err(Failure::argument(format!("no setting `{field}`: expected one of {known}")));
            }
        }
    }
    let settings: PostprocessConfig =
        serde_json::from_value(whole).map_err(|error| Failure::argument(format!("settings: {error}")))?;
    settings.validate()?;
    Ok(settings)
}
