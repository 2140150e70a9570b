//! Tables that scroll within themselves where the page is too narrow or they are too long.

use super::html::Html;

/// A column: its heading, and whether it holds numbers.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    heading: &'static str,
    class: &'static str,
}

impl Column {
    /// A column of text.
    pub fn text(heading: &'static str) -> Self {
        Self { heading, class: "text" }
    }

    /// A column of numbers, aligned at their ends.
    pub fn number(heading: &'static str) -> Self {
        Self { heading, class: "number" }
    }

    /// A column of bars or small charts, which takes what room there is.
    pub fn chart(heading: &'static str) -> Self {
        Self { heading, class: "wide" }
    }
}

/// A table that is filled row by row.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Html,
}

impl Table {
    /// A table without rows.
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), rows: Html::new() }
    }

    /// Adds a row of as many cells as there are columns.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Html>) {
        let mut row = Html::new();
        for (column, cell) in self.columns.iter().zip(cells) {
            row.push(Html::of_class("td", column.class, cell));
        }
        self.rows.push(Html::element("tr", &[], row));
    }

    /// The table.
    pub fn finish(self) -> Html {
        let heads = self.columns.iter().map(|column| Html::of_class("th", column.class, column.heading));
        let head = Html::element("thead", &[], Html::element("tr", &[], heads.collect::<Html>()));
        let table = Html::element("table", &[], head.with(Html::element("tbody", &[], self.rows)));
        // It can be reached and scrolled by the keyboard.
        Html::element("div", &[("class", "scroll"), ("tabindex", "0")], table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let mut table = Table::new(&[Column::text("<a>"), Column::number("b")]);
        table.row(["x".into(), "1".into(), "too many".into()]);
        let html = table.finish().into_string();
        assert!(html.contains("<th class=\"text\">&lt;a&gt;</th><th class=\"number\">b</th>"));
        assert!(html.contains("<td class=\"text\">x</td><td class=\"number\">1</td></tr>"));
    }
}
