//! Pages of small datasets that are written here.

use std::path::Path;
use std::sync::{Arc, Mutex};

use kmax_datasets::coco::{CocoPanoptic, ImageEntry, PanopticWriter};
use kmax_datasets::{Annotated, Categories, Category, LabelMap, Panoptic, RgbImage};
use kmax_report::ErrorKind;
use kmax_report::dataset::{self, DatasetOptions};

type Tested = Result<(), Box<dyn std::error::Error>>;

fn categories() -> Categories {
    let category = |(id, name, isthing): (u32, &str, bool)| Category {
        id,
        name: name.to_owned(),
        isthing,
        color: [0; 3],
        supercategory: None,
    };
    let listed = [(1, "<script>alert(1)</script>", true), (5, "grass", false), (9, "unicorn", true)];
    Categories::new(listed.map(category).to_vec()).expect("distinct ids")
}

/// Image `n` of 24 x 16: a person from column `n`, grass elsewhere, a column of void; the last image has no segment.
fn write(folder: &Path, number: u32) -> Result<CocoPanoptic, Box<dyn std::error::Error>> {
    let (json, photos) = (folder.join("labels.json"), folder.join("photos"));
    std::fs::create_dir_all(&photos)?;
    let writer = PanopticWriter::create(&json)?;
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for n in 0..number {
        let file_name = format!("{n}.png");
        RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, y as u8 * 9, n as u8]))
            .save(photos.join(&file_name))?;
        let id =
            |x: usize| if n + 1 == number || x == 23 { 0 } else { 1 + u32::from(x >= 2 + n as usize % 8) };
        let map = LabelMap::new(24, 16, (0..24 * 16).map(|at| id(at % 24)).collect())?;
        let image = ImageEntry { id: i64::from(n).into(), file_name, width: 24, height: 16 };
        annotations
            .push(writer.write(&image, &Panoptic::from_map(map, |id| (if id == 1 { 1 } else { 5 }, false)))?);
        images.push(image);
    }
    writer.finish(images, annotations, &categories())?;
    Ok(CocoPanoptic::open(&json, &photos, folder.join("labels"))?)
}

fn page_of(data: CocoPanoptic, options: &DatasetOptions) -> kmax_report::Result<String> {
    dataset::page(
        "mine & <yours>",
        &[("train".to_owned(), Arc::new(data) as Arc<dyn Annotated>)],
        options,
        &(),
    )
}

fn stands_alone(page: &str) -> bool {
    let links = ["src=\"", "href=\"", "url("].into_iter().flat_map(|what| page.split(what).skip(1));
    let inside = links.into_iter().all(|link| link.starts_with('#') || link.starts_with("data:image/"));
    inside && !["<script", "<link", "<iframe", "://", "@import"].iter().any(|what| page.contains(what))
}

#[test]
fn a_page_shows_numbers_classes_and_samples() -> Tested {
    let folder = tempfile::tempdir()?;
    let options =
        DatasetOptions { samples: 4, edge: 32, queries: 1, notes: vec!["read as <COCO>".to_owned()] };
    let page = page_of(write(folder.path(), 10)?, &options)?;
    assert!(stands_alone(&page));
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("mine &amp; &lt;yours&gt;")
    );
    assert!(page.contains("read as &lt;COCO&gt;"));
    // Four images, each with its labels.
    assert_eq!(page.matches("data:image/jpeg").count(), 8);
    assert!(page.contains("4 of 10 images") && page.contains("Every class that occurs is among them"));
    assert!(page.contains("1 image without any segment") && page.contains("Classes that no image has"));
    assert!(page.contains("train: 1 class: unicorn") && page.contains("train: 9 images, 2 in one"));
    // 9 x 1/24 and one whole image of ten.
    assert!(page.contains(">13.8 %<"));
    assert!(!page.contains("cannot be read"));
    Ok(())
}

#[test]
fn damage_is_listed_and_other_images_are_shown() -> Tested {
    let folder = tempfile::tempdir()?;
    let data = write(folder.path(), 8)?;
    let photos = folder.path().join("photos");
    let whole = std::fs::read(photos.join("0.png"))?;
    std::fs::write(photos.join("0.png"), &whole[..whole.len() / 2])?;
    std::fs::remove_file(photos.join("3.png"))?;
    std::fs::write(folder.path().join("labels/5.png"), b"no PNG")?;
    RgbImage::new(16, 25).save(photos.join("6.png"))?;
    let options = DatasetOptions { samples: 8, ..DatasetOptions::default() };
    let page = page_of(data, &options)?;
    assert!(stands_alone(&page));
    assert!(page.contains("4 images cannot be read"));
    for id in [0, 3, 5, 6] {
        assert!(page.contains(&format!("<li>train, image {id}: ")), "{id}");
    }
    assert!(page.contains("16 x 25 pixels, but its labels have 24 x 16"));
    // 1, 2 and 4 are left; 7 has no segment.
    assert_eq!(page.matches("data:image/jpeg").count(), 6);
    Ok(())
}

#[test]
fn the_page_is_the_same_each_time_and_progress_comes_to_its_end() -> Tested {
    let folder = tempfile::tempdir()?;
    let data = Arc::new(write(folder.path(), 12)?);
    let heard = Mutex::new(Vec::new());
    let listen = |done: usize, total: usize| heard.lock().expect("not poisoned").push((done, total));
    let splits: Vec<(String, Arc<dyn Annotated>)> =
        vec![("a".to_owned(), data.clone()), ("b".to_owned(), data)];
    let options = DatasetOptions { samples: 3, ..DatasetOptions::default() };
    let page = dataset::page("twice", &splits, &options, &listen)?;
    assert!(page == dataset::page("twice", &splits, &options, &())?, "two pages of one dataset differ");
    let heard = heard.into_inner()?;
    assert_eq!((heard.first(), heard.last()), (Some(&(0, 24)), Some(&(30, 30))));
    assert!(heard.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0));
    Ok(())
}

#[test]
fn nothing_has_a_page_and_wrong_options_have_none() -> Tested {
    let page = dataset::page("nothing", &[], &DatasetOptions::default(), &())?;
    assert!(stands_alone(&page) && page.contains("nothing"));
    let folder = tempfile::tempdir()?;
    let data = write(folder.path(), 2)?;
    for options in [
        DatasetOptions { edge: 0, ..DatasetOptions::default() },
        DatasetOptions { edge: 100_000, ..DatasetOptions::default() },
        DatasetOptions { samples: 1001, ..DatasetOptions::default() },
    ] {
        let error = page_of(data.clone(), &options).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let none = DatasetOptions { samples: 0, ..DatasetOptions::default() };
    assert!(!page_of(data, &none)?.contains("data:image"));
    Ok(())
}

#[test]
fn it_can_be_stopped() -> Tested {
    struct Stop;
    impl kmax_base::Progress for Stop {
        fn cancelled(&self) -> bool {
            true
        }
    }
    let folder = tempfile::tempdir()?;
    let splits: [(String, Arc<dyn Annotated>); 1] =
        [("train".to_owned(), Arc::new(write(folder.path(), 2)?))];
    let stopped = dataset::page("stopped", &splits, &DatasetOptions::default(), &Stop);
    assert!(stopped.is_err_and(|error| error.kind() == ErrorKind::Cancelled));
    Ok(())
}
