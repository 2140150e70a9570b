//! Images that are shown.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::text::escaped;

/// A picture that is part of the page.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// What it shows.
    pub caption: &'static str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The picture as a JPEG file.
    pub jpeg: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}, {} x {}, {} bytes)", self.caption, self.width, self.height, self.jpeg.len())
    }
}

/// A list below the pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its heading.
    pub heading: String,
    /// The colour that its entries have in the pictures.
    pub color: [u8; 3],
    /// What is listed.
    pub items: Vec<String>,
}

/// An image with its pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The image's id.
    pub image: String,
    /// Its number, 0..1.
    pub value: f64,
    /// What is to be said of it, if anything.
    pub note: Option<String>,
    /// The pictures, side by side.
    pub pictures: Vec<Picture>,
    /// What is listed below them.
    pub lists: Vec<List>,
}

impl Example {
    pub(super) fn write(&self, out: &mut String) {
        let image = escaped(&self.image);
        let _ = writeln!(
            out,
            "<section class=\"example\"><header><h3>{image}</h3><span class=\"num\">{:.3}</span></header>",
            self.value
        );
        if !self.pictures.is_empty() {
            // A check box lets the pictures fill the window without a script.
            let _ = write!(
                out,
                "<label class=\"pictures\"><input type=\"checkbox\" aria-label=\"enlarge image {image}\">"
            );
            for Picture { caption, width, height, jpeg } in &self.pictures {
                let (caption, data) = (escaped(caption), STANDARD.encode(jpeg));
                let _ = writeln!(
                    out,
                    "<span><img src=\"data:image/jpeg;base64,{data}\" alt=\"{caption} of image {image}\" width=\"{width}\" \
                     height=\"{height}\" loading=\"lazy\"><em>{caption}</em></span>"
                );
            }
            out.push_str("</label>\n");
        }
        out.push_str("<div class=\"lists\">");
        if let Some(note) = &self.note {
            let _ = write!(out, "<p class=\"soft\">{}</p>", escaped(note));
        }
        for List { heading, color: [red, green, blue], items } in &self.lists {
            let _ = write!(
                out,
                "<div><b><i style=\"background:rgb({red},{green},{blue})\"></i>{}</b><ul>",
                escaped(heading)
            );
            for item in items {
                let _ = write!(out, "<li>{}</li>", escaped(item));
            }
            out.push_str("</ul></div>");
        }
        out.push_str("</div></section>\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_part_of_the_page_and_names_are_text() {
        let example = Example {
            image: "\"><img src=x>".to_owned(),
            value: 0.25,
            note: Some("<i>".to_owned()),
            pictures: vec![Picture { caption: "photo", width: 3, height: 2, jpeg: vec![255, 216, 255] }],
            lists: vec![List { heading: "a&b".to_owned(), color: [1, 2, 3], items: vec!["<li>".to_owned()] }],
        };
        let mut out = String::new();
        example.write(&mut out);
        assert!(out.contains(
            "<img src=\"data:image/jpeg;base64,/9j/\" alt=\"photo of image &quot;&gt;&lt;img src=x&gt;\""
        ));
        assert!(out.contains("rgb(1,2,3)") && out.contains("a&amp;b") && out.contains("<li>&lt;li&gt;</li>"));
        assert!(out.contains("&lt;i&gt;") && out.contains(">0.250<"));
        assert_eq!(out.matches("<img").count(), 1);
        assert!(!format!("{example:?}").contains("216"));
    }
}
