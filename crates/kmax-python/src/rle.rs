//! COCO's run-length code, for the functions of pycocotools' `mask`.

use crate::arrays;
use crate::failure::{Failure, Outcome};
use kmax_masks::Rle;
use kmax_masks::rle::Merge;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// A mask as COCO's JSON has it.
#[derive(FromPyObject)]
pub struct Mask {
    #[pyo3(item)]
    size: [u32; 2],
    #[pyo3(item)]
    counts: Counts,
}

/// The compressed string, as text or bytes. (A list of runs goes through [`rle_from_counts`].)
#[derive(FromPyObject)]
enum Counts {
    Text(String),
    Bytes(Vec<u8>),
}

impl Mask {
    pub fn rle(self) -> Outcome<Rle> {
        let text = match &self.counts {
            Counts::Text(text) => text,
            Counts::Bytes(bytes) => {
                str::from_utf8(bytes).map_err(|_| Failure::argument("RLE: its counts are no text"))?
            }
        };
        Ok(Rle::from_text(self.size, text)?)
    }
}

fn all(masks: Vec<Mask>) -> Outcome<Vec<Rle>> {
    masks.into_iter().map(Mask::rle).collect()
}

/// The compressed string of a mask.
fn counts<'py>(py: Python<'py>, rle: &Rle) -> Bound<'py, PyBytes> {
    PyBytes::new(py, rle.to_text().as_bytes())
}

/// Of a mask `[height, width]`: what is not 0 is set.
#[pyfunction]
pub fn rle_encode<'py>(py: Python<'py>, mask: PyReadonlyArray2<'_, u8>) -> PyResult<Bound<'py, PyBytes>> {
    let view = mask.as_array();
    let (height, width) = view.dim();
    let set: Vec<bool> = view.iter().map(|value| *value != 0).collect();
    let rle = py.detach(|| Rle::from_mask(width, height, &set)).map_err(Failure::from)?;
    Ok(counts(py, &rle))
}

/// The masks of the ids of a map, in one pass; of an id that is not there, none is set.
#[pyfunction]
pub fn rle_from_map<'py>(
    py: Python<'py>,
    map: &Bound<'py, PyAny>,
    ids: Vec<u32>,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let map = arrays::map(map, "map")?;
    let rles = py.detach(|| {
        let found: std::collections::HashMap<u32, Rle> = Rle::encode_all(&map).into_iter().collect();
        let rle = |id: &u32| found.get(id).cloned().map_or_else(|| Rle::empty(map.width(), map.height()), Ok);
        ids.iter().map(rle).collect::<Result<Vec<_>, _>>().map_err(Failure::from)
    })?;
    Ok(rles.iter().map(|rle| counts(py, rle)).collect())
}

/// The mask `[width, height]` of uint8: the caller turns it.
#[pyfunction]
pub fn rle_decode<'py>(py: Python<'py>, mask: Mask) -> PyResult<Bound<'py, PyArray2<u8>>> {
    let (values, size) = py.detach(|| {
        let rle = mask.rle()?;
        let mut values = vec![0u8; rle.width() * rle.height()];
        for (start, end) in rle.runs() {
            values[start as usize..end as usize].fill(1);
        }
        Ok::<_, Failure>((values, [rle.width(), rle.height()]))
    })?;
    PyArray1::from_vec(py, values).reshape(size)
}

/// The number of pixels of each.
#[pyfunction]
pub fn rle_area(py: Python<'_>, masks: Vec<Mask>) -> PyResult<Vec<u64>> {
    Ok(py.detach(|| Ok::<_, Failure>(all(masks)?.iter().map(Rle::area).collect()))?)
}

/// The box `[x, y, width, height]` of each.
#[pyfunction]
pub fn rle_bbox(py: Python<'_>, masks: Vec<Mask>) -> PyResult<Vec<[u32; 4]>> {
    Ok(py.detach(|| Ok::<_, Failure>(all(masks)?.iter().map(Rle::bbox).collect()))?)
}

/// The union or the intersection.
#[pyfunction]
pub fn rle_merge<'py>(py: Python<'py>, masks: Vec<Mask>, intersect: bool) -> PyResult<Bound<'py, PyBytes>> {
    let how = if intersect { Merge::Intersection } else { Merge::Union };
    let rle = py.detach(|| Ok::<_, Failure>(Rle::merge(&all(masks)?, how)?))?;
    Ok(counts(py, &rle))
}

/// IoU of each detection (rows) with each object (columns), by the rule of crowds where one is.
#[pyfunction]
pub fn rle_iou<'py>(
    py: Python<'py>,
    detections: Vec<Mask>,
    truths: Vec<Mask>,
    crowds: Vec<bool>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let shape = [detections.len(), truths.len()];
    let values = py.detach(|| {
        let (detections, truths) = (all(detections)?, all(truths)?);
        let pairs = detections.iter().flat_map(|detection| {
            truths.iter().zip(&crowds).map(move |(truth, &crowd)| detection.iou(truth, crowd))
        });
        pairs.collect::<Result<Vec<f64>, _>>().map_err(Failure::from)
    })?;
    PyArray1::from_vec(py, values).reshape(shape)
}

/// From uncompressed runs.
#[pyfunction]
pub fn rle_from_counts<'py>(
    py: Python<'py>,
    size: [u32; 2],
    runs: Vec<u32>,
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(counts(py, &Rle::new(size, runs).map_err(Failure::from)?))
}

/// Filled polygons, as one mask.
#[pyfunction]
pub fn rle_from_polygons<'py>(
    py: Python<'py>,
    polygons: Vec<Vec<f64>>,
    height: usize,
    width: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let rle = py.detach(|| Rle::from_polygons(width, height, &polygons)).map_err(Failure::from)?;
    Ok(counts(py, &rle))
}
