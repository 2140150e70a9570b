//! The table of what was found.

use serde_json::Value;

/// One line a row: class, score, share of the photo; aligned, with a line of titles.
pub fn render(rows: &[Value]) -> String {
    if rows.is_empty() {
        return "nothing found\n".into();
    }
    let mut rows: Vec<&Value> = rows.iter().collect();
    let share = |row: &Value| row["share"].as_f64().unwrap_or(0.0);
    rows.sort_by(|a, b| share(b).total_cmp(&share(a)));
    let name = |row: &Value| row["name"].as_str().unwrap_or("?").to_owned();
    let percent =
        |value: &Value| value.as_f64().map_or("-".into(), |value| format!("{:.1} %", 100.0 * value));
    let width = rows.iter().map(|row| name(row).chars().count()).max().unwrap_or(0).max(5);
    let mut table = format!("{:width$}  {:>7}  {:>7}\n", "class", "score", "share");
    for row in rows {
        let (name, score, share) = (name(row), percent(&row["score"]), percent(&row["share"]));
        table += &format!("{name:width$}  {score:>7}  {share:>7}\n");
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_are_aligned_and_the_largest_comes_first() {
        let rows = [
            json!({"name": "hair", "score": 0.5, "share": 0.0213}),
            json!({"name": "background", "share": 0.9}),
        ];
        let expected = "class         score    share\n\
                        background        -   90.0 %\n\
                        hair         50.0 %    2.1 %\n";
        assert_eq!(render(&rows), expected);
        assert_eq!(render(&[]), "nothing found\n");
    }
}
