//! Folders of binary masks.

use super::super::testing::{Set, counts, drawn, message, names, splits};
use super::super::{Form, Options, open};
use crate::error::Result;

#[test]
fn the_nuclei_of_the_data_science_bowl_have_a_folder_an_image() -> Result<()> {
    let set =
        Set::new().photo("stage1_train/0a/images/0a.png", 4, 1).photo("stage1_train/0b/images/0b.png", 4, 1);
    let set = set.values("stage1_train/0a/masks/1.png", 4, &[255, 255, 0, 0]).values(
        "stage1_train/0a/masks/2.png",
        4,
        &[0, 0, 0, 1],
    );
    let set = set.values("stage1_train/0b/masks/3.png", 4, &[0, 255, 127, 128]).photo(
        "stage1_test/0c/images/0c.png",
        4,
        1,
    );
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::BinaryMasks, vec![("train", 2)]));
    assert_eq!(names(&opened), ["object", "background"]);
    let data = &opened.splits[0].data;
    assert_eq!((drawn(&**data, 0), drawn(&**data, 1)), ("oobo".into(), "bobo".into()));
    assert_eq!(counts(&**data, 0), [("object".into(), 2), ("background".into(), 1)]);
    assert_eq!((data.id(1)?, data.sample(1)?.image.dimensions()), ("0b".into(), (4, 1)));
    let set = set.text("names.txt", "nucleus\n");
    assert_eq!(names(&set.open()?), ["nucleus", "background"]);
    Ok(())
}

#[test]
fn folders_of_masks_may_be_called_as_their_classes() -> Result<()> {
    let set = Set::new().photo("images/a.jpg", 4, 1).values("masks/a/cat/x.png", 4, &[1, 0, 0, 0]);
    let set = set.values("masks/a/dog/x.png", 4, &[0, 0, 1, 1]);
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::BinaryMasks, vec![("all", 1)]));
    assert_eq!(drawn(&*opened.splits[0].data, 0), "cbdd");
    let set = set.text("other.txt", "dog\nemu\n");
    let options = Options { classes: Some(set.join("other.txt")), ..Options::default() };
    assert!(message(open(set.path(), &options)).contains("other.txt: lacks the class \"cat\""));
    let set = set.values("masks/a/dog/y.png", 3, &[0, 0, 1]);
    assert!(message(set.open()?.splits[0].data.panoptic(0)).contains("y.png: 3 x 1 pixels, the first mask"));
    Ok(())
}
