//! The classes that a tool is told, and the objects of an image that have them.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use kmax_masks::outline::outlines;
use kmax_masks::{Categories, Category, Polygon, Segment};

use super::Labelled;
use crate::error::{Error, Result};

/// The classes but background, with unique names.
pub(crate) struct Classes {
    list: Vec<Category>,
    /// Of each id the place in the list, none for background.
    places: HashMap<u32, Option<usize>>,
}

/// A segment with its class.
#[derive(Clone, Copy)]
pub(crate) struct Object<'a> {
    pub segment: &'a Segment,
    pub class: &'a Category,
    /// The place of the class among those that are written.
    pub number: usize,
}

/// Whether a class is what no object covers.
fn is_background(class: &Category) -> bool {
    !class.isthing && class.name.trim_matches('_').eq_ignore_ascii_case("background")
}

impl Classes {
    /// # Errors
    /// If two classes have one name: tools know classes by their names.
    pub fn new(categories: &Categories, out: &Path) -> Result<Self> {
        let (mut list, mut places, mut names) = (Vec::new(), HashMap::new(), HashSet::new());
        for class in categories {
            let kept = !is_background(class);
            places.insert(class.id, kept.then_some(list.len()));
            if !kept {
                continue;
            }
            if !names.insert(class.name.as_str()) {
                let reason = "two classes have this name, and annotation tools know classes by their names";
                return Err(Error::entry(out, format!("class {:?}", class.name), reason));
            }
            list.push(class.clone());
        }
        Ok(Self { list, places })
    }

    /// The classes that are written, in order.
    pub fn list(&self) -> &[Category] {
        &self.list
    }

    /// The segments of an image that are written, in order.
    ///
    /// # Errors
    /// If the class of one is not known.
    pub fn objects<'a>(&'a self, labelled: &Labelled<'a>, out: &Path) -> Result<Vec<Object<'a>>> {
        let object = |segment: &'a Segment| match self.places.get(&segment.category_id) {
            Some(Some(number)) => Some(Ok(Object { segment, class: &self.list[*number], number: *number })),
            Some(None) => None,
            None => {
                let entry = format!("image {}: segment {}", labelled.image.id, segment.id);
                Some(Err(Error::entry(out, entry, format!("unknown class {}", segment.category_id))))
            }
        };
        labelled.panoptic.segments.iter().filter_map(object).collect()
    }
}

/// Objects with their polygons; those without a pixel are left out.
pub(super) fn outlined<'a>(labelled: &Labelled, objects: &[Object<'a>]) -> Vec<(Object<'a>, Vec<Polygon>)> {
    let mut outlines: HashMap<u32, Vec<Polygon>> = outlines(&labelled.panoptic.map, 0).into_iter().collect();
    let found = |object: &Object<'a>| Some((*object, outlines.remove(&object.segment.id)?));
    objects.iter().filter_map(found).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coco::ImageEntry;
    use kmax_masks::{LabelMap, Panoptic};

    fn table(text: &str) -> Categories {
        serde_json::from_str(text).expect("classes")
    }

    #[test]
    fn background_is_left_out_and_names_are_unique() -> Result<()> {
        let table = table(
            r#"[{"id": 0, "name": "_Background_", "isthing": 0}, {"id": 3, "name": "a"}, {"id": 4, "name": "background"}]"#,
        );
        let classes = Classes::new(&table, Path::new("out"))?;
        let names: Vec<_> = classes.list().iter().map(|class| class.name.as_str()).collect();
        // A thing of that name is an object.
        assert_eq!(names, ["a", "background"]);

        let image = ImageEntry { id: 1.into(), file_name: "a.jpg".into(), width: 3, height: 1 };
        let map = LabelMap::new(3, 1, vec![1, 2, 3]).expect("3 x 1");
        let panoptic = Panoptic::from_map(map, |id| ([0, 3, 4][id as usize - 1], false));
        let labelled = Labelled { image: &image, photo: None, panoptic: &panoptic };
        let found: Vec<_> =
            classes.objects(&labelled, Path::new("out"))?.iter().map(|o| (o.segment.id, o.number)).collect();
        assert_eq!(found, [(2, 0), (3, 1)]);

        let other = Classes::new(&Categories::ade20k(), Path::new("out"))?;
        assert_eq!(other.list().len(), 150);
        Classes::new(&Categories::coco_panoptic(), Path::new("out"))?;
        Classes::new(&Categories::cityscapes(), Path::new("out"))?;
        let unknown = Panoptic::from_map(panoptic.map.clone(), |_| (7, false));
        let labelled = Labelled { panoptic: &unknown, ..labelled };
        let failed = classes.objects(&labelled, Path::new("out")).err().map(|error| error.to_string());
        assert_eq!(failed.as_deref(), Some("out: image 1: segment 1: unknown class 7"));
        Ok(())
    }

    #[test]
    fn two_classes_of_one_name_are_refused() {
        let table = table(r#"[{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]"#);
        let failed = Classes::new(&table, Path::new("out")).err().map(|error| error.to_string());
        assert!(failed.is_some_and(|message| message.starts_with("out: class \"a\": two classes")));
    }
}
