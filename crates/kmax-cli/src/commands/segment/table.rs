//! The table of what was found.

use kmax_results::Row;

/// One line a row: class, score, share of the photo; aligned, with a line of titles.
pub fn render(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "nothing found\n".into();
    }
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by(|a, b| b.share.total_cmp(&a.share));
    let percent = |value: Option<f64>| value.map_or("-".into(), |value| format!("{:.1} %", 100.0 * value));
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).max(5);
    let mut table = format!("{:width$}  {:>7}  {:>7}\n", "class", "score", "share");
    for Row { name, score, share, .. } in rows {
        table += &format!("{name:width$}  {:>7}  {:>7}\n", percent(*score), percent(Some(*share)));
    }
    table
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
        assert_eq!(render(&rows), expected);
        assert_eq!(render(&[]), "nothing found\n");
    }
}
