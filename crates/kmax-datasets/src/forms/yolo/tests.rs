//! Datasets as ultralytics, Roboflow, CVAT and Label Studio lay them out.

use super::super::testing::{Set, drawn, message, names, splits};
use super::super::{Form, Options, open};
use crate::error::Result;

/// The left half of the photo.
const LEFT: &str = "1 0 0 0.5 0 0.5 1 0 1\r\n";

fn pair(set: Set, split: &str, label: &str) -> Set {
    let set = set.photo(&format!("{split}/images/a.jpg"), 4, 2).photo(&format!("{split}/images/b.jpg"), 4, 2);
    set.text(&format!("{split}/labels/a.txt"), label)
}

#[test]
fn outlines_are_shares_of_the_photo() -> Result<()> {
    let set = pair(pair(Set::new(), "train", LEFT), "valid", "");
    let set = set.text(
        "data.yaml",
        "train: ../train/images\nval: ../valid/images\ntest: ../test/images\nnc: 2\nnames: ['cat', 'dog']\n",
    );
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::Yolo, vec![("train", 2), ("val", 2)]));
    assert_eq!(names(&opened), ["cat", "dog", "background"]);
    assert!(opened.notes.iter().any(|note| note.contains("`test`: \"../test/images\" is not found")));
    assert_eq!(drawn(&*opened.splits[0].data, 0), "ddbb ddbb");
    assert_eq!(drawn(&*opened.splits[0].data, 1), "bbbb bbbb");
    assert_eq!(opened.splits[0].data.id(0)?, "a".into());
    assert_eq!(opened.splits[0].data.sample(0)?.image.dimensions(), (4, 2));
    assert!(opened.splits[1].data.panoptic(0)?.segments.len() == 1);
    assert_eq!(open(&set.join("data.yaml"), &Options::default())?.splits.len(), 2);
    Ok(())
}

#[test]
fn names_may_be_a_map_and_images_a_list() -> Result<()> {
    let set = Set::new().photo("images/train/a.png", 4, 2).text("labels/train/a.txt", LEFT);
    let set = set.text("train.txt", "data/images/train/a.png\r\n\r\n");
    let set = set.text("x.yml", "path: /content/none\nnames:\n  1: dog\n  0: cat\ntrain:\n  - train.txt\n");
    let opened = set.open()?;
    assert_eq!((splits(&opened), names(&opened).len()), (vec![("train", 1)], 3));
    assert_eq!(drawn(&*opened.splits[0].data, 0), "ddbb ddbb");
    Ok(())
}

#[test]
fn a_list_of_classes_does_instead_of_settings() -> Result<()> {
    let set = Set::new()
        .photo("images/a.png", 4, 2)
        .text("labels/a.txt", LEFT)
        .text("classes.txt", "cat\r\ndog\r\n");
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::Yolo, vec![("all", 1)]));
    assert_eq!(drawn(&*opened.splits[0].data, 0), "ddbb ddbb");
    Ok(())
}

#[test]
fn a_turned_photo_is_labelled_as_it_is_shown() -> Result<()> {
    // A TIFF header and one entry: orientation 6, a quarter turn.
    let exif: [u8; 26] =
        [b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0];
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut jpeg);
    image::ImageEncoder::set_exif_metadata(&mut encoder, exif.to_vec()).expect("metadata");
    encoder.encode_image(&image::RgbImage::new(4, 2)).expect("encoded");
    let set =
        Set::new().bytes("images/a.jpg", &jpeg).text("labels/a.txt", LEFT).text("classes.txt", "cat\ndog");
    let data = &set.open()?.splits[0].data;
    assert_eq!(drawn(&**data, 0), "db db db db");
    assert_eq!(data.sample(0)?.image.dimensions(), (2, 4));
    Ok(())
}

#[test]
fn boxes_are_refused_or_void() -> Result<()> {
    let yaml = "train: train/images\nnames: [cat, dog]\n";
    let set = pair(Set::new(), "train", "0 0.5 0.5 0.5 0.5\n").text("data.yaml", yaml);
    assert!(set.refused().contains("detection labels"), "{}", set.refused());
    let set = pair(Set::new(), "train", &format!("{LEFT}0 0.75 0.25 0.5 0.5")).text("data.yaml", yaml);
    let opened = set.open()?;
    assert!(opened.notes.iter().any(|note| note.starts_with("1 of 2 objects in the 1 label files")));
    assert_eq!(drawn(&*opened.splits[0].data, 0), "dd.. ddbb");
    Ok(())
}

#[test]
fn mistakes_name_their_file_and_line() {
    let yaml = "train: train/images\nnames: [cat, dog]\n";
    for (label, settings, expected) in [
        ("\n7 0 0 1 1 1 0", yaml, "a.txt: line 2: the class 7 is none of the 2"),
        (LEFT, "train: train/images\n", "data.yaml: names: is missing"),
        (
            LEFT,
            "train: train/images\nnames: {0: cat, 2: dog}\n",
            "data.yaml: names: the numbers are not 0, 1, 2",
        ),
        (LEFT, "train: trains/imagez\nnames: [a, b]\n", "data.yaml: train: \"trains/imagez\" is not found"),
        (LEFT, "train: train/labels/a.txt\nnames: [a, b]\n", "a.txt: line 1: \"1 0 0 0.5"),
    ] {
        let set = pair(Set::new(), "train", label).text("data.yaml", settings);
        assert!(set.refused().contains(expected), "{}", set.refused());
    }
    let set = Set::new().photo("train/images/a.jpg", 4, 2).text("data.yaml", yaml);
    assert!(set.refused().contains("none of its 1 photos has a label file"), "{}", set.refused());
    let set = pair(Set::new(), "train", LEFT).text("a.yaml", yaml).text("b.yaml", yaml);
    assert!(set.refused().contains("both describe a dataset"), "{}", set.refused());
    let set = pair(Set::new(), "train", LEFT).text("data.yaml", yaml);
    assert!(message(open(&set.join("train/images/a.jpg"), &Options::default())).contains("holds no dataset"));
}
