//! GeoJSON as QuPath reads it: a collection of features for each image.
//!
//! Coordinates are pixels, `[0, 0]` the upper left corner of the image. A segment is one feature: a polygon with its holes, or
//! several polygons. Rings are closed and touch themselves nowhere, outlines and holes run in opposite directions. A feature is an `annotation`
//! of QuPath with the name and the colour of its class; a score is its measurement `score`, a crowd has `iscrowd` in its metadata.

use std::collections::BTreeMap;
use std::path::Path;

use kmax_masks::outline::{Polygon, Vertex};
use serde::Serialize;

use super::Labelled;
use super::classes::{Object, outlined};
use crate::error::Result;
use crate::files;

#[derive(Serialize)]
struct Collection<'a> {
    r#type: &'a str,
    features: Vec<Feature<'a>>,
}

#[derive(Serialize)]
struct Feature<'a> {
    r#type: &'a str,
    geometry: Geometry,
    properties: Properties<'a>,
}

/// A polygon is its rings: the outline, then holes.
#[derive(Serialize)]
#[serde(tag = "type", content = "coordinates")]
enum Geometry {
    Polygon(Vec<Vec<Vertex>>),
    MultiPolygon(Vec<Vec<Vec<Vertex>>>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    object_type: &'a str,
    classification: Classification<'a>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    measurements: BTreeMap<&'a str, f32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Classification<'a> {
    name: &'a str,
    color: [u8; 3],
}

fn rings(polygon: &Polygon) -> Vec<Vec<Vertex>> {
    let closed = |ring: &Vec<Vertex>| ring.iter().chain(ring.first()).copied().collect();
    [&polygon.outer].into_iter().chain(&polygon.holes).map(closed).collect()
}

pub(super) fn write(file: &Path, labelled: &Labelled, objects: &[Object]) -> Result<()> {
    let features = outlined(labelled, objects).into_iter().map(|(object, parts)| Feature {
        r#type: "Feature",
        geometry: match &parts[..] {
            [only] => Geometry::Polygon(rings(only)),
            parts => Geometry::MultiPolygon(parts.iter().map(rings).collect()),
        },
        properties: Properties {
            object_type: "annotation",
            classification: Classification { name: &object.class.name, color: object.class.color },
            measurements: object.segment.score.map(|score| ("score", score)).into_iter().collect(),
            metadata: object.segment.iscrowd.then_some(("iscrowd", "1")).into_iter().collect(),
        },
    });
    files::write_json(file, &Collection { r#type: "FeatureCollection", features: features.collect() })
}
