//! Errors by kind.

use std::fmt::Write;

use super::text::{escaped, gained};

/// More classes than this are shown only to those who ask.
const OPEN: usize = 20;

/// A kind of error.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorRow {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// Segments of the ground truth without a match.
    pub missed: u64,
    /// Predicted segments without one.
    pub invented: u64,
    /// What mending it would bring, as a share of 1; `None` where there is no number.
    pub gain: Option<f64>,
}

/// Errors by kind, and by kind and class.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorTable {
    /// The kinds, in the order in which they are shown.
    pub rows: Vec<ErrorRow>,
    /// The classes that have errors, in the order in which they are shown.
    pub classes: Vec<ErrorClass>,
}

/// The errors of a class.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorClass {
    /// The class.
    pub name: String,
    /// For each kind, in the order of the table's rows, how many errors there are and what mending them would bring to the class.
    pub kinds: Vec<(u64, Option<f64>)>,
}

impl ErrorTable {
    pub(super) fn write(&self, out: &mut String) {
        out.push_str(
            "<h2>Errors by kind</h2>\n<p>Segments without a match, each of one kind: missed ones of the ground truth and \
             invented ones of the prediction. The gain is what PQ would rise by if that kind alone were mended; kinds overlap \
             in it, so it does not add up.</p>\n<div class=\"box\"><table class=\"kinds\"><tr><th>Kind</th><th></th>\
             <th class=\"wide\"></th><th class=\"num\">PQ gain</th><th class=\"num\">missed</th>\
             <th class=\"num\">invented</th></tr>\n",
        );
        let most = self.rows.iter().filter_map(|row| row.gain).fold(f64::MIN_POSITIVE, f64::max);
        for row in &self.rows {
            let none = if row.missed + row.invented == 0 { " class=\"none\"" } else { "" };
            let _ = writeln!(
                out,
                "<tr{none}><td><b>{}</b></td><td class=\"what note\">{}</td><td class=\"wide\">\
                 <div class=\"bar\" style=\"width:{:.1}%\"></div></td><td class=\"num\">{}</td><td class=\"num\">{}</td>\
                 <td class=\"num\">{}</td></tr>",
                escaped(row.name),
                escaped(row.meaning),
                100.0 * (row.gain.unwrap_or(0.0) / most).clamp(0.0, 1.0),
                gained(row.gain),
                row.missed,
                row.invented
            );
        }
        out.push_str("</table></div>\n");
        if !self.classes.is_empty() {
            self.write_classes(out);
        }
    }

    fn write_classes(&self, out: &mut String) {
        let open = if self.classes.len() <= OPEN { " open" } else { "" };
        let _ = write!(
            out,
            "<details{open}><summary>By class: errors, and what mending them would bring to the class's PQ</summary>\
             <div class=\"box\"><table class=\"shares\"><tr><th></th>"
        );
        for row in &self.rows {
            let _ = write!(out, "<th class=\"num\">{}</th>", escaped(row.name));
        }
        out.push_str("</tr>\n");
        for ErrorClass { name, kinds } in &self.classes {
            let _ = write!(out, "<tr><td>{}</td>", escaped(name));
            for &(count, gain) in kinds {
                if count == 0 {
                    out.push_str("<td></td>");
                    continue;
                }
                let _ = write!(
                    out,
                    "<td class=\"num\" style=\"background:rgba(var(--bad),{:.2})\">{count} \
                     <span class=\"note\">{}</span></td>",
                    0.8 * gain.unwrap_or(0.0).clamp(0.0, 1.0),
                    gained(gain)
                );
            }
            out.push_str("</tr>\n");
        }
        out.push_str("</table></div></details>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_shares_of_the_largest_gain() {
        let row = |name, gain: Option<f64>| ErrorRow {
            name,
            meaning: "a < b",
            missed: 2,
            invented: u64::from(gain.is_some()),
            gain,
        };
        let table = ErrorTable {
            rows: vec![row("class", Some(0.2)), row("mask", Some(0.05)), row("missed", None)],
            classes: vec![ErrorClass {
                name: "<b>".to_owned(),
                kinds: vec![(3, Some(0.5)), (0, Some(0.0)), (2, None)],
            }],
        };
        let mut out = String::new();
        table.write(&mut out);
        for width in ["width:100.0%", "width:25.0%", "width:0.0%"] {
            assert_eq!(out.matches(width).count(), 1, "{width}");
        }
        assert!(out.contains("a &lt; b") && out.contains("<details open>") && out.contains("&lt;b&gt;"));
        assert!(
            out.contains("+0.200") && out.contains(">3 <span class=\"note\">+0.500<") && out.contains(">2 <")
        );
    }
}
