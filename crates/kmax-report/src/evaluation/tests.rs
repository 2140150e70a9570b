use std::path::Path;

use image::Rgb;
use kmax_datasets::coco::{CocoPanoptic, CocoPredictions, ImageEntry, PanopticWriter};
use kmax_datasets::evaluate::{PanopticFiles, panoptic_with_errors};
use kmax_masks::{Category, LabelMap};
use kmax_metrics::panoptic::Convention;

use super::*;

const WIDTH: u32 = 40;
const HEIGHT: u32 = 30;

/// Two classes, of which one tries to be markup.
fn categories() -> Categories {
    let category = |id, name: &str| Category {
        id,
        name: name.into(),
        isthing: true,
        color: [90; 3],
        supercategory: None,
    };
    Categories::new(vec![category(1, "<script>shirt</script>"), category(2, "hat")]).expect("distinct")
}

/// Four quarters with ids; those from 10 on are hats.
fn quarters(ids: [u32; 4]) -> Panoptic {
    let quarter = |at: u32| 2 * (at / WIDTH * 2 / HEIGHT) + at % WIDTH * 2 / WIDTH;
    let data = (0..WIDTH * HEIGHT).map(|at| ids[quarter(at) as usize]).collect();
    let map = LabelMap::new(WIDTH as usize, HEIGHT as usize, data).expect("fits");
    Panoptic::from_map(map, |id| (if id >= 10 { 2 } else { 1 }, false))
}

/// A perfect image, one that misses a segment, and one with nothing right: a class, and pieces.
const IMAGES: [([u32; 4], [u32; 4]); 3] =
    [([1, 1, 10, 10], [1, 1, 10, 10]), ([1, 2, 10, 10], [1, 0, 10, 10]), ([1, 1, 10, 10], [1, 2, 3, 3])];

fn write(folder: &Path, name: &str, images: &[[u32; 4]]) -> Result<()> {
    let writer = PanopticWriter::create(folder.join(name))?;
    let (mut entries, mut annotations) = (Vec::new(), Vec::new());
    for (id, ids) in images.iter().enumerate() {
        let entry = ImageEntry {
            id: (id as i64).into(),
            file_name: format!("{id}.png"),
            width: WIDTH,
            height: HEIGHT,
        };
        annotations.push(writer.write(&entry, &quarters(*ids))?);
        entries.push(entry);
    }
    Ok(writer.finish(entries, annotations, &categories())?)
}

/// A folder with ground truth and prediction; the first and last image have photos, that of the last in another size.
fn written(folder: &Path) -> Result<PanopticFiles> {
    write(folder, "truth.json", &IMAGES.map(|(truth, _)| truth))?;
    write(folder, "found.json", &IMAGES.map(|(_, found)| found))?;
    std::fs::create_dir_all(folder.join("photos")).expect("made");
    let photo = |width, name: &str| {
        RgbImage::from_pixel(width, HEIGHT, Rgb([200; 3])).save(folder.join("photos").join(name))
    };
    photo(WIDTH, "1.png").expect("written");
    photo(WIDTH + 1, "2.png").expect("written");
    Ok(PanopticFiles::new(folder.join("truth.json"), folder.join("found.json")))
}

fn captions(example: &Example) -> Vec<&str> {
    example.pictures.iter().map(|picture| picture.caption).collect()
}

#[test]
fn the_worst_images_are_shown_with_their_errors() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = written(folder.path())?;
    let report = panoptic_with_errors(&files, Convention::Coco, &())?;
    let pairs = FilePairs::open(&files, Some(&folder.path().join("photos")))?;
    let page = Evaluation::new(&report, pairs.categories()).page(|image| pairs.pair(image))?;

    let [worst, better] = &page.examples[..] else { panic!("{} images", page.examples.len()) };
    assert_eq!((worst.image.as_str(), worst.value), ("2", 0.0));
    assert_eq!(captions(worst), ["ground truth", "prediction", "missed and invented"]);
    let note = worst.note.as_deref().unwrap_or_default();
    assert!(note.contains("2.png: 41 x 30 pixels, but its labels have 40 x 30"), "{note}");
    let said: Vec<&str> = worst.lists.iter().flat_map(|list| &list.items).map(String::as_str).collect();
    let shirt = "<script>shirt</script>";
    let expected = [
        "hat (50.0 %): taken for X".replace('X', shirt),
        "X (50.0 %): found in pieces".replace('X', shirt),
        "X (50.0 %): is hat".replace('X', shirt),
        "X (25.0 %): a piece of a larger one".replace('X', shirt),
        "X (25.0 %): a piece of a larger one".replace('X', shirt),
    ];
    assert!(expected.iter().all(|line| said.contains(&line.as_str())) && said.len() == 5, "{said:?}");
    assert_eq!(captions(better), ["photo", "ground truth", "prediction", "missed and invented"]);
    assert_eq!((better.image.as_str(), &better.note), ("1", &None));
    assert_eq!(better.lists[1].items, ["nothing"]);

    let html = page.html();
    assert!(!html.contains("<script") && !html.contains("://") && html.contains("Errors by kind"));
    assert_eq!(html.matches("<img src=\"data:image/jpeg;base64,").count(), 7);
    assert_eq!(html.matches("src=").count(), 7);
    Ok(())
}

#[test]
fn without_photos_the_maps_are_drawn() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = written(folder.path())?;
    let report = panoptic_with_errors(&files, Convention::Coco, &())?;
    let pairs = FilePairs::open(&files, None)?;
    let evaluation = || Evaluation::new(&report, pairs.categories());
    let page = evaluation().page(|image| pairs.pair(image))?;
    assert!(page.examples.iter().all(|example| example.pictures.len() == 3 && example.note.is_none()));
    assert_eq!(evaluation().with_images(1).page(|image| pairs.pair(image))?.examples.len(), 1);
    assert!(evaluation().page(|_| Ok(None))?.examples.is_empty());
    assert!(pairs.pair(&"elsewhere".into())?.is_none());

    // Those beside the ground truth are found.
    std::fs::rename(folder.path().join("photos"), folder.path().join("images")).expect("moved");
    let found = FilePairs::open(&files, None)?.pair(&1.into())?.expect("there is one");
    assert!(found.photo.is_some());

    // A dataset knows its photos; the one that is missing is told.
    let truth = CocoPanoptic::open(&files.truth, folder.path(), &files.truth_folder)?;
    let pairs = FilePairs::new(truth, CocoPredictions::open(&files.prediction, &files.prediction_folder)?);
    let missing = pairs.pair(&0.into())?.expect("there is one");
    assert!(
        missing
            .note
            .is_some_and(|note| note.starts_with("The photo is not shown: ") && note.contains("0.png"))
    );
    Ok(())
}

#[test]
fn settings_and_maps_are_checked() -> Result<()> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = written(folder.path())?;
    let report = panoptic_with_errors(&files, Convention::Coco, &())?;
    let classes = categories();
    let evaluation = || Evaluation::new(&report, &classes);
    let text = |evaluation: Evaluation<'_>| evaluation.page(|_| Ok(None)).expect_err("refused").to_string();
    assert_eq!(text(evaluation().with_images(201)), "images: at most 200 can be shown, found 201");
    assert_eq!(text(evaluation().with_edge(8)), "edge: must lie in 32 to 2048 pixels, found 8");
    let odd = |_: &ImageId| {
        let mut prediction = quarters([1; 4]);
        prediction.segments.clear();
        Ok(Some(Pair { photo: None, truth: quarters([1; 4]), prediction, note: None }))
    };
    let error = evaluation().page(odd).expect_err("pixels of no segment").to_string();
    assert!(error.starts_with("image 2: predicted segment 1: "), "{error}");
    Ok(())
}

#[test]
fn what_was_missed_and_what_was_invented_have_their_colours() -> Result<()> {
    // Above: missed and nothing, below: invented, and both.
    let (truth, prediction) = (quarters([1, 10, 11, 2]), quarters([0, 10, 3, 12]));
    let report_of = |pair: &Pair| {
        let errors = PanopticErrors::new(categories());
        errors.compare(&pair.truth, &pair.prediction).map(|(_, found)| found.flaws)
    };
    let photo = Some(RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([200; 3])));
    let pair = Pair { photo, truth, prediction, note: None };
    let flaws = report_of(&pair)?;
    let classes = categories();
    let drawing = Drawing { pair: &pair, flaws: &flaws, categories: &classes, edge: WIDTH };
    let pictures = drawing.pictures()?;
    let last = image::load_from_memory(&pictures[3].jpeg).expect("a JPEG").into_rgb8();
    assert_eq!(last.dimensions(), (WIDTH, HEIGHT));
    let at = |x, y| last.get_pixel(x, y).0.map(i32::from);
    let [red, _, blue] = at(8, 7);
    assert!(red > blue + 60, "missed is orange");
    let [red, green, blue] = at(30, 7);
    assert!(
        (red - blue).abs() < 25 && (green - blue).abs() < 25 && blue < 120,
        "what is right is dim and grey"
    );
    // Here a hat was missed and a shirt invented, there the other way round: stripes of both colours.
    for quarter in [0..WIDTH / 2, WIDTH / 2..WIDTH] {
        let row = || quarter.clone().map(|x| at(x, 22));
        assert!(row().any(|[red, _, blue]| red > blue + 60) && row().any(|[red, _, blue]| blue > red + 60));
    }
    Ok(())
}
