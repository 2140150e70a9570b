//! The page of a run.

use super::{Measurement, Photo, RunReport, charts, classes};
use crate::page::number::{NONE, count, counted, duration, points, short};
use crate::page::{Html, Page, beside, part};

/// So many of the worst and as many of the best images are shown.
const PHOTOS: usize = 8;

/// Seconds until a page of a run that goes on is read again.
const REFRESH: u32 = 60;

/// The page of a run as one HTML document, which is the same for equal reports. Each curve has at most 600 points, and at most 16
/// photos are shown, so that the page of the longest run is a few megabytes.
pub fn page(run: &RunReport) -> String {
    let mut page = Page::new(&run.title);
    let done =
        run.steps.last().map(|step| step.step).max(run.measurements.last().map(|m| m.step)).unwrap_or(0);
    if let Some(planned) = run.planned_steps.filter(|&planned| planned > 0) {
        if done < planned {
            page = page.refreshed_after(REFRESH);
        }
        let share = format!("width:{:.1}%", 100.0 * done.min(planned) as f64 / planned as f64);
        page.header(Html::of_class("div", "done", Html::element("span", &[("style", &share)], "")));
        page.header(part::note(format!("Step {} of {}", count(done as u64), count(planned as u64))));
    }
    page.header(tiles(run, done));
    for warning in &run.warnings {
        page.header(part::warning(warning, &[]));
    }
    page.header(no_numbers(run));
    let curves = charts::quality(&run.measurements).with(charts::losses(run));
    page.section("Curves", Html::of_class("div", "charts", curves));
    let table = classes::table(&run.measurements);
    if !table.is_empty() {
        page.section("Classes", table);
    }
    if !run.photos.is_empty() {
        page.section("Photos", photos(&run.photos));
    }
    page.section("Run", settings(run));
    page.finish()
}

fn tiles(run: &RunReport, done: usize) -> Html {
    let last = run.measurements.last();
    let of = |value: fn(&Measurement) -> Option<f64>| points(last.and_then(value));
    let best = run.measurements.iter().filter_map(|m| Some((m.pq.filter(|pq| pq.is_finite())?, m.step)));
    let best = best.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let best = best.map_or(String::new(), |(pq, step)| {
        format!("best {} at step {}", points(Some(pq)), count(step as u64))
    });
    let recent = &run.steps[run.steps.len() - (run.steps.len() / 20).max(1).min(run.steps.len())..];
    let finite: Vec<f64> = recent.iter().map(|step| step.loss).filter(|loss| loss.is_finite()).collect();
    let loss = if finite.is_empty() {
        NONE.to_owned()
    } else {
        short(finite.iter().sum::<f64>() / finite.len() as f64)
    };
    let seconds = last.map_or(NONE.to_owned(), |last| duration(last.seconds));
    part::tiles(&[
        ("PQ", of(|m| m.pq), best),
        ("mIoU", of(|m| m.miou), String::new()),
        ("Loss", loss, format!("mean of the last {}", counted(recent.len() as u64, "step"))),
        ("Steps", count(done as u64), String::new()),
        ("Time", seconds, "until the last measurement".to_owned()),
    ])
}

/// Steps whose loss is no number.
fn no_numbers(run: &RunReport) -> Html {
    let lost = run.steps.iter().filter(|step| !step.loss.is_finite());
    let Some(first) = lost.clone().next() else { return Html::new() };
    let number = counted(lost.count() as u64, "step");
    part::warning(
        &format!("The loss of {number} is no number, first at step {}", count(first.step as u64)),
        &[],
    )
}

fn photos(photos: &[Photo]) -> Html {
    let mut sorted: Vec<&Photo> = photos.iter().collect();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let cards = |photos: &[&Photo]| {
        let cards = photos.iter().map(|photo| card(photo)).collect::<Html>();
        Html::of_class("div", "cards three", cards)
    };
    if sorted.len() <= PHOTOS {
        return part::note("From the lowest PQ of an image to the highest.").with(cards(&sorted));
    }
    let (low, high) = sorted.split_at(PHOTOS.min(sorted.len() / 2));
    let high: Vec<&Photo> = high.iter().rev().take(PHOTOS).copied().collect();
    let heading = |text: &'static str| Html::element("h3", &[], text);
    heading("Worst").with(cards(low)).with(heading("Best")).with(cards(&high))
}

fn card(photo: &Photo) -> Html {
    let pictures = [("Photo", &photo.image), ("Truth", &photo.truth), ("Prediction", &photo.predicted)];
    let score = Html::of_class("span", "soft", format!("PQ {}", points(Some(photo.score))));
    let name = Html::element("span", &[], photo.name.as_str()).with(score);
    let body = Html::of_class("div", "body", Html::of_class("div", "name", name));
    Html::of_class("article", "card", beside(&pictures, &photo.name).with(body))
}

fn settings(run: &RunReport) -> Html {
    let mut content = Html::new();
    if !run.command.is_empty() {
        content.push(Html::element("pre", &[], Html::element("code", &[], run.command.as_str())));
    }
    let pair = |(name, value): &(String, String)| {
        Html::element("dt", &[], name.as_str()).with(Html::element("dd", &[], value.as_str()))
    };
    content.with(Html::of_class("dl", "pairs", run.settings.iter().map(pair).collect::<Html>()))
}

#[cfg(test)]
mod tests {
    use super::super::{ClassMeasurement, StepPoint};
    use super::*;
    use crate::page::tests::stands_alone;
    use kmax_masks::{Categories, LabelMap, Panoptic};

    fn run(steps: usize, measurements: usize) -> RunReport {
        let nasty = "<script>".to_owned();
        let step = |step| StepPoint {
            step,
            learning_rate: 1e-4,
            loss: if step == 7 { f64::NAN } else { 30.0 / step as f64 },
            terms: vec![(nasty.clone(), 1.0), ("mask".to_owned(), f64::INFINITY)],
        };
        let class = ClassMeasurement { name: nasty.clone(), pq: Some(0.25), ..Default::default() };
        let measured = |nth: usize| Measurement {
            step: nth * 10,
            seconds: 60.0 * nth as f64,
            pq: Some(0.5 / nth as f64),
            per_class: vec![class.clone(); 150],
            ..Measurement::default()
        };
        RunReport {
            title: nasty.clone(),
            command: nasty.clone(),
            settings: vec![(nasty.clone(), nasty.clone())],
            planned_steps: Some(100),
            steps: (1..=steps).map(step).collect(),
            measurements: (1..=measurements).map(measured).collect(),
            photos: Vec::new(),
            warnings: vec![nasty.clone()],
        }
    }

    #[test]
    fn every_text_is_escaped_and_nothing_comes_from_elsewhere() {
        for html in [page(&run(50, 3)), page(&run(1, 1)), page(&run(0, 0)), page(&RunReport::default())] {
            assert!(stands_alone(&html));
            assert!(!html.contains("<script") && !html.contains("NaN"));
        }
        let html = page(&run(50, 3));
        assert!(html.contains("best 50.0 at step 10") && html.contains("Step 50 of 100"));
        assert!(html.contains("The loss of 1 step is no number, first at step 7"));
    }

    #[test]
    fn a_run_that_is_done_is_not_read_again() {
        assert!(page(&run(99, 1)).contains("\"refresh\""));
        assert!(
            !page(&run(100, 1)).contains("\"refresh\"")
                && !page(&RunReport::default()).contains("\"refresh\"")
        );
    }

    #[test]
    fn a_long_run_is_a_small_page() {
        let html = page(&run(150_000, 300));
        assert!(html.len() < 1_500_000, "{}", html.len());
    }

    #[test]
    fn the_worst_come_first_and_few_are_shown() -> crate::Result<()> {
        let map = LabelMap::filled(40, 30, 1).expect("40 x 30");
        let panoptic = Panoptic::from_map(map, |_| (1, false));
        let image = image::RgbImage::new(40, 30);
        let photo = |nth: u32| {
            let score = f64::from(nth) / 100.0;
            let categories = Categories::coco_panoptic();
            Photo::new(&format!("photo {nth}"), &image, &panoptic, &panoptic, &categories, score)
        };
        let photos = (0..100).map(photo).collect::<crate::Result<_>>()?;
        let html = page(&RunReport { photos, ..run(5, 1) });
        assert!(stands_alone(&html));
        let shown = |nth: u32| html.find(&format!("<span>photo {nth}</span>"));
        assert!(shown(0) < shown(7) && shown(7) < shown(99) && shown(99) < shown(92) && shown(0).is_some());
        assert!(shown(8).is_none() && shown(91).is_none());
        assert_eq!(html.matches("data:image/jpeg").count(), 16 * 3);
        Ok(())
    }
}
