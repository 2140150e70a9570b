//! Images and maps as the bytes of files.

use crate::arrays;
use crate::failure::Failure;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use kmax_base::ErrorKind;
use kmax_masks::codec;
use kmax_transforms::{Picture, Reading, decode_picture, read_picture};
use numpy::{PyArray2, PyArray3, PyReadonlyArray3};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use std::path::PathBuf;

/// Where an image comes from.
#[derive(FromPyObject)]
pub enum Source<'py> {
    Array(PyReadonlyArray3<'py, u8>),
    Bytes(PyBackedBytes),
    Path(PathBuf),
}

/// An image that Python's lock is not needed for. Python's bytes never change, so they are read where they are.
pub enum Input {
    Image(image::RgbImage),
    Bytes(PyBackedBytes),
    Path(PathBuf),
}

impl Source<'_> {
    pub fn input(self) -> Result<Input, Failure> {
        Ok(match self {
            Source::Array(array) => Input::Image(arrays::image(&array)?),
            Source::Bytes(bytes) => Input::Bytes(bytes),
            Source::Path(path) => Input::Path(path),
        })
    }
}

impl Input {
    /// The image; whether it was decoded here; what was odd about its file.
    pub fn read(self, reading: &Reading) -> Result<(image::RgbImage, bool, Option<String>), Failure> {
        let picture = match self {
            Input::Image(image) => return Ok((image, false, None)),
            Input::Bytes(bytes) => decode_picture(&bytes, "bytes".as_ref(), reading),
            Input::Path(path) => read_picture(&path, reading),
        };
        let Picture { image, note, .. } = picture?;
        Ok((image, true, note))
    }
}

/// Reads an image as `segment` does: `[height, width, 3]`, uint8, upright, sRGB.
#[pyfunction]
pub fn read_image<'py>(
    py: Python<'py>,
    source: Source<'_>,
) -> PyResult<(Bound<'py, PyArray3<u8>>, Option<String>)> {
    let input = source.input()?;
    let (image, _, note) = py.detach(|| input.read(&Reading::default()))?;
    Ok((arrays::of_image(py, image)?, note))
}

/// A panoptic PNG of a map of ids.
#[pyfunction]
pub fn encode_panoptic<'py>(py: Python<'py>, map: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let map = arrays::map(map, "map")?;
    let bytes = py.detach(|| codec::encode_panoptic(&map)).map_err(Failure::from)?;
    Ok(PyBytes::new(py, &bytes))
}

/// The map of a panoptic PNG.
#[pyfunction]
pub fn decode_panoptic<'py>(py: Python<'py>, png: PyBackedBytes) -> PyResult<Bound<'py, PyArray2<u32>>> {
    let map = py.detach(|| codec::decode_panoptic(&png)).map_err(Failure::from)?;
    arrays::of_map(py, map)
}

/// A PNG of an image, packed for speed.
#[pyfunction]
pub fn encode_rgb<'py>(py: Python<'py>, image: PyReadonlyArray3<'_, u8>) -> PyResult<Bound<'py, PyBytes>> {
    let image = arrays::image(&image)?;
    let bytes = py.detach(|| {
        let mut bytes = Vec::new();
        let encoder = PngEncoder::new_with_quality(&mut bytes, CompressionType::Fast, FilterType::Adaptive);
        let written =
            encoder.write_image(image.as_raw(), image.width(), image.height(), ExtendedColorType::Rgb8);
        written.map(|()| bytes).map_err(|error| Failure::new(ErrorKind::Internal, error))
    })?;
    Ok(PyBytes::new(py, &bytes))
}
