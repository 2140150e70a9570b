//! Folders of class maps.

use super::super::testing::{Set, counts, drawn, message, names, splits};
use super::super::{Form, Options, open};
use crate::error::Result;
use crate::things::Things;

fn folder(list: &str) -> Set {
    let set = Set::new().photo("images/a.jpg", 4, 1).photo("images/b.jpg", 4, 1).photo("images/c.jpg", 4, 1);
    let set = set.values("masks/a.png", 4, &[0, 1, 0, 255]).values("masks/b_mask.png", 4, &[1, 1, 1, 0]);
    if list.is_empty() { set } else { set.text("classes.txt", list) }
}

#[test]
fn values_are_classes_and_all_are_stuff() -> Result<()> {
    let set = folder("road\r\nsky\r\n");
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::Semantic, vec![("all", 2)]));
    let data = &opened.splits[0].data;
    assert_eq!((drawn(&**data, 0), drawn(&**data, 1)), ("rsr.".into(), "sssr".into()));
    assert_eq!(counts(&**data, 0), [("road".into(), 1), ("sky".into(), 1)]);
    assert!(
        opened.notes.iter().any(|note| note.contains("1 photos without a class map")),
        "{:?}",
        opened.notes
    );
    Ok(())
}

#[test]
fn things_are_connected_parts() -> Result<()> {
    let set = folder("");
    assert!(set.refused().contains("--classes"), "{}", set.refused());
    let set = set.text("elsewhere/names.json", r#"{"0": "cat", "1": "sky"}"#);
    let classes = Some(set.join("elsewhere/names.json"));
    let opened =
        open(set.path(), &Options { classes, things: Things::named(["cat"]), ..Options::default() })?;
    assert!(opened.notes.iter().any(|note| note.contains("what is connected")), "{:?}", opened.notes);
    assert_eq!(counts(&*opened.splits[0].data, 0), [("cat".into(), 2), ("sky".into(), 1)]);
    Ok(())
}

#[test]
fn splits_are_folders_inside_or_outside() -> Result<()> {
    let set = Set::new()
        .photo("images/train/a.png", 2, 1)
        .photo("images/val/a.png", 2, 1)
        .text("labels.txt", "road\nsky");
    let set = set.values("labels/train/a.png", 2, &[0, 1]).values("labels/val/a.png", 2, &[1, 1]);
    assert_eq!(splits(&set.open()?), [("train", 1), ("val", 1)]);
    // Roboflow's: maps beside their photos.
    let set = Set::new().photo("train/a.jpg", 2, 1).values("train/a_mask.png", 2, &[0, 1]);
    let set = set.text("train/_classes.csv", "Pixel Value, Class\n0, background\n1, cat\n");
    let set = set.photo("valid/b.jpg", 2, 1).values("valid/b_mask.png", 2, &[1, 1]);
    let set = set.text("valid/_classes.csv", "Pixel Value, Class\n0, background\n1, cat\n");
    let opened = set.open()?;
    assert_eq!(
        (splits(&opened), names(&opened)),
        (vec![("train", 1), ("val", 1)], vec!["background".into(), "cat".into()])
    );
    assert_eq!(drawn(&*opened.splits[0].data, 0), "bc");
    Ok(())
}

#[test]
fn mistakes_name_their_map_and_pixel() -> Result<()> {
    let set = folder("road");
    let said = message(set.open()?.splits[0].data.panoptic(0));
    assert!(said.contains("a.png: pixel x 1, y 0: the value 1 is no class's"), "{said}");
    let set = folder("road\nsky").values("masks/d.png", 2, &[0, 0]);
    assert!(set.refused().contains("d.png: d: no photo of this name"), "{}", set.refused());
    let set = folder("road\nsky").colours("masks/c.png", 4, &[[1, 2, 3]; 4]);
    let opened = set.open()?;
    assert!(message(opened.splits[0].data.panoptic(2)).contains("expected grey or a palette"));
    Ok(())
}

#[test]
fn the_challenge_of_ade_counts_from_one() -> Result<()> {
    let set = Set::new().photo("x/images/training/a.jpg", 4, 1).photo("x/images/validation/b.jpg", 4, 1);
    let set = set.values("x/annotations/training/a.png", 4, &[0, 1, 3, 150]);
    let set = set.values("x/annotations/validation/b.png", 4, &[151, 0, 0, 0]);
    let set = set.text("x/objectInfo150.txt", "Idx\tRatio\n");
    let opened = set.open()?;
    assert_eq!((opened.form, splits(&opened)), (Form::Ade20k, vec![("train", 1), ("val", 1)]));
    assert_eq!(drawn(&*opened.splits[0].data, 0), ".wsf");
    assert!(message(opened.splits[1].data.panoptic(0)).contains("the value 151 is no class's"));
    Ok(())
}
