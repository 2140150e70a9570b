//! Folders as Pascal VOC and CVAT lay them out.

use super::super::testing::{Set, counts, drawn, message, names, splits};
use super::super::{Form, Options, open};
use super::colours::of_place;
use crate::error::Result;

const BLACK: [u8; 3] = [0; 3];
const BORDER: [u8; 3] = [224, 224, 192];

fn pair(set: Set, name: &str, classes: &[[u8; 3]], objects: &[[u8; 3]]) -> Set {
    let set = set.colours(&format!("SegmentationClass/{name}.png"), 4, classes);
    set.colours(&format!("SegmentationObject/{name}.png"), 4, objects)
}

#[test]
fn classes_and_objects_of_voc_are_read_by_colour_or_by_value() -> Result<()> {
    let (cat, dog, [one, two]) = (of_place(8), of_place(12), [1, 2].map(of_place));
    let set = pair(Set::new(), "2007_000001", &[BLACK, cat, cat, dog], &[BLACK, one, two, BLACK]);
    let set = pair(set, "2007_000002", &[cat, BORDER, cat, BLACK], &[one, BORDER, BORDER, BLACK]);
    let set = set.values("SegmentationClass/2007_000003.png", 4, &[0, 8, 255, 20]).colours(
        "SegmentationObject/2007_000003.png",
        4,
        &[BLACK, one, BORDER, two],
    );
    let set = set.photo("JPEGImages/2007_000001.jpg", 4, 1).photo("JPEGImages/2007_000002.jpg", 4, 1).photo(
        "JPEGImages/2007_000003.jpg",
        4,
        1,
    );
    let set = set
        .text("ImageSets/Segmentation/train.txt", "2007_000001\r\n2007_000002\r\n")
        .text("ImageSets/Segmentation/val.txt", "2007_000003\n2007_000004\n");
    let set = set.text("ImageSets/Segmentation/trainval.txt", "2007_000001\n");
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::Voc, vec![("train", 2), ("val", 1)]));
    assert_eq!((names(&opened).len(), opened.splits[0].data.categories().is_thing(0)), (21, false));
    let train = &opened.splits[0].data;
    assert_eq!(drawn(&**train, 0), "bccd");
    assert_eq!(counts(&**train, 0), [("background".into(), 1), ("cat".into(), 2), ("dog".into(), 1)]);
    // A dog that is no object's cannot be told apart.
    assert!(train.panoptic(0)?.segments.iter().any(|segment| segment.category_id == 12 && segment.iscrowd));
    assert_eq!(drawn(&**train, 1), "c..b");
    assert_eq!(drawn(&*opened.splits[1].data, 0), "bc.t");
    assert_eq!(train.sample(0)?.image_id, "2007_000001".into());
    assert!(
        opened.notes.iter().any(|note| note.contains("`val`: 1 images without a file")),
        "{:?}",
        opened.notes
    );
    Ok(())
}

#[test]
fn the_export_of_cvat_has_a_table_and_may_have_no_photos() -> Result<()> {
    let (nut, bolt) = ([250, 50, 83], [51, 221, 255]);
    let set =
        pair(Set::new(), "s/a", &[BLACK, nut, nut, bolt], &[BLACK, of_place(1), of_place(1), of_place(2)]);
    let set = set.text(
        "labelmap.txt",
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nnut:250,50,83::\nbolt:51,221,255::\n",
    );
    let set = set.text("ImageSets/Segmentation/default.txt", "s/a\n").photo("elsewhere/a.jpeg", 4, 1);
    assert!(set.refused().contains("--photos"), "{}", set.refused());
    let options = Options { photos: Some(set.join("elsewhere")), ..Options::default() };
    let opened = open(set.path(), &options)?;
    assert_eq!((opened.form, splits(&opened)), (Form::CvatMask, vec![("all", 1)]));
    assert_eq!(names(&opened), ["background", "nut", "bolt"]);
    assert_eq!(drawn(&*opened.splits[0].data, 0), "bnnb");
    assert_eq!(
        counts(&*opened.splits[0].data, 0),
        [("background".into(), 1), ("nut".into(), 1), ("bolt".into(), 1)]
    );
    assert_eq!(opened.splits[0].data.sample(0)?.image.dimensions(), (4, 1));
    let set = pair(set, "s/a", &[BLACK, nut, [1, 2, 3], bolt], &[BLACK; 4]);
    let said = message(open(set.path(), &options)?.splits[0].data.panoptic(0));
    assert!(said.contains("a.png: pixel x 2, y 0: the colour 1,2,3 is no class's"), "{said}");
    Ok(())
}

#[test]
fn without_objects_what_is_connected_is_one() -> Result<()> {
    let set = Set::new().values("SegmentationClass/2007_000001.png", 4, &[1, 0, 1, 1]).photo(
        "JPEGImages/2007_000001.png",
        4,
        1,
    );
    let opened = set.open()?;
    assert!(opened.notes.iter().any(|note| note.contains("what is connected")), "{:?}", opened.notes);
    assert_eq!(counts(&*opened.splits[0].data, 0), [("background".into(), 1), ("aeroplane".into(), 2)]);
    // A list of names has the colours of Pascal VOC, whatever its names are; a table may lie elsewhere.
    let set = set.text("class_names.txt", "_background_\nnut\n");
    assert_eq!(drawn(&*set.open()?.splits[0].data, 0), "n_nn");
    let set = set.text("up.txt", "cup:9,9,9::\n").colours(
        "SegmentationClass/2007_000001.png",
        4,
        &[[9; 3], [9; 3], BLACK, BLACK],
    );
    let options = Options { classes: Some(set.join("up.txt")), ..Options::default() };
    assert_eq!(drawn(&*open(set.path(), &options)?.splits[0].data, 0), "ccbb");
    let set = Set::new().values("SegmentationClass/2007_000001.png", 4, &[1, 0, 1, 1]).photo(
        "JPEGImages/b.png",
        4,
        1,
    );
    assert!(
        set.refused().contains("2007_000001.png: 2007_000001: no photo of this name"),
        "{}",
        set.refused()
    );
    let set =
        Set::new().values("SegmentationClass/cat.png", 4, &[1, 0, 1, 1]).photo("JPEGImages/cat.png", 4, 1);
    assert!(set.refused().contains("not called as the images of Pascal VOC"), "{}", set.refused());
    Ok(())
}
