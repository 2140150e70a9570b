//! Work that is interrupted, raced and starved: what it is, and how to tell that it ended as an undisturbed one.

use crate::checkpoint::{VARIANT, checkpoint};
use crate::inputs::copy;
use crate::program::{Done, command, prepared, run};
use crate::server::Server;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command with what it makes.
pub struct Job {
    pub name: &'static str,
    words: Vec<String>,
    variables: Vec<(&'static str, String)>,
    /// Files and folders that are the same whenever it ended well.
    results: &'static [&'static str],
    /// Files by path that an undisturbed run has made.
    expected: BTreeMap<PathBuf, Vec<u8>>,
    /// How long that took.
    pub time: std::time::Duration,
}

impl Job {
    /// All jobs, each done once undisturbed in a folder of its own. `server` has the model `owner/name`.
    pub fn all(seeds: &Path, server: &Server) -> Vec<Self> {
        let photos: Vec<String> = (0..8).map(|i| format!("many/{i}.png")).collect();
        let segment = format!("segment {} --model model -o out", photos.join(" "));
        let from = checkpoint().display().to_string();
        let jobs: [(&str, Vec<&str>, &[&str]); 5] = [
            ("segment", segment.split(' ').collect(), &["out"]),
            (
                "eval model",
                "eval model --dataset panoptic --root labelled --model model --predictions kept2 --split val"
                    .split(' ')
                    .collect(),
                &["kept2/panoptic.json", "kept2/panoptic", "kept2/coco_instances_results.json"],
            ),
            ("train", "train --config long.toml".split(' ').collect(), &["run2/model/model.safetensors"]),
            (
                "convert",
                vec!["convert", "--from", &from, "--to", "converted", "--variant", VARIANT],
                &["converted"],
            ),
            ("pull", vec!["pull", "hf://owner/name"], &["cache/hf/hub/models--owner--name/snapshots"]),
        ];
        jobs.into_iter()
            .map(|(name, words, results)| {
                let words = words.into_iter().map(str::to_owned).collect();
                let online = [("HF_HUB_OFFLINE", "0".into()), ("HF_ENDPOINT", server.endpoint())];
                let variables = if name == "pull" { online.to_vec() } else { Vec::new() };
                let mut job = Self {
                    name,
                    words,
                    variables,
                    results,
                    expected: BTreeMap::new(),
                    time: Default::default(),
                };
                let place = job.place(seeds);
                let done = run(&mut job.command(place.path()));
                assert_eq!(done.code, Some(0), "{name}: {}", done.err);
                job.expected = job.made(place.path());
                assert!(!job.expected.is_empty(), "{name} made nothing");
                job.time = done.time;
                job
            })
            .collect()
    }

    /// A folder to do it in.
    pub fn place(&self, seeds: &Path) -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a temporary folder");
        copy(seeds, place.path());
        fs::create_dir(place.path().join("many")).expect("a folder");
        for i in 0..8 {
            fs::copy(seeds.join("photo.png"), place.path().join(format!("many/{i}.png"))).expect("copied");
        }
        let training = fs::read_to_string(seeds.join("train.toml")).expect("a configuration");
        let training = training.replace("\"run\"", "\"run2\"").replace("steps = 2", "steps = 6");
        fs::write(place.path().join("long.toml"), training).expect("written");
        place
    }

    pub fn command(&self, place: &Path) -> Command {
        let mut command = command(place, &self.arguments());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// By way of a shell.
    pub fn prepared(&self, preparation: &str, place: &Path) -> Command {
        let mut command = prepared(preparation, place, &self.arguments());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    fn arguments(&self) -> Vec<&str> {
        self.words.iter().map(String::as_str).collect()
    }

    fn made(&self, place: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        for result in self.results {
            walk(&place.join(result), &mut |file| {
                // Cards of converted models name the day.
                if file.file_name().is_some_and(|name| name != "README.md") {
                    let name = file.strip_prefix(place).unwrap_or(file).to_path_buf();
                    found.insert(name, fs::read(file).unwrap_or_default());
                }
            });
        }
        found
    }

    /// Whether a run that ended well has made what an undisturbed one makes, and left nothing else.
    pub fn fault(&self, place: &Path, done: &Done) -> Option<String> {
        if let Some(fault) = done.fault() {
            return Some(fault);
        }
        if done.code != Some(0) {
            return Some(format!("the next run ended with {:?}", done.code));
        }
        let made = self.made(place);
        if let Some((name, _)) = self.expected.iter().find(|(name, bytes)| made.get(*name) != Some(*bytes)) {
            return Some(format!("{} is not as an undisturbed run makes it", name.display()));
        }
        leftovers(place).map(|file| format!("{} is left over", file.display()))
    }

    /// A file in its place that is not whole.
    pub fn broken(&self, place: &Path) -> Option<String> {
        let mut broken = None;
        for result in self.results {
            walk(&place.join(result), &mut |file| {
                let bytes = fs::read(file).unwrap_or_default();
                let whole = match file.extension().and_then(|ending| ending.to_str()) {
                    Some("json") => serde_json::from_slice::<serde_json::Value>(&bytes).is_ok(),
                    Some("png") => image::load_from_memory(&bytes).is_ok(),
                    Some("safetensors") => safetensors::SafeTensors::deserialize(&bytes).is_ok(),
                    _ => true,
                };
                if !whole && !is_temporary(file) {
                    broken = Some(format!("{} is in its place and not whole", file.display()));
                }
            });
        }
        broken
    }
}

/// Something that a killed run would have renamed.
pub fn leftovers(place: &Path) -> Option<PathBuf> {
    let mut found = None;
    walk(place, &mut |file| {
        if is_temporary(file) {
            found = Some(file.to_path_buf());
        }
    });
    found
}

fn is_temporary(file: &Path) -> bool {
    file.components().any(|part| {
        let name = part.as_os_str().to_string_lossy();
        // The last is where the tests' own folders lie.
        name.starts_with(".kmax-") || name.ends_with(".incomplete")
    })
}

/// Every file of a folder and those in it, or the file itself; empty folders too.
fn walk(path: &Path, visit: &mut dyn FnMut(&Path)) {
    if !path.is_dir() {
        if path.exists() {
            visit(path);
        }
        return;
    }
    let entries: Vec<_> = fs::read_dir(path).into_iter().flatten().flatten().collect();
    if entries.is_empty() {
        visit(path);
    }
    entries.iter().for_each(|entry| walk(&entry.path(), visit));
}
