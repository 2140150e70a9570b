//! Classes and the tables of the three sites.

mod ade20k;
pub mod cityscapes;
mod coco;
mod lenient;

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fields;

/// A line of a built-in table: id, thing, colour, name, supercategory (empty if none).
type Row = (u32, bool, [u8; 3], &'static str, &'static str);

/// One class, as in the `categories` of COCO's files, where `isthing` is 0 or 1.
///
/// `isthing` and `color` may be missing in a file (they are in instance annotations): a class is then a thing,
/// and black. A colour may also be `"#rrggbb"` or have a fourth value, which does not count; in any other form it is
/// black, as nothing but drawing depends on it. A `supercategory` that is no text is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ListedCategory")]
pub struct Category {
    /// The site's id, not always contiguous.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Whether it is a thing, that is: its instances are told apart.
    #[serde(serialize_with = "fields::as_number")]
    pub isthing: bool,
    /// Red, green, blue.
    pub color: [u8; 3],
    /// The group it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub supercategory: Option<String>,
}

/// The name of the class of everything that a model does not name.
pub const BACKGROUND: &str = "background";

impl Category {
    /// Whether it stands for everything that a model does not name: stuff called [`BACKGROUND`].
    pub fn is_background(&self) -> bool {
        !self.isthing && self.name == BACKGROUND
    }
}

/// One class as a file lists it: a [`Category`] that may not say whether it is a thing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ListedCategory {
    /// The site's id.
    #[serde(deserialize_with = "fields::whole")]
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Whether it is a thing, if the file says so.
    #[serde(default, deserialize_with = "fields::flag")]
    pub isthing: Option<bool>,
    /// Red, green, blue.
    #[serde(default, deserialize_with = "lenient::color")]
    pub color: [u8; 3],
    /// The group it belongs to.
    #[serde(default, deserialize_with = "lenient::text")]
    pub supercategory: Option<String>,
}

impl ListedCategory {
    /// The class, which is a thing or not as the file says; where it does not, as `isthing` says.
    pub fn or_thing(self, isthing: bool) -> Category {
        Category {
            id: self.id,
            name: self.name,
            isthing: self.isthing.unwrap_or(isthing),
            color: self.color,
            supercategory: self.supercategory,
        }
    }
}

impl From<ListedCategory> for Category {
    fn from(listed: ListedCategory) -> Self {
        listed.or_thing(true)
    }
}

/// An ordered list of classes with unique ids.
///
/// The position in the list is the *contiguous index* (0, 1, 2, ...) that models predict; the id is the site's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Category>", into = "Vec<Category>")]
pub struct Categories {
    list: Vec<Category>,
    index: HashMap<u32, usize>,
}

impl Categories {
    /// A table in the order given.
    ///
    /// # Errors
    /// If an id occurs twice.
    pub fn new(list: Vec<Category>) -> Result<Self> {
        let mut index = HashMap::with_capacity(list.len());
        for (position, category) in list.iter().enumerate() {
            if index.insert(category.id, position).is_some() {
                return Err(Error::Duplicate { what: "category", id: category.id });
            }
        }
        Ok(Self { list, index })
    }

    /// COCO's 133 panoptic classes: 80 things, 53 stuff; ids 1..200 with gaps.
    pub fn coco_panoptic() -> Self {
        Self::built_in(&coco::PANOPTIC)
    }

    /// COCO's 80 things; ids 1..90 with gaps.
    pub fn coco_things() -> Self {
        Self::from_distinct(
            Self::coco_panoptic().list.into_iter().filter(|category| category.isthing).collect(),
        )
    }

    /// Cityscapes' 19 evaluated classes under their train ids 0..18: 8 things, 11 stuff.
    pub fn cityscapes() -> Self {
        cityscapes::train_categories()
    }

    /// Cityscapes' 34 labels under their regular ids 0..33. Which of them are evaluated, and as which train id,
    /// is in [`cityscapes::LABELS`].
    pub fn cityscapes_labels() -> Self {
        cityscapes::label_categories()
    }

    /// ADE20K's 150 classes under the ids 0..149: 100 things, 50 stuff.
    pub fn ade20k() -> Self {
        Self::built_in(&ade20k::PANOPTIC)
    }

    fn built_in(rows: &[Row]) -> Self {
        let category = |&(id, isthing, color, name, group): &Row| Category {
            id,
            name: name.to_owned(),
            isthing,
            color,
            supercategory: (!group.is_empty()).then(|| group.to_owned()),
        };
        Self::from_distinct(rows.iter().map(category).collect())
    }

    /// A built-in table, whose ids a test shows to be unique.
    fn from_distinct(list: Vec<Category>) -> Self {
        let index = list.iter().enumerate().map(|(position, category)| (category.id, position)).collect();
        Self { list, index }
    }

    /// The number of classes.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the table has no class.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The classes in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Category> {
        self.list.iter()
    }

    /// The classes in order.
    pub fn as_slice(&self) -> &[Category] {
        &self.list
    }

    /// The class with this id.
    pub fn get(&self, id: u32) -> Option<&Category> {
        self.index_of(id).map(|index| &self.list[index])
    }

    /// The contiguous index of an id.
    pub fn index_of(&self, id: u32) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// The id at a contiguous index.
    pub fn id_of(&self, index: usize) -> Option<u32> {
        self.list.get(index).map(|category| category.id)
    }

    /// The class with this name.
    pub fn by_name(&self, name: &str) -> Option<&Category> {
        self.list.iter().find(|category| category.name == name)
    }

    /// Whether the class is known and a thing.
    pub fn is_thing(&self, id: u32) -> bool {
        self.get(id).is_some_and(|category| category.isthing)
    }
}

impl<'a> IntoIterator for &'a Categories {
    type Item = &'a Category;
    type IntoIter = std::slice::Iter<'a, Category>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TryFrom<Vec<Category>> for Categories {
    type Error = Error;

    fn try_from(list: Vec<Category>) -> Result<Self> {
        Self::new(list)
    }
}

impl From<Categories> for Vec<Category> {
    fn from(categories: Categories) -> Self {
        categories.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_have_the_official_sizes() {
        for (table, things, stuff) in [
            (Categories::coco_panoptic(), 80, 53),
            (Categories::coco_things(), 80, 0),
            (Categories::cityscapes(), 8, 11),
            (Categories::cityscapes_labels(), 10, 24),
            (Categories::ade20k(), 100, 50),
        ] {
            assert_eq!(table.iter().filter(|category| category.isthing).count(), things);
            assert_eq!(table.iter().filter(|category| !category.isthing).count(), stuff);
            Categories::new(table.list.clone()).expect("unique ids");
        }
    }

    #[test]
    fn index_and_id_are_inverse() {
        let table = Categories::coco_panoptic();
        for index in 0..table.len() {
            assert_eq!(table.index_of(table.id_of(index).unwrap()), Some(index));
        }
        assert_eq!((table.id_of(132), table.index_of(12), table.id_of(133)), (Some(200), None, None));
        assert_eq!(table.by_name("toothbrush").unwrap().id, 90);
        assert!(table.is_thing(90) && !table.is_thing(92) && !table.is_thing(12));
    }

    #[test]
    fn json_holds_isthing_as_a_number() {
        let table = Categories::cityscapes();
        let text = serde_json::to_string(&table).unwrap();
        assert!(
            text.contains(
                r#""id":11,"name":"person","isthing":1,"color":[220,20,60],"supercategory":"human""#
            )
        );
        assert_eq!(serde_json::from_str::<Categories>(&text).unwrap(), table);
        let bare: Category = serde_json::from_str(r#"{"id": 3, "name": "shirt"}"#).unwrap();
        assert!(bare.isthing && bare.supercategory.is_none());
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for text in [
            r#"[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]"#,
            r#"[{"id": -1, "name": "a"}]"#,
            r#"[{"id": 1, "name": "a", "isthing": 2}]"#,
            r#"[{"id": 1, "name": "a", "isthing": "yes"}]"#,
            r#"[{"id": "1", "name": "a"}]"#,
            r#"[{"id": 1, "name": 1}]"#,
            r#"[{"id": 1}]"#,
        ] {
            assert!(serde_json::from_str::<Categories>(text).is_err(), "{text}");
        }
    }
}
