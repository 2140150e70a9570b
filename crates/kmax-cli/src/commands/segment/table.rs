//! The table of what was found.

use kmax_results::Row;
use std::collections::BTreeMap;

/// More rows than this are told by class.
const MOST: usize = 100;

/// One line a row: class, score, share of the photo; aligned, with a line of titles. Those of a share below `least` are counted
/// only. Where there are very many, one line a class: how many, their mean score, their share together.
pub fn render(rows: &[Row], least: f64) -> String {
    if rows.is_empty() {
        return "nothing found\n".into();
    }
    let (mut rows, small): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.share >= least);
    let rest = match small.len() {
        0 => String::new(),
        1 => format!("1 smaller than {} left out (--min-share 0 shows it)\n", percent(Some(least))),
        n => format!("{n} smaller than {} left out (--min-share 0 shows them)\n", percent(Some(least))),
    };
    if rows.is_empty() {
        return rest;
    }
    if rows.len() > MOST {
        return by_class(&rows) + &rest;
    }
    rows.sort_by(|a, b| b.share.total_cmp(&a.share));
    let width = longest(rows.iter().map(|row| row.name.as_str()));
    let mut table = format!("{:width$}  {:>7}  {:>7}\n", "class", "score", "share");
    for Row { name, score, share, .. } in rows {
        table += &format!("{name:width$}  {:>7}  {:>7}\n", percent(*score), percent(Some(*share)));
    }
    table + &rest
}

fn by_class(rows: &[&Row]) -> String {
    // Of each class, how many, the sum of scores, and their share.
    let mut classes: BTreeMap<&str, (usize, Option<f64>, f64)> = BTreeMap::new();
    for row in rows {
        let (count, score, share) = classes.entry(&row.name).or_insert((0, Some(0.0), 0.0));
        (*count, *score, *share) = (*count + 1, score.zip(row.score).map(|(a, b)| a + b), *share + row.share);
    }
    let width = longest(classes.keys().copied());
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_by(|(_, a), (_, b)| b.2.total_cmp(&a.2));
    let mut table = format!("{:width$}  {:>7}  {:>7}  {:>7}\n", "class", "number", "score", "share");
    for (name, (count, score, share)) in classes {
        let score = percent(score.map(|sum| sum / count as f64));
        table += &format!("{name:width$}  {count:>7}  {score:>7}  {:>7}\n", percent(Some(share)));
    }
    table
}

fn longest<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0).max(5)
}

/// Hundredths, with as many digits as small ones need.
fn percent(value: Option<f64>) -> String {
    match value.map(|value| 100.0 * value) {
        None => "-".into(),
        Some(value) if value > 0.0 && value < 0.095 => {
            let digits = (-value.log10()).ceil().min(6.0) as usize;
            format!("{value:.digits$} %")
        }
        Some(value) => format!("{value:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, score: Option<f64>, share: f64) -> Row {
        let (category_id, isthing, area, bbox, iscrowd) = (1, true, 1, [0; 4], 0);
        let (id, image_id, segmentation) = (None, None, None);
        let name = name.to_owned();
        Row { id, category_id, name, isthing, score, area, share, bbox, iscrowd, image_id, segmentation }
    }

    #[test]
    fn rows_are_aligned_and_the_largest_comes_first() {
        let rows = [row("hair", Some(0.5), 0.0213), row("background", None, 0.9)];
        let expected = "class         score    share\n\
                        background        -   90.0 %\n\
                        hair         50.0 %    2.1 %\n";
        assert_eq!(render(&rows, 0.001), expected);
        assert_eq!(render(&[], 0.001), "nothing found\n");
    }

    #[test]
    fn very_many_are_told_by_class() {
        let rows: Vec<Row> =
            (0..150).map(|k| row("cell", Some(0.5 + 0.4 * f64::from(k % 2)), 0.0000512)).collect();
        let rows = [rows, vec![row("background", None, 0.9)]].concat();
        let expected = "class        number    score    share\n\
                        background        1        -   90.0 %\n\
                        cell            150   70.0 %    0.8 %\n";
        assert_eq!(render(&rows, 0.0), expected);
        assert_eq!(percent(Some(0.0000512)), "0.005 %");
        assert_eq!(percent(Some(0.00049)), "0.05 %");
    }

    #[test]
    fn small_ones_are_counted() {
        let rows = [row("hair", Some(0.5), 0.0213), row("bag", Some(0.4), 0.0004)];
        let told = render(&rows, 0.001);
        assert!(
            told.ends_with(
                "hair    50.0 %    2.1 %\n1 smaller than 0.1 % left out (--min-share 0 shows it)\n"
            )
        );
        assert_eq!(render(&rows, 0.0).lines().count(), 3);
        assert_eq!(render(&rows, 0.5), "2 smaller than 50.0 % left out (--min-share 0 shows them)\n");
    }
}
