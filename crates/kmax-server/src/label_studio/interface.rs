//! What a project's labelling configuration says, as far as it matters: an `<Image>` and the `<BrushLabels>` for it.

use crate::problem::Problem;
use kmax_base::ErrorKind;
use std::collections::HashSet;

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    /// The name of the brush labels.
    pub from_name: String,
    /// The name of the image.
    pub to_name: String,
    /// The field of a task's data that holds the image.
    pub field: String,
    /// The labels.
    pub labels: HashSet<String>,
}

impl Interface {
    /// Reads a configuration. It is XML, of which the tags alone matter.
    ///
    /// # Errors
    /// If it has no brush labels for an image.
    pub fn read(config: &str) -> Result<Self, Problem> {
        let tags = tags(config);
        let lacks = |what: &str| {
            let detail = format!("the labelling configuration has no {what}; results are brush strokes");
            Problem::of(ErrorKind::Incompatible, detail)
        };
        let place = tags.iter().position(|tag| tag.name == "BrushLabels");
        let brush = place.ok_or_else(|| lacks("<BrushLabels>"))?;
        let (from_name, to_name) = (tags[brush].get("name"), tags[brush].get("toName"));
        let (Some(from_name), Some(to_name)) = (from_name, to_name) else {
            return Err(lacks("<BrushLabels> with `name` and `toName`"));
        };
        let image = tags.iter().find(|tag| tag.name == "Image" && tag.get("name") == Some(to_name));
        let field = image.and_then(|image| image.get("value")?.strip_prefix('$'));
        let field = field.ok_or_else(|| lacks("<Image> that the brush labels are for"))?;
        let inside = tags[brush + 1..].iter().take_while(|tag| tag.name != "/BrushLabels");
        let labels = inside.filter(|tag| tag.name == "Label").filter_map(|tag| tag.get("value"));
        Ok(Self {
            from_name: from_name.into(),
            to_name: to_name.into(),
            field: field.into(),
            labels: labels.map(str::to_owned).collect(),
        })
    }
}

/// A tag with its attributes; the name of one that closes begins with `/`.
#[derive(Debug)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

fn tags(text: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
            continue;
        }
        let end = after.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(after.len());
        let name = after[..end].trim_end_matches('/').to_owned();
        let (attributes, left) = attributes(&after[end..]);
        tags.push(Tag { name, attributes });
        rest = left;
    }
    tags
}

/// Attributes up to the end of a tag, and what follows.
fn attributes(mut text: &str) -> (Vec<(String, String)>, &str) {
    let mut found = Vec::new();
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if text.is_empty() || text.starts_with(['>', '<']) {
            return (found, text);
        }
        let end = text.find(|c: char| c.is_whitespace() || "=></".contains(c)).unwrap_or(text.len());
        let name = text[..end].to_owned();
        let after = text[end..].trim_start();
        let Some(value) = after.strip_prefix('=').map(str::trim_start) else {
            // A sign that belongs nowhere is passed over.
            text = if end == 0 { text.get(1..).unwrap_or("") } else { after };
            continue;
        };
        let Some(quote) = value.chars().next().filter(|c| "\"'".contains(*c)) else {
            text = value;
            continue;
        };
        let (value, left) = value[1..].split_once(quote).unwrap_or((&value[1..], ""));
        found.push((name, unescaped(value)));
        text = left;
    }
}

fn unescaped(text: &str) -> String {
    let plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    plain.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_the_field_are_found() {
        let config = r#"<View>
            <!-- <BrushLabels name="no" toName="no"/> -->
            <Image name="img" value="$photo" zoom="true"/>
            <BrushLabels name="tag" toName="img"><Label value="sea &amp; sky" background="red"/><Label value='hair'/></BrushLabels>
            <Choices name="c" toName="img"><Label value="other"/></Choices>
        </View>"#;
        let labels = ["sea & sky", "hair"].map(str::to_owned).into();
        let (from_name, to_name, field) = ("tag".into(), "img".into(), "photo".into());
        assert_eq!(Interface::read(config), Ok(Interface { from_name, to_name, field, labels }));
    }

    #[test]
    fn others_say_what_they_lack() {
        for (config, part) in [
            ("", "BrushLabels"),
            ("<View><Image name='a' value='$a'/></View>", "BrushLabels"),
            ("<BrushLabels name='a'/>", "toName"),
            ("<BrushLabels name='a' toName='b'/><Image name='c' value='$a'/>", "<Image>"),
            ("<BrushLabels name='a' toName='b'/><Image name='b' value='a'/>", "<Image>"),
        ] {
            let detail = Interface::read(config).expect_err(config).detail;
            assert!(detail.contains(part), "{config}: {detail}");
        }
        // None of these ends the program, or goes on for ever.
        for config in ["<", "< =", "<a =\"", "<a b=c d", "<a / = / >", "<!--", "<a \u{e9}='\u{e9}'", "<<<>>>"]
        {
            assert!(Interface::read(config).is_err(), "{config}");
        }
    }
}
