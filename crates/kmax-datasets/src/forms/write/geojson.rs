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

#[cfg(test)]
mod tests {
    use super::super::Tool;
    use super::super::fixture::{filled, json, mask, written};
    use super::*;
    use kmax_masks::Rle;
    use kmax_masks::rle::Merge;
    use serde_json::Value;

    /// Rings of one polygon as a mask: holes are taken away one by one.
    fn polygon(rings: &Value) -> Rle {
        let rings = rings.as_array().expect("rings");
        let closed = |ring: &Value| ring[0] == ring[ring.as_array().map_or(0, Vec::len) - 1];
        assert!(rings.iter().all(closed));
        let mut pixels = filled(&rings[0]).decode();
        for hole in &rings[1..] {
            pixels.iter_mut().zip(filled(hole).decode()).for_each(|(pixel, in_hole)| *pixel &= !in_hole);
        }
        Rle::from_mask(9, 7, &pixels).expect("a mask")
    }

    #[test]
    fn segments_are_features_with_holes_and_parts() -> Result<()> {
        let out = written(Tool::GeoJson, "out")?;
        let content = json(&out.out.join("sub/a b.geojson"));
        assert_eq!(content["type"], "FeatureCollection");
        let features = content["features"].as_array().expect("features");
        assert_eq!(features.len(), 6);
        for (feature, id) in features.iter().zip([1, 2, 3, 4, 6, 7]) {
            let (geometry, properties) = (&feature["geometry"], &feature["properties"]);
            let coordinates = &geometry["coordinates"];
            let found = match geometry["type"].as_str() {
                Some("Polygon") => polygon(coordinates),
                _ => {
                    let parts: Vec<Rle> =
                        coordinates.as_array().expect("parts").iter().map(polygon).collect();
                    assert!(parts.len() > 1);
                    Rle::merge(&parts, Merge::Union).expect("alike")
                }
            };
            assert!(found == mask(id), "{id}");
            assert_eq!(
                (&feature["type"], &properties["objectType"]),
                (&"Feature".into(), &"annotation".into())
            );
            assert_eq!(properties["measurements"]["score"].as_f64(), (id == 6).then_some(0.5), "{id}");
            assert_eq!(properties["metadata"]["iscrowd"].as_str(), (id == 4).then_some("1"), "{id}");
            let class: (&str, [u8; 3]) =
                if id < 5 { ("a: \"b\"", [1, 2, 3]) } else { ("sea & sky", [255, 0, 16]) };
            let given = &properties["classification"];
            assert_eq!((&given["name"], &given["color"]), (&class.0.into(), &class.1.to_vec().into()));
        }
        Ok(())
    }
}
