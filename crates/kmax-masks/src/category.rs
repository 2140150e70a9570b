//! Categories and tables of them.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// One category, in JSON as in COCO's `categories` (`isthing` is 0 or 1 there; absent means thing).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// The id that annotations use.
    pub id: u32,
    /// Name for people.
    pub name: String,
    /// Whether instances of it are told apart.
    #[serde(with = "flag", default = "flag::yes")]
    pub isthing: bool,
    /// Colour for pictures, RGB.
    #[serde(default)]
    pub color: [u8; 3],
    /// The group it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supercategory: Option<String>,
}

/// COCO writes booleans as 0 and 1; both spellings are read.
pub(crate) mod flag {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Spelling {
        Word(bool),
        Number(u64),
    }

    pub(crate) fn yes() -> bool {
        true
    }

    pub(crate) fn serialize<S: Serializer>(value: &bool, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(u8::from(*value))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
        match Spelling::deserialize(deserializer)? {
            Spelling::Word(value) => Ok(value),
            Spelling::Number(value @ 0..=1) => Ok(value == 1),
            Spelling::Number(value) => Err(D::Error::custom(format!("expected 0 or 1, found {value}"))),
        }
    }
}

/// An ordered table of categories. The place in the table is the contiguous index that networks use.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Category>", into = "Vec<Category>")]
pub struct Categories {
    list: Vec<Category>,
    index: HashMap<u32, usize>,
}

impl Categories {
    /// A table in the given order.
    ///
    /// # Errors
    /// [`Error::DuplicateCategory`] if an id occurs twice.
    pub fn new(list: Vec<Category>) -> Result<Self> {
        let mut index = HashMap::with_capacity(list.len());
        for (place, category) in list.iter().enumerate() {
            if index.insert(category.id, place).is_some() {
                return Err(Error::DuplicateCategory { id: category.id });
            }
        }
        Ok(Self { list, index })
    }

    /// The category with that id.
    pub fn get(&self, id: u32) -> Option<&Category> {
        self.index_of(id).map(|place| &self.list[place])
    }

    /// The contiguous index of that id.
    pub fn index_of(&self, id: u32) -> Option<usize> {
        self.index.get(&id).copied()
    }

    /// The category at a contiguous index.
    pub fn at(&self, index: usize) -> Option<&Category> {
        self.list.get(index)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Category> {
        self.list.iter()
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
    fn the_table_is_read_and_written_as_coco_does() {
        let json = r#"[{"id":7,"name":"road","isthing":0,"color":[1,2,3]},{"id":3,"name":"car","isthing":true,"color":[0,0,0]}]"#;
        let table: Categories = serde_json::from_str(json).expect("valid");
        assert_eq!((table.index_of(3), table.at(0).map(|c| c.isthing)), (Some(1), Some(false)));
        let written = serde_json::to_string(&table).expect("plain data");
        assert_eq!(written, json.replace("true", "1"));
    }

    #[test]
    fn mistakes_are_refused() {
        let twice = r#"[{"id":1,"name":"a"},{"id":1,"name":"b"}]"#;
        assert!(serde_json::from_str::<Categories>(twice).is_err_and(|e| e.to_string().contains("twice")));
        assert!(serde_json::from_str::<Category>(r#"{"id":1,"name":"a","isthing":2}"#).is_err());
        assert!(serde_json::from_str::<Category>(r#"{"id":-1,"name":"a"}"#).is_err());
    }
}
