//! The files of the page.

/// A file of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its place, relative to the page: `index.html`, `app/page.js`.
    pub path: &'static str,
    /// Its media type, as a server says it.
    pub media_type: &'static str,
    /// Its content.
    pub bytes: &'static [u8],
}

macro_rules! files {
    ($($media:literal: $($path:literal)+;)+) => {
        &[$($(File { path: $path, media_type: $media, bytes: include_bytes!(concat!("../assets/", $path)) }),+),+]
    };
}

/// All of them, `index.html` first.
pub fn files() -> &'static [File] {
    FILES
}

static FILES: &[File] = files! {
    "text/html; charset=utf-8": "index.html";
    "image/svg+xml": "icon.svg";
    "text/css; charset=utf-8":
        "style/base.css" "style/clusters.css" "style/controls.css" "style/panel.css" "style/start.css"
        "style/work.css";
    "text/javascript; charset=utf-8":
        "app/anchors.js" "app/backend-browser.js" "app/backend-server.js" "app/backend.js"
        "app/camera.js" "app/cluster-layer.js" "app/clusters-panel.js" "app/clusters.js" "app/colours.js" "app/dom.js"
        "app/downloads.js" "app/format.js" "app/gestures.js" "app/label-map.js" "app/latest.js"
        "app/outlines.js" "app/page.js" "app/pane.js" "app/panel.js" "app/photo.js" "app/png.js"
        "app/segment-layer.js" "app/segments-panel.js" "app/settings.js" "app/slider.js"
        "app/sources.js" "app/stage.js" "app/stepper.js" "app/tabs.js" "app/told.js" "app/view.js"
        "app/zip.js" "browser/assign.js" "browser/axis.js" "browser/claims.js" "browser/classes.js"
        "browser/corners.js" "browser/covered.js" "browser/decode.js" "browser/exponential.js" "browser/explanation.js"
        "browser/fetched.js" "browser/masks.js" "browser/network.js" "browser/pillow.js"
        "browser/preprocess.js" "browser/segments.js" "browser/worker.js";
    "image/jpeg":
        "samples/astronaut.jpg" "samples/helmet.jpg" "samples/portrait.jpg";
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn walk(folder: &Path, found: &mut BTreeSet<String>, root: &Path) {
        for entry in std::fs::read_dir(folder).expect("there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found, root);
            } else {
                let inside = path.strip_prefix(root).expect("inside").display().to_string();
                found.insert(inside.replace('\\', "/"));
            }
        }
    }

    #[test]
    fn every_asset_is_listed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets");
        let mut found = BTreeSet::new();
        walk(&root, &mut found, &root);
        found.remove("samples/README.md");
        let listed: BTreeSet<String> = FILES.iter().map(|file| file.path.into()).collect();
        assert_eq!(listed, found);
        assert_eq!((listed.len(), FILES[0].path), (FILES.len(), "index.html"));
    }

    #[test]
    fn nothing_is_inline_and_nobody_else_is_asked() {
        for file in FILES.iter().filter(|file| file.media_type.starts_with("text/")) {
            let text = std::str::from_utf8(file.bytes).expect("text");
            for elsewhere in ["//cdn", "https://", "http://"] {
                let allowed =
                    text.matches("http://www.w3.org/2000/svg").count() * usize::from(elsewhere == "http://");
                assert_eq!(text.matches(elsewhere).count(), allowed, "{}: {elsewhere}", file.path);
            }
            if file.path == "index.html" {
                for inline in ["style=", "<style", "onclick", "javascript:"] {
                    assert!(!text.contains(inline), "{inline}");
                }
                assert!(
                    text.matches("<script").count() == text.matches("<script type=\"module\" src=").count()
                );
            }
        }
    }
}
