//! The page as a static folder.

use crate::error::{Error, Result};
use crate::files::{File, files};
use crate::runtime::Runtime;
use kmax_base::write_atomically;
use serde_json::{Value, json};
use std::path::Path;

/// What the page asks for first; it tells who does the work.
const CONFIG: &str = "config.json";
/// Where the engine lies in the folder.
const RUNTIME: &str = "runtime";

/// A model to run in the browser.
#[derive(Debug, Clone)]
pub struct Network {
    /// The name that people see.
    pub name: String,
    /// The network as an ONNX file: logits of `pixel_values`, of the end and of each k-means step.
    pub onnx: Vec<u8>,
    /// What the page must know: an object with `architecture`, `input`, `queries`, `steps`, `layers`, `categories`, `preprocess`,
    /// `postprocess` and `resize_rule`.
    pub about: Value,
}

/// What a folder is made of.
#[derive(Debug, Clone)]
pub struct Folder {
    /// The models; the first is chosen when the page opens.
    pub networks: Vec<Network>,
    /// The engine.
    pub runtime: Runtime,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: usize,
    /// Bytes of all of them.
    pub bytes: u64,
}

impl Folder {
    /// Writes the folder `to`, which may hold an earlier page. `index.html` comes last: where it is, the rest is.
    ///
    /// # Errors
    /// If it cannot be written, or holds something else than a page.
    pub fn write(&self, to: &Path) -> Result<Written> {
        Self::check(to)?;
        let mut written = Written { files: 0, bytes: 0 };
        let mut put = |path: &str, bytes: &[u8]| -> Result<()> {
            let file = to.join(path);
            let folder = file.parent().unwrap_or(to);
            std::fs::create_dir_all(folder).map_err(|error| Error::write(folder, error))?;
            write_atomically(&file, bytes).map_err(|error| Error::write(&file, error))?;
            written.files += 1;
            written.bytes += bytes.len() as u64;
            Ok(())
        };
        for (network, place) in self.networks.iter().zip(self.places()) {
            put(&place, &network.onnx)?;
        }
        for (name, bytes) in self.runtime.files() {
            put(&format!("{RUNTIME}/{name}"), bytes)?;
        }
        put(CONFIG, self.config().to_string().as_bytes())?;
        let (index, others): (Vec<&File>, Vec<&File>) = files().iter().partition(|file| file.path == INDEX);
        for file in others.into_iter().chain(index) {
            put(file.path, file.bytes)?;
        }
        Ok(written)
    }

    /// Whether a page can be written to `to`: before the work, which is long.
    ///
    /// # Errors
    /// If it holds something else than a page that was written before.
    pub fn check(to: &Path) -> Result<()> {
        let fail = |reason: &str| Err(Error::Taken { folder: to.into(), reason: reason.into() });
        if !to.exists() {
            return Ok(());
        }
        if !to.is_dir() {
            return fail("is a file: expected the name of a folder");
        }
        let first = std::fs::read_dir(to).map_err(|error| Error::read(to, error))?.next();
        if first.is_none() || is_page(&to.join(CONFIG)) {
            return Ok(());
        }
        fail("holds other files: expected a new folder, or that of a page")
    }

    /// Where each network lies, by names that any host serves.
    fn places(&self) -> Vec<String> {
        let strange = |c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.');
        let mut taken = std::collections::HashSet::new();
        let place = |network: &Network| {
            let name = network.name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or("model");
            let name = name.replace(strange, "_");
            let mut place = format!("models/{name}.onnx");
            let mut count = 1;
            while !taken.insert(place.clone()) {
                count += 1;
                place = format!("models/{name}-{count}.onnx");
            }
            place
        };
        self.networks.iter().map(place).collect()
    }

    /// What the page reads.
    fn config(&self) -> Value {
        let models = self.networks.iter().zip(self.places()).enumerate().map(|(index, (network, file))| {
            let mut model = network.about.clone();
            model["name"] = json!(network.name);
            model["default"] = json!(index == 0);
            model["file"] = json!(file);
            model["bytes"] = json!(network.onnx.len());
            model
        });
        let [script, wasm] = Runtime::entries();
        json!({
            "backend": "browser",
            "models": models.collect::<Vec<_>>(),
            "runtime": {
                "folder": RUNTIME, "script": script, "wasm": wasm, "bytes": self.runtime.module_bytes(),
                "version": self.runtime.version(), "license": self.runtime.license(),
            },
        })
    }
}

const INDEX: &str = "index.html";

fn is_page(config: &Path) -> bool {
    let text = kmax_base::read::read_file(config, kmax_base::read::MAX_SETTINGS);
    let parsed = text.ok().and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    parsed.is_some_and(|config| config["backend"] == "browser")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::tests::archive;

    fn folder(names: &[&str]) -> Folder {
        let place = tempfile::tempdir().expect("a folder");
        let network = |name: &&str| Network {
            name: (*name).into(),
            onnx: b"onnx".to_vec(),
            about: json!({"queries": 3}),
        };
        let runtime = Runtime::open(&archive(place.path(), "")).expect("a package");
        Folder { networks: names.iter().map(network).collect(), runtime }
    }

    #[test]
    fn a_folder_has_all_that_its_config_names_and_is_written_again() {
        let place = tempfile::tempdir().expect("a folder");
        let to = place.path().join("page");
        let page = folder(&["kmax-people", "/a/mine", "hf://b/mine"]);
        let written = page.write(&to).expect("written");
        assert_eq!(written.files, files().len() + 3 + 3 + 1);
        let text = std::fs::read(to.join(CONFIG)).expect("there");
        let config: Value = serde_json::from_slice(&text).expect("JSON");
        let places: Vec<_> =
            config["models"].as_array().into_iter().flatten().map(|model| &model["file"]).collect();
        assert_eq!(places, ["models/kmax-people.onnx", "models/mine.onnx", "models/mine-2.onnx"]);
        for place in places.iter().filter_map(|place| place.as_str()) {
            assert!(to.join(place).is_file(), "{place}");
        }
        assert_eq!(
            (&config["models"][0]["default"], &config["models"][1]["queries"]),
            (&json!(true), &json!(3))
        );
        let runtime = &config["runtime"];
        for key in ["script", "wasm"] {
            let name = runtime[key].as_str().expect("a name");
            assert!(to.join(RUNTIME).join(name).is_file(), "{name}");
        }
        assert_eq!(page.write(&to).expect("again"), written);
    }

    #[test]
    fn other_folders_are_left_alone() {
        let place = tempfile::tempdir().expect("a folder");
        std::fs::write(place.path().join("index.html"), "mine").expect("written");
        let error = folder(&["a"]).write(place.path()).expect_err("taken");
        assert!(error.to_string().contains("other files"), "{error}");
        assert_eq!(error.kind(), crate::ErrorKind::CannotWrite);
        assert_eq!(std::fs::read_dir(place.path()).expect("there").count(), 1);
        assert!(folder(&["a"]).write(&place.path().join("index.html")).is_err());
    }
}
