//! From a label map to segments, to run-length codes, to the JSON that COCO's tools read, and back.

use kmax_masks::{Categories, LabelMap, Panoptic, Rle};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Two people, 1 and 2, on grass, 3; 0 is void.
    let ids = vec![
        3, 3, 1, 1, 3, 2, 3, 0, //
        3, 3, 1, 1, 3, 2, 3, 0, //
        3, 3, 1, 3, 3, 2, 3, 3, //
    ];
    let map = LabelMap::new(8, 3, ids)?;
    let categories = Categories::coco_panoptic();
    let class = |name| categories.by_name(name).map(|category| category.id).ok_or("no such class");
    let (person, grass) = (class("person")?, class("grass-merged")?);

    let panoptic = Panoptic::from_map(map, |id| (if id == 3 { grass } else { person }, false));
    panoptic.validate(&categories)?;

    let mut annotations = Vec::new();
    for segment in &panoptic.segments {
        let rle = Rle::encode(&panoptic.map, segment.id);
        annotations.push(json!({
            "id": segment.id,
            "category_id": segment.category_id,
            "area": segment.area,
            "bbox": segment.bbox,
            "iscrowd": u8::from(segment.iscrowd),
            "segmentation": rle,
        }));
    }
    let text = serde_json::to_string_pretty(&annotations)?;
    println!("{text}");

    // And back: the masks give the map again.
    let mut again = LabelMap::filled(8, 3, 0)?;
    for annotation in serde_json::from_str::<Vec<serde_json::Value>>(&text)? {
        let rle: Rle = serde_json::from_value(annotation["segmentation"].clone())?;
        let id = annotation["id"].as_u64().ok_or("an id is a number")?;
        rle.paint(&mut again, u32::try_from(id)?)?;
    }
    assert_eq!(again, panoptic.map);
    Ok(())
}
