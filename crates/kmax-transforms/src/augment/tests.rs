use super::*;
use crate::deeplab2::autoaugment::Policy;
use crate::deeplab2::copy_paste::{CopyPaste, Pair};
use crate::deeplab2::labels::{Encoding, GroundTruth};
use crate::draw::below;
use image::{Rgb, RgbImage};
use kmax_masks::{Category, LabelMap, Panoptic};
use std::collections::HashSet;

/// Things 10 and 30, stuff 20 and 40.
fn categories() -> Categories {
    let category = |id| Category {
        id,
        name: id.to_string(),
        isthing: id % 20 == 10,
        color: [0; 3],
        supercategory: None,
    };
    Categories::new([30, 40, 10, 20].map(category).to_vec()).expect("distinct")
}

fn draw(index: u64) -> Draw {
    Draw { seed: 8, epoch: 1, index, copy: 0 }
}

/// Blocks of segments 0 to 12: two of each class, then a crowd of each; id 0 is void, and so is 9, which is not listed. Red
/// and green say where a pixel lies, and `blue` is added to ten times its id.
fn sample(seed: u64, [height, width]: [usize; 2], blue: u8) -> Sample {
    let random = &mut Draw { seed, epoch: 0, index: 0, copy: 0 }.generator(99);
    let blocks: Vec<u32> = (0..48).map(|_| below(random, 13) as u32).collect();
    let data = (0..height * width)
        .map(|at| blocks[(at / width * 6 / height) * 8 + at % width * 8 / width])
        .collect();
    let map = LabelMap::new(width, height, data).expect("sizes fit");
    let image = RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let id = map.get(x as usize, y as usize).expect("inside") as u8;
        Rgb([(x * 200 / width as u32) as u8, (y * 200 / height as u32) as u8, blue + id * 10])
    });
    let mut panoptic = Panoptic::from_map(map, |id| (10 + id.saturating_sub(1) % 4 * 10, id > 8));
    panoptic.segments.retain(|segment| segment.id != 9);
    // Lists are not always by rising id.
    panoptic.segments.reverse();
    Sample { image, panoptic, image_id: 7.into() }
}

fn fitted(policy: Option<Policy>, copy_paste: bool) -> Augmentation {
    let transform = TrainTransform { crop: [65, 97], ..TrainTransform::default() };
    Augmentation::Fitted(Fitted { transform, policy, copy_paste })
}

fn pytorch(copy_paste: bool) -> Augmentation {
    Augmentation::Pytorch { transform: PytorchTrain { size: [65, 97], scale: [0.2, 2.0] }, copy_paste }
}

fn deeplab2(copy_paste: Option<CopyPaste>) -> Augmentation {
    Augmentation::Deeplab2 { transform: deeplab2_transform(copy_paste) }
}

fn deeplab2_transform(copy_paste: Option<CopyPaste>) -> Deeplab2Train {
    Deeplab2Train {
        crop: [65, 97],
        min: Some([65; 2]),
        max: Some([97; 2]),
        scale: [0.3, 1.7],
        step: 0.1,
        policy: Some(Policy::SimpleClassification),
        encoding: Encoding::of(&categories()),
        copy_paste,
        copy_paste_scale: 0.5,
    }
}

#[test]
fn every_example_is_whole() -> Result<()> {
    let all = [
        fitted(Some(Policy::SimpleClassification), true),
        fitted(None, false),
        pytorch(true),
        pytorch(false),
        deeplab2(Some(CopyPaste::default())),
        deeplab2(None),
    ];
    let mut masked = 0;
    for (augmentation, index) in all.iter().flat_map(|augmentation| (0..10).map(move |at| (augmentation, at)))
    {
        let (target, second) = (sample(index, [50, 70], 0), sample(100 + index, [80, 40], 100));
        let example = augmentation.apply(&target, Some(&second), &categories(), draw(index))?;
        assert_eq!([example.height, example.width], augmentation.crop());
        assert_eq!((example.image.len(), example.labels.data().len()), (3 * 65 * 97, 65 * 97));
        assert!(example.image.iter().all(|value| (0.0..=255.0).contains(value)));
        assert_eq!(example.image_id, target.image_id);
        // The list is exactly what the map shows, and nothing is labelled where there is no image.
        let panoptic = Panoptic::new(example.labels.clone(), example.segments.clone());
        panoptic.validate(&categories()).expect("valid");
        let mut measured = panoptic.clone();
        measured.measure();
        assert!(measured == panoptic, "areas and boxes");
        let labels = example.labels.data();
        assert!((0..65 * 97).all(|pixel| example.is_real(pixel) || labels[pixel] == 0));
        masked += usize::from(example.real.is_some());
        let again = augmentation.apply(&target, Some(&second), &categories(), draw(index))?;
        assert!(again == example, "equal draws give equal examples");
        let other = augmentation.apply(&target, Some(&second), &categories(), draw(index + 1000))?;
        assert!(other != example, "other draws give others");
    }
    assert!(masked > 0, "something is pasted over padding");
    Ok(())
}

#[test]
fn additions_leave_the_other_draws_alone() -> Result<()> {
    let mut coloured = 0;
    for index in 0..10 {
        let (target, second) = (sample(index, [50, 70], 0), sample(100 + index, [80, 40], 100));
        let make = |augmentation: Augmentation| {
            augmentation.apply(&target, Some(&second), &categories(), draw(index))
        };
        let transform = TrainTransform { crop: [65, 97], ..TrainTransform::default() };
        let plain = transform.apply(&target, draw(index))?;
        assert!(make(transform.into())? == plain);
        let policy = make(fitted(Some(Policy::SimpleClassification), false))?;
        coloured += usize::from(policy.image != plain.image);
        assert!(TrainingExample { image: plain.image.clone(), ..policy } == plain, "only colours change");
        // What is not pasted over stays as it was.
        let pasted = make(fitted(None, true))?;
        let own: HashSet<u32> = plain.segments.iter().map(|segment| segment.id).chain([0]).collect();
        for (at, id) in pasted.labels.data().iter().enumerate().filter(|(_, id)| own.contains(id)) {
            let values = |example: &TrainingExample| [0, 1, 2].map(|c| example.image[c * 65 * 97 + at]);
            assert_eq!((plain.labels.data()[at], values(&plain)), (*id, values(&pasted)), "pixel {at}");
        }
    }
    assert!((2..10).contains(&coloured), "{coloured}");
    Ok(())
}

#[test]
fn things_of_the_second_image_are_laid_over_at_half_the_scale() -> Result<()> {
    let whole = |blue, category| {
        let map = LabelMap::filled(64, 64, 1).expect("64 x 64");
        Sample {
            image: RgbImage::from_pixel(64, 64, Rgb([0, 0, blue])),
            panoptic: Panoptic::from_map(map, |_| (category, false)),
            image_id: 1.into(),
        }
    };
    let transform =
        TrainTransform { crop: [64, 96], scale: [1.0; 2], jitter: [0.0; 3], ..TrainTransform::default() };
    let wide = Augmentation::Fitted(Fitted { transform, policy: None, copy_paste: true });
    let (target, categories) = (whole(50, 40), categories());
    let example = wide.apply(&target, Some(&whole(200, 10)), &categories, draw(0))?;
    let found: Vec<_> = example.segments.iter().map(|s| (s.id, s.category_id, s.area, s.bbox)).collect();
    assert_eq!(found, [(1, 40, 64 * 64 - 32 * 32, [0, 0, 64, 64]), (2, 10, 32 * 32, [0, 0, 32, 32])]);
    let blue = &example.image[2 * 64 * 96..];
    assert_eq!((blue[0], blue[31 * 96 + 31], blue[32 * 96], blue[32]), (200.0, 200.0, 50.0, 50.0));
    assert_eq!((example.real_height, example.real_width, example.real), (64, 64, None));
    // Stuff is pasted sometimes.
    let stuff = (0..40).map(|at| wide.apply(&target, Some(&whole(200, 20)), &categories, draw(at)));
    let pasted = stuff.collect::<Result<Vec<_>>>()?.iter().filter(|e| e.segments.len() == 2).count();
    assert!((8..32).contains(&pasted), "{pasted}");
    Ok(())
}

#[test]
fn the_pytorch_examples_are_taken_as_they_are() -> Result<()> {
    for index in 0..10 {
        let (target, second) = (sample(index, [50, 70], 0), sample(100 + index, [80, 40], 100));
        let transform = PytorchTrain { size: [65, 97], scale: [0.2, 2.0] };
        let thing = |id| categories().is_thing(id);
        for source in [None, Some(&second)] {
            let raw = transform.apply(&target, source, thing, draw(index))?;
            let made = pytorch(source.is_some()).apply(&target, source, &categories(), draw(index))?;
            assert!(made.segments == raw.panoptic.segments);
            for (at, pixel) in raw.image.pixels().enumerate() {
                let listed = raw.panoptic.segment(raw.panoptic.map.data()[at]);
                assert_eq!(made.labels.data()[at], listed.map_or(0, |segment| segment.id));
                assert_eq!(made.is_real(at), raw.real[at]);
                assert_eq!([0, 1, 2].map(|c| made.image[c * 65 * 97 + at]), pixel.0.map(f32::from));
            }
        }
    }
    Ok(())
}

#[test]
fn deeplab2s_ground_truth_survives_as_segments() -> Result<()> {
    let categories = categories();
    let (mut things, mut crowds, mut void) = (0, 0, 0);
    for index in 0..12 {
        let (target, second) = (sample(index, [50, 70], 0), sample(100 + index, [80, 40], 100));
        for paste in [None, Some(CopyPaste::default())] {
            let transform = deeplab2_transform(paste);
            let encoding = &transform.encoding;
            let pair = |sample: &Sample| -> Result<Pair> {
                let class = |id| categories.index_of(id).map(|index| index as u32 + 1);
                let labels = encoding.encode(&sample.panoptic, class)?;
                Ok(Pair { image: Planar::from_rgb(&sample.image), labels })
            };
            let raw = transform.apply(&pair(&target)?, Some(&pair(&second)?), draw(index))?;
            let truth = GroundTruth::new(&raw.labels, encoding)?;
            let made = deeplab2(paste).apply(&target, Some(&second), &categories, draw(index))?;
            assert!(made.image == raw.image.data && made.real.is_none());
            assert_eq!((made.real_height, made.real_width), (65, 97));

            // What a loss makes of segments: instances of things are targets in their order, crowds are none.
            let is_target = |s: &&kmax_masks::Segment| categories.is_thing(s.category_id) && !s.iscrowd;
            let targets: Vec<_> = made.segments.iter().filter(is_target).collect();
            let classes =
                targets.iter().map(|s| categories.index_of(s.category_id).expect("known") as u32 + 1);
            assert_eq!(classes.collect::<Vec<_>>(), truth.thing_classes);
            for (at, id) in made.labels.data().iter().enumerate() {
                let segment = made.segments.iter().find(|segment| segment.id == *id);
                let class = segment.map_or(0, |s| categories.index_of(s.category_id).expect("known") + 1);
                assert_eq!(class as u32, truth.semantic.data()[at]);
                assert_eq!(segment.is_some_and(|s| s.iscrowd), truth.crowd[at]);
                assert_eq!(targets.iter().position(|s| s.id == *id), truth.thing[at]);
                void += usize::from(class == 0);
            }
            things += targets.len();
            crowds += made.segments.iter().filter(|segment| segment.iscrowd).count();
            let stuff = made.segments.iter().filter(|s| !categories.is_thing(s.category_id));
            let mut seen: Vec<u32> = stuff.map(|s| s.category_id).collect();
            seen.sort_unstable();
            assert!(seen.windows(2).all(|pair| pair[0] != pair[1]), "stuff of a class is one segment");
        }
    }
    assert!(things > 60 && crowds > 12 && void > 1000, "{things} {crowds} {void}");
    Ok(())
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let target = sample(1, [50, 70], 0);
    let refused = |augmentation: &Augmentation, second: Option<&Sample>, categories: &Categories| {
        augmentation.apply(&target, second, categories, draw(0)).expect_err("refused").to_string()
    };
    for augmentation in [fitted(None, true), pytorch(true), deeplab2(Some(CopyPaste::default()))] {
        assert!(augmentation.needs_second());
        let message = refused(&augmentation, None, &categories());
        assert_eq!(message, "second: copy-paste needs a second image, and there is none");
        let mut odd = sample(2, [50, 70], 0);
        odd.panoptic.segments[0].category_id = 50;
        let message = refused(&augmentation, Some(&odd), &categories());
        assert!(message.ends_with("of image 7 has the unknown category 50"), "{message}");
    }
    for augmentation in [fitted(None, false), pytorch(false), deeplab2(None)] {
        assert!(!augmentation.needs_second() && augmentation.check().is_ok());
        assert!(augmentation.apply(&target, None, &categories(), draw(0)).is_ok());
    }
    let mut transform = deeplab2_transform(None);
    transform.encoding = Encoding::of(&Categories::coco_panoptic());
    let message = refused(&Augmentation::Deeplab2 { transform }, None, &categories());
    assert!(message.starts_with("encoding: "), "{message}");
    // Six instances of class 10, and room for fewer.
    let mut transform = deeplab2_transform(None);
    transform.encoding.divisor = 2;
    let many = Augmentation::Deeplab2 { transform };
    let message = refused(&many, None, &categories());
    assert!(message.starts_with("divisor: ") && message.contains("more instances"), "{message}");

    let wrong = [
        fitted(None, false),
        Augmentation::Pytorch {
            transform: PytorchTrain { size: [0, 5], scale: [1.0; 2] },
            copy_paste: false,
        },
        Augmentation::Deeplab2 { transform: Deeplab2Train { scale: [2.0, 1.0], ..deeplab2_transform(None) } },
    ];
    assert!(wrong[0].check().is_ok() && wrong[1].check().is_err() && wrong[2].check().is_err());
}
