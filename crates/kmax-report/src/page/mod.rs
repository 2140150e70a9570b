//! What pages are made of: markup that is safe by its type, tables, pictures, charts.

pub mod chart;
mod html;
pub mod number;
pub mod part;
mod picture;
mod table;

pub use html::Html;
use kmax_metrics::render::POLICY;
pub use picture::{Picture, beside, edge_is_fine, encoded, fitted};
pub use table::{Column, Table};

/// The look of every page.
const STYLE: &str = include_str!("style.css");

/// A page that grows from top to bottom.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    refresh: Option<u32>,
    header: Html,
    sections: Vec<(String, Html)>,
}

impl Page {
    /// An empty page.
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), refresh: None, header: Html::new(), sections: Vec::new() }
    }

    /// The browser loads the page again after so many seconds.
    pub fn refreshed_after(mut self, seconds: u32) -> Self {
        self.refresh = Some(seconds);
        self
    }

    /// Adds to what stands below the title.
    pub fn header(&mut self, part: impl Into<Html>) {
        self.header.push(part);
    }

    /// Adds a section; its heading is also a link at the top of the page.
    pub fn section(&mut self, heading: &str, content: Html) {
        self.sections.push((heading.to_owned(), content));
    }

    /// The whole document.
    pub fn finish(self) -> String {
        let mut head = Html::raw("<meta charset=\"utf-8\">");
        head.push(Html::void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", POLICY)]));
        if let Some(seconds) = self.refresh {
            head.push(Html::void("meta", &[("http-equiv", "refresh"), ("content", &seconds.to_string())]));
        }
        let viewport = [("name", "viewport"), ("content", "width=device-width, initial-scale=1")];
        head.push(Html::void("meta", &viewport));
        head.push(Html::void("meta", &[("name", "color-scheme"), ("content", "light dark")]));
        head.push(Html::element("title", &[], self.title.as_str()));
        head.push(Html::raw("<style>"));
        head.push(Html::raw(STYLE));
        head.push(Html::raw("</style>"));

        let mut header = Html::element("h1", &[], self.title.as_str());
        header.push(self.header);
        let mut body = Html::element("header", &[], header);
        let anchors: Vec<String> = (1..=self.sections.len()).map(|nth| format!("part-{nth}")).collect();
        if self.sections.len() > 1 {
            let mut links = Html::new();
            for (anchor, (heading, _)) in anchors.iter().zip(&self.sections) {
                links.push(Html::element("a", &[("href", &format!("#{anchor}"))], heading.as_str()));
            }
            body.push(Html::element("nav", &[], links));
        }
        for (anchor, (heading, content)) in anchors.iter().zip(self.sections) {
            let mut section = Html::element("h2", &[], heading);
            section.push(content);
            body.push(Html::element("section", &[("id", anchor)], section));
        }
        body.push(Html::element("footer", &[], concat!("Made by kMaX ", env!("CARGO_PKG_VERSION"))));
        let mut page = Html::raw("<!doctype html>\n<html lang=\"en\">");
        page.push(Html::element("head", &[], head));
        page.push(Html::element("body", &[], Html::element("main", &[], body)));
        page.push(Html::raw("</html>\n"));
        page.into_string()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Whether a page runs nothing and loads nothing from elsewhere.
    pub(crate) fn stands_alone(page: &str) -> bool {
        let links = ["src=\"", "href=\"", "url("].iter().flat_map(|what| page.split(what).skip(1));
        let inside = links.into_iter().all(|link| link.starts_with('#') || link.starts_with("data:image/"));
        let foreign = ["<script", "<link", "<iframe", "<object", "<embed", "://", "@import", "javascript:"];
        inside && !foreign.iter().any(|what| page.contains(what))
    }

    #[test]
    fn what_looks_like_markup_is_text() {
        let nasty = "<script src=\"x\">'&</script>";
        let mut page = Page::new(nasty);
        page.header(nasty);
        page.section(nasty, Html::from(nasty));
        page.section("two", part::tiles(&[(nasty, nasty.to_owned(), nasty.to_owned())]));
        let html = page.finish();
        assert!(stands_alone(&html.replace("src=&quot;", "")));
        assert!(!html.contains("<script") && !html.contains("</script"));
        // The title, the heading, the header, a link, a section with its heading, three parts of a tile.
        assert_eq!(html.matches("&lt;script src=&quot;x&quot;&gt;&#39;&amp;&lt;/script&gt;").count(), 9);
    }

    #[test]
    fn a_page_refuses_programs_and_can_ask_to_be_read_again() {
        let html = Page::new("a").refreshed_after(30).finish();
        assert!(html.contains("content=\"default-src &#39;none&#39;;"));
        assert!(html.contains("<meta http-equiv=\"refresh\" content=\"30\">"));
        assert!(!Page::new("a").finish().contains("\"refresh\""));
    }

    #[test]
    fn links_to_elsewhere_are_noticed() {
        for bad in ["<img src=\"a.png\">", "<a href=\"//x\">", "<script>", "url(x)", "https://x"] {
            assert!(!stands_alone(bad), "{bad}");
        }
    }
}
