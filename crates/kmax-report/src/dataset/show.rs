//! The parts of a dataset's page.

use std::collections::{BTreeMap, BTreeSet};

use kmax_datasets::Category;
use kmax_masks::colors;

use super::doubts::{self, TINY};
use super::samples::Drawn;
use super::statistics::ClassFacts;
use super::{DatasetOptions, Split};
use crate::page::chart::Histogram;
use crate::page::number::{NONE, count, counted, median, percent};
use crate::page::{Column, Html, Page, Table, beside, part};

/// Bytes of all drawn images of a page.
pub const ROOM: usize = 64 << 20;

/// What all splits have in common.
pub fn header(page: &mut Page, splits: &[Split], options: &DatasetOptions) {
    for note in &options.notes {
        page.header(Html::of_class("p", "lead", note.as_str()));
    }
    let sum = |number: fn(&Split) -> u64| splits.iter().map(number).sum::<u64>();
    let names: BTreeSet<&str> = splits
        .iter()
        .flat_map(|split| split.dataset.categories())
        .map(|category| category.name.as_str())
        .collect();
    let each = splits.iter().map(|split| format!("{} {}", split.name, count(split.labels.len() as u64)));
    let pixels = sum(|split| split.statistics.pixels).max(1);
    let void = sum(|split| split.statistics.void) as f64 / pixels as f64;
    let tiles = part::tiles(&[
        ("Images", count(sum(|split| split.labels.len() as u64)), each.collect::<Vec<_>>().join(", ")),
        ("Classes", count(names.len() as u64), kinds(splits)),
        ("Segments", count(sum(|split| split.statistics.segments())), String::new()),
        ("Void", percent(void), "pixels of no segment".to_owned()),
    ]);
    // A split alone says the same of itself.
    page.header(if splits.len() == 1 { Html::new() } else { tiles });
    page.header(doubts::all(splits, options.queries));
}

fn kinds(splits: &[Split]) -> String {
    let names = |isthing: bool| -> usize {
        let all = splits.iter().flat_map(|split| split.dataset.categories());
        all.filter(|category| category.isthing == isthing).map(|c| &c.name).collect::<BTreeSet<_>>().len()
    };
    format!("{}, {} stuff", counted(names(true) as u64, "thing"), count(names(false) as u64))
}

/// A split: its numbers, its classes, its samples.
pub fn split(page: &mut Page, nth: usize, split: &Split, options: &DatasetOptions, room: &mut usize) {
    let sum = &split.statistics;
    let most = sum.per_image.iter().max().copied().unwrap_or(0);
    let occur = split.dataset.categories().iter().filter(|c| sum.classes.contains_key(&c.id)).count();
    let unreadable = split.labels.len() as u64 - sum.images + split.samples.failed.len() as u64;
    let note = if unreadable > 0 { format!("{} cannot be read", count(unreadable)) } else { String::new() };
    let mut content = part::tiles(&[
        ("Images", count(split.labels.len() as u64), note),
        ("Classes", count(occur as u64), format!("of {} listed", split.dataset.categories().len())),
        ("Segments", count(sum.segments()), tiny(sum.smaller_than(TINY))),
        ("Most in one image", count(most), format!("of {} queries", options.queries)),
        ("Void", percent(sum.share(sum.void)), "pixels of no segment".to_owned()),
    ]);
    content.push(histograms(split));
    content.push(Html::element("h3", &[], "Classes"));
    content.push(classes(nth, split));
    content.push(empty(split));
    content.push(Html::element("h3", &[], "Samples"));
    content.push(samples(nth, split, room));
    page.section(split.name, content);
}

fn tiny(number: u64) -> String {
    if number == 0 { String::new() } else { format!("{} smaller than {TINY} pixels", count(number)) }
}

fn histograms(split: &Split) -> Html {
    let sum = &split.statistics;
    let edges = sum.sizes.iter().flat_map(|(&(width, height), &number)| {
        std::iter::repeat_n(width.max(height) as u64, number as usize)
    });
    let sides = sum.classes.values().flat_map(|facts| &facts.areas).map(|area| area.isqrt());
    let charts = Html::new()
        .with(Histogram::new("Longer edge", " px", edges.collect()).finish())
        .with(Histogram::new("Segments per image", "", sum.per_image.clone()).finish())
        .with(Histogram::new("Segment \u{221a}area", " px", sides.collect()).finish());
    let mut sizes: Vec<(&(usize, usize), &u64)> = sum.sizes.iter().collect();
    sizes.sort_by_key(|(size, number)| (std::cmp::Reverse(**number), **size));
    let shown = sizes
        .iter()
        .take(5)
        .map(|((width, height), number)| format!("{width} \u{d7} {height}: {}", count(**number)));
    let mut line = format!("Sizes (width \u{d7} height): {}", shown.collect::<Vec<_>>().join(" \u{b7} "));
    if sizes.len() > 5 {
        line.push_str(&format!(" \u{b7} {} others", count(sizes.len() as u64 - 5)));
    }
    let charts = Html::of_class("div", "charts small", charts);
    if sizes.is_empty() { charts } else { charts.with(part::note(line)) }
}

/// The id of a sample within the page.
fn anchor(nth: usize, index: usize) -> String {
    format!("sample-{}-{}", nth + 1, index + 1)
}

fn classes(nth: usize, split: &Split) -> Html {
    let mut table = Table::new(&[
        Column::text("Class"),
        Column::text("Kind"),
        Column::number("Images"),
        Column::number("Segments"),
        Column::chart("Share of pixels"),
        Column::number("Smallest"),
        Column::number("Median"),
        Column::number("Largest"),
    ]);
    let shown: BTreeMap<u32, usize> = split
        .samples
        .drawn
        .keys()
        .rev()
        .filter_map(|&index| Some((index, split.labels[index].as_ref().ok()?)))
        .flat_map(|(index, labels)| labels.segments.iter().map(move |segment| (segment.0, index)))
        .collect();
    let most = split.statistics.classes.values().map(|facts| facts.pixels).max().unwrap_or(0).max(1);
    for category in split.dataset.categories() {
        let facts = split.statistics.classes.get(&category.id);
        let name = match shown.get(&category.id) {
            Some(&index) => {
                let link = format!("#{}", anchor(nth, index));
                Html::element(
                    "a",
                    &[("href", link.as_str()), ("title", "an image that has it")],
                    named(category),
                )
            }
            None => named(category).into(),
        };
        let name = part::dot(colors::of_segment(category, 0)).with(name);
        let kind = part::chip(if category.isthing { "thing" } else { "stuff" });
        let empty = ClassFacts::default();
        let facts = facts.unwrap_or(&empty);
        let share = percent(split.statistics.share(facts.pixels));
        let area = |area: Option<u64>| {
            Html::from(area.map_or(NONE.to_owned(), |area| format!("{} px", count(area))))
        };
        table.row([
            name,
            kind,
            count(facts.images).into(),
            count(facts.areas.len() as u64).into(),
            part::bar(facts.pixels as f64 / most as f64, &share),
            area(facts.areas.first().copied()),
            area(median(&facts.areas)),
            area(facts.areas.last().copied()),
        ]);
    }
    table
        .finish()
        .with(part::note("Areas are those of single segments. A name leads to an image that has the class."))
}

fn named(category: &Category) -> String {
    if category.name.is_empty() { "(no name)".to_owned() } else { part::shortened(&category.name) }
}

/// Images without segments.
fn empty(split: &Split) -> Html {
    let none = |labels: &std::result::Result<_, _>| -> bool {
        labels.as_ref().is_ok_and(|labels: &super::Labels| labels.segments.is_empty())
    };
    let places: Vec<usize> = (0..split.labels.len()).filter(|&at| none(&split.labels[at])).collect();
    if places.is_empty() {
        return Html::new();
    }
    let id = |at: &usize| split.dataset.id(*at).map_or(format!("place {at}"), |id| id.to_string());
    let ids = doubts::joined(places.iter().map(id).collect());
    let summary = format!("{} without any segment", counted(places.len() as u64, "image"));
    Html::element("details", &[], Html::element("summary", &[], summary).with(part::note(ids)))
}

fn samples(nth: usize, split: &Split, room: &mut usize) -> Html {
    let drawn = &split.samples.drawn;
    if drawn.is_empty() {
        return part::note("No image is shown.");
    }
    let (mut cards, mut shown, mut fitting) = (Html::new(), BTreeSet::new(), 0);
    for (&index, sample) in drawn {
        let needed = (sample.photo.len() + sample.overlay.len()) * 4 / 3;
        if needed > *room {
            break;
        }
        *room -= needed;
        fitting += 1;
        if let Ok(labels) = &split.labels[index] {
            shown.extend(labels.segments.iter().map(|segment| segment.0));
            cards.push(card(&anchor(nth, index), split, labels, sample));
        }
    }
    let cut = drawn.len() - fitting;
    let all = counted(split.labels.len() as u64, "image");
    let mut line = format!(
        "{} of {all}, spread over the split; the other photos were not read to their end.",
        count(fitting as u64)
    );
    let unseen: Vec<String> = split
        .dataset
        .categories()
        .iter()
        .filter(|category| {
            split.statistics.classes.contains_key(&category.id) && !shown.contains(&category.id)
        })
        .map(|category| category.name.clone())
        .collect();
    if unseen.is_empty() {
        line.push_str(" Every class that occurs is among them.");
    } else {
        line.push_str(&format!(" Not among them: {}.", doubts::joined(unseen)));
    }
    if cut > 0 {
        line.push_str(&format!(" {} more would make the page too large.", count(cut as u64)));
    }
    part::note(line).with(Html::of_class("div", "cards", cards))
}

fn card(anchor: &str, split: &Split, labels: &super::Labels, sample: &Drawn) -> Html {
    let id = sample.id.to_string();
    let pictures = beside(&[("Photo", &sample.photo), ("Labels", &sample.overlay)], &id);
    let mut numbers: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (class, area) in &labels.segments {
        let entry = numbers.entry(*class).or_default();
        *entry = (entry.0 + 1, entry.1 + area);
    }
    let mut largest: Vec<_> = numbers.into_iter().collect();
    largest.sort_by_key(|(class, (_, area))| (std::cmp::Reverse(*area), *class));
    let class = |(class, (number, _)): &(u32, (u64, u64))| {
        let name = split.dataset.categories().get(*class).map_or(format!("class {class}"), named);
        let times = if *number > 1 { format!(" \u{d7}{number}") } else { String::new() };
        Html::element("span", &[], format!("{name}{times}"))
    };
    let size = format!("{} \u{d7} {}", labels.width, labels.height);
    let name = Html::element("span", &[], id.as_str()).with(Html::of_class("span", "soft", size));
    let body = Html::of_class("div", "name", name).with(Html::of_class(
        "div",
        "classes",
        largest.iter().map(class).collect::<Html>(),
    ));
    let card = pictures.with(Html::of_class("div", "body", body));
    Html::element("article", &[("class", "card"), ("id", anchor)], card)
}
