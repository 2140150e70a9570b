//! Writing the page.

use std::fmt::Write;

use super::text::escaped;
use super::{Confusion, Page, shown};

/// How many of the worst images are shown.
const WORST: usize = 20;

/// The look of the page.
const STYLE: &str = include_str!("style.css");

/// What a page tells the browser of itself: it runs no program and loads nothing, and both are to be refused.
pub const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

pub(super) fn document(pages: &[Page]) -> String {
    let mut out = String::new();
    let titles: Vec<String> = pages.iter().map(|page| escaped(&page.title)).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title><style>\n{STYLE}</style></head><body>",
        titles.join(", ")
    );
    for (page, title) in pages.iter().zip(titles) {
        section(&mut out, page, &title);
    }
    out.push_str("</body></html>\n");
    out
}

fn section(out: &mut String, page: &Page, title: &str) {
    let by = escaped(&page.evaluator);
    let _ = write!(out, "<h1>{title}</h1><p class=\"by\">{by}</p>\n<div class=\"sum\">");
    for (name, value) in &page.summary {
        let _ = write!(out, "<div>{}<b>{}</b></div>", escaped(name), escaped(value));
    }
    out.push_str("</div>\n");
    for warning in &page.provenance.warnings {
        let _ = writeln!(out, "<p class=\"warn\"><b>Warning:</b> {}</p>", escaped(warning));
    }
    if let Some(errors) = &page.errors {
        errors.write(out);
    }
    if !page.worst.is_empty() {
        worst(out, page);
    }
    out.push_str("<h2>Classes</h2>\n<div class=\"box\"><table class=\"bars\">\n");
    for bar in &page.bars {
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td class=\"wide\"><div class=\"bar\" style=\"width:{:.1}%\"></div></td>\
             <td class=\"num\">{}</td><td class=\"note\">{}</td></tr>",
            escaped(&bar.name),
            100.0 * bar.value.unwrap_or(0.0).clamp(0.0, 1.0),
            shown(bar.value),
            escaped(&bar.note)
        );
    }
    out.push_str("</table></div>\n");
    if let Some(confusion) = page.confusion.as_ref().filter(|confusion| !confusion.names.is_empty()) {
        matrix(out, confusion);
    }
    provenance(out, page);
}

/// The worst images, shown as far as there are pictures of them.
fn worst(out: &mut String, page: &Page) {
    let _ = writeln!(out, "<h2>{}</h2>", escaped(page.worst_heading));
    for example in &page.examples {
        example.write(out);
    }
    let rest = !page.examples.is_empty();
    if rest {
        let _ = write!(out, "<details><summary>The numbers of the worst {WORST}</summary>");
    }
    out.push_str("<div class=\"box\"><table>\n");
    for (image, value) in page.worst.iter().take(WORST) {
        let _ = writeln!(out, "<tr><td>{}</td><td class=\"num\">{value:.3}</td></tr>", escaped(image));
    }
    out.push_str("</table></div>\n");
    if rest {
        out.push_str("</details>\n");
    }
}

fn matrix(out: &mut String, confusion: &Confusion) {
    out.push_str(
        "<h2>Confusion</h2>\n<p>Each row is a class of the ground truth; the cells say which share of its pixels \
         was predicted as what.</p>\n<div class=\"box\"><table class=\"confusion\"><thead><tr><th></th>",
    );
    for name in &confusion.names {
        let _ = write!(out, "<th>{}</th>", escaped(name));
    }
    out.push_str("</tr></thead>\n");
    for (row, (name, shares)) in confusion.names.iter().zip(&confusion.shares).enumerate() {
        let _ = write!(out, "<tr><th>{}</th>", escaped(name));
        for (column, &share) in shares.iter().enumerate() {
            let colour = if row == column { "--good" } else { "--bad" };
            let text = if share >= 0.005 { format!("{:.0}", 100.0 * share) } else { String::new() };
            let _ = write!(out, "<td style=\"background:rgba(var({colour}),{share:.2})\">{text}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table></div>\n");
}

fn provenance(out: &mut String, page: &Page) {
    let from = &page.provenance;
    let mut lines = vec![("Convention", from.convention.clone()), ("Images", from.images.to_string())];
    if !from.thresholds.is_empty() {
        let thresholds: Vec<String> =
            from.thresholds.iter().map(|threshold| format!("{threshold:.2}")).collect();
        lines.push(("Thresholds", thresholds.join(" ")));
    }
    lines.push(("Made by", from.version.clone()));
    lines.extend(from.dataset_digest.clone().map(|digest| ("Data set", digest)));
    lines.extend(from.model_digest.clone().map(|digest| ("Model", digest)));
    lines.extend(from.computed.clone().map(|computed| ("Computed in", computed)));
    out.push_str("<h2>Provenance</h2>\n<dl>");
    for (name, value) in lines {
        let _ = write!(out, "<dt>{name}</dt><dd>{}</dd>", escaped(&value));
    }
    out.push_str("</dl>\n");
}

#[cfg(test)]
mod tests {
    use crate::Page;
    use crate::provenance::Provenance;
    use crate::render::{Bar, Confusion};

    #[test]
    fn names_cannot_break_out_and_nothing_comes_from_elsewhere() {
        let mut page = Page::new("PQ", "me", &Provenance::new("<b>", &[0.5], 2));
        page.bars.push(Bar {
            name: "<script>x</script>".to_owned(),
            value: Some(7.0),
            note: "\"".to_owned(),
        });
        page.worst = (0..30).map(|n| (format!("image {n}"), 0.1)).collect();
        let pixels = [((1, 1), 3), ((1, 2), 1), ((2, 9), 4)];
        page.confusion = Some(Confusion::new(vec![(1, "a&b".to_owned()), (2, "c".to_owned())], &pixels));
        let html = page.html();
        assert!(!html.contains("<script") && !html.contains("://") && !html.contains("src="));
        assert!(html.contains("&lt;script&gt;") && html.contains("a&amp;b") && html.contains("width:100.0%"));
        assert!(html.contains("image 19") && !html.contains("image 20"));
        assert_eq!(page.confusion.unwrap().shares, [[0.75, 0.25], [0.0, 0.0]]);
    }
}
