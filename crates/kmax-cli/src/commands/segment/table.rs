//! The table of what was found.

use kmax_results::Row;

/// One line a row: class, score, share of the photo; aligned, with a line of titles. Those of a share below `least` are counted
/// only.
pub fn render(rows: &[Row], least: f64) -> String {
    if rows.is_empty() {
        return "nothing found\n".into();
    }
    let percent = |value: Option<f64>| value.map_or("-".into(), |value| format!("{:.1} %", 100.0 * value));
    let (mut rows, small): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.share >= least);
    let rest = match small.len() {
        0 => String::new(),
        1 => format!("1 smaller than {} left out (--min-share 0 shows it)\n", percent(Some(least))),
        n => format!("{n} smaller than {} left out (--min-share 0 shows them)\n", percent(Some(least))),
    };
    if rows.is_empty() {
        return rest;
    }
    rows.sort_by(|a, b| b.share.total_cmp(&a.share));
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(5);
    let mut table = format!("{:width$}  {:>7}  {:>7}\n", "class", "score", "share");
    for Row { name, score, share, .. } in rows {
        table += &format!("{name:width$}  {:>7}  {:>7}\n", percent(*score), percent(Some(*share)));
    }
    table + &rest
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
