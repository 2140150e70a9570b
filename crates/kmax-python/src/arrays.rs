//! NumPy arrays to images and maps, and back.

use crate::failure::{Failure, Outcome};
use image::RgbImage;
use kmax::ImageError;
use kmax_masks::LabelMap;
use kmax_transforms::MAX_PIXELS;
use numpy::ndarray::{ArrayView2, ArrayView3};
use numpy::{
    Element, PyArray1, PyArray2, PyArray3, PyArrayMethods, PyReadonlyArray2, PyReadonlyArray3,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

/// An image from an array `[height, width, 3]` of uint8. It is copied, three bytes a pixel: Python may change the array while the work
/// goes on without its lock.
pub fn image(array: &PyReadonlyArray3<'_, u8>) -> Outcome<RgbImage> {
    let [height, width] = [array.shape()[0], array.shape()[1]];
    if array.shape()[2] != 3 {
        return Err(Failure::argument(format!("an image of {} channels, expected 3", array.shape()[2])));
    }
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(u32::MAX);
    if (height as u64).saturating_mul(width as u64) > MAX_PIXELS {
        let (width, height, most) = (side(width), side(height), MAX_PIXELS);
        return Err(ImageError::TooLarge { file: "array".into(), width, height, most }.into());
    }
    let view = array.as_array();
    let values = view.as_slice().map_or_else(|| rows(view), <[u8]>::to_vec);
    RgbImage::from_raw(side(width), side(height), values)
        .filter(|image| image.width() > 0 && image.height() > 0)
        .ok_or_else(|| Failure::argument(format!("an image of {width} x {height} pixels")))
}

/// The values of a view, row by row; rows that lie in memory as they are go as a whole.
fn rows(view: ArrayView3<'_, u8>) -> Vec<u8> {
    let mut values = Vec::with_capacity(view.len());
    for row in view.outer_iter() {
        match row.as_slice() {
            Some(row) => values.extend_from_slice(row),
            None => values.extend(row.iter()),
        }
    }
    values
}

/// An image as an array `[height, width, 3]`, without a copy.
pub fn of_image(py: Python<'_>, image: RgbImage) -> PyResult<Bound<'_, PyArray3<u8>>> {
    let shape = [image.height() as usize, image.width() as usize, 3];
    PyArray1::from_vec(py, image.into_raw()).reshape(shape)
}

/// A map as an array `[height, width]`, without a copy.
pub fn of_map(py: Python<'_>, map: LabelMap) -> PyResult<Bound<'_, PyArray2<u32>>> {
    let shape = [map.height(), map.width()];
    PyArray1::from_vec(py, map.into_data()).reshape(shape)
}

/// A map of ids from an array `[height, width]` of any whole numbers, or `[height, width, 3]` of uint8, the colours of a panoptic PNG.
pub fn map(array: &Bound<'_, PyAny>, what: &str) -> PyResult<LabelMap> {
    if let Ok(colours) = array.extract::<PyReadonlyArray3<'_, u8>>() {
        return Ok(of_colours(colours.as_array(), what)?);
    }
    macro_rules! try_each {
        ($($number:ty),*) => {$(
            if let Ok(values) = array.extract::<PyReadonlyArray2<'_, $number>>() {
                return Ok(of_values(&values, what)?);
            }
        )*};
    }
    try_each!(u32, i32, i64, u8, u16, i16, u64, i8);
    Err(Failure::argument(format!(
        "{what}: expected an array [height, width] of whole numbers, or [height, width, 3] of uint8, not {}",
        described(array)
    ))
    .into())
}

fn of_values<T: Element + Copy + TryInto<u32> + std::fmt::Display>(
    array: &PyReadonlyArray2<'_, T>,
    what: &str,
) -> Outcome<LabelMap> {
    let view = array.as_array();
    let (height, width) = view.dim();
    let id = |value: &T| {
        (*value)
            .try_into()
            .map_err(|_| Failure::argument(format!("{what}: {value} is no id, which is 0 to 4294967295")))
    };
    let data = match view.as_slice() {
        Some(values) => values.iter().map(id).collect::<Outcome<_>>()?,
        None => view.iter().map(id).collect::<Outcome<_>>()?,
    };
    Ok(LabelMap::new(width, height, data)?)
}

fn of_colours(view: ArrayView3<'_, u8>, what: &str) -> Outcome<LabelMap> {
    let (height, width, channels) = view.dim();
    if channels != 3 {
        return Err(Failure::argument(format!("{what}: {channels} channels, expected 3")));
    }
    let id = |pixel: ArrayView2<'_, u8>| -> Vec<u32> {
        pixel.outer_iter().map(|rgb| u32::from_le_bytes([rgb[0], rgb[1], rgb[2], 0])).collect()
    };
    Ok(LabelMap::new(width, height, view.outer_iter().flat_map(id).collect())?)
}

/// What an object is, for those who expected another.
pub fn described(object: &Bound<'_, PyAny>) -> String {
    let text = |name: &str| object.getattr(name).ok().map(|value| value.to_string());
    let class = object.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    match (text("dtype"), text("shape")) {
        (Some(dtype), Some(shape)) => format!("{dtype} of shape {shape}"),
        _ => format!("a {class}"),
    }
}
