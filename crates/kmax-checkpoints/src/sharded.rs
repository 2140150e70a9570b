//! Checkpoints in several files, as transformers writes them: `NAME.index.json` says in which file each tensor is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use crate::contents::{Skipped, TensorInfo};
use crate::error::{Error, Result};
use crate::source::Source;

/// How the names of such indexes end.
pub(crate) const ENDING: &str = ".index.json";
/// Most files that an index may name, each of which is open at the same time.
const MOST_SHARDS: usize = 1000;
/// Largest index, as large as the names of all other checkpoints may be.
const LARGEST: usize = 64 << 20;

/// An index, checked but for what its files hold.
#[derive(Debug)]
pub(crate) struct Sharded {
    pub index: PathBuf,
    /// The tensors of each file.
    pub shards: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Deserialize)]
struct Json {
    weight_map: Pairs,
}

/// An object as it stands, with what occurs twice.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of tensors' names and files")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl Sharded {
    /// Reads an index; `None` if the file's name is not that of one.
    pub(crate) fn read(source: &Source) -> Result<Option<Self>> {
        let (index, bytes) = (source.path(), source.bytes());
        if !index.to_string_lossy().ends_with(".json") {
            return Ok(None);
        }
        let no_index = |reason: String| Error::not_a_checkpoint(index, reason);
        if bytes.len() > LARGEST {
            return Err(no_index(format!("has {} bytes, an index at most {LARGEST}", bytes.len())));
        }
        let Json { weight_map } = serde_json::from_slice(bytes)
            .map_err(|e| no_index(format!("no index of a checkpoint in several files: {e}")))?;
        let mut shards = BTreeMap::<_, BTreeSet<_>>::new();
        let mut files = BTreeMap::new();
        for (name, file) in weight_map.0 {
            let fail = |reason: String| Error::tensor(index, &name, reason);
            if let Some(other) = files.insert(name.clone(), file.clone()) {
                return Err(fail(format!("lies in two files, `{other}` and `{file}`")));
            }
            let mut parts = Path::new(&file).components();
            if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None))
                || file.contains(['/', '\\', ':'])
                || file.contains(char::is_control)
            {
                let shown = file.escape_default().take(200).collect::<String>();
                return Err(fail(format!("lies in `{shown}`, which is no file beside the index")));
            }
            shards.entry(file).or_default().insert(name.clone());
            if shards.len() > MOST_SHARDS {
                return Err(fail(format!("lies in one of more than {MOST_SHARDS} files")));
            }
        }
        if shards.is_empty() {
            return Err(no_index("an index without tensors".to_string()));
        }
        Ok(Some(Self { index: index.to_path_buf(), shards }))
    }

    /// The file of a shard.
    pub(crate) fn path(&self, shard: &str) -> PathBuf {
        self.index.with_file_name(shard)
    }

    /// Opens a shard.
    pub(crate) fn open(&self, shard: &str) -> Result<Source> {
        let path = self.path(shard);
        if path.exists() {
            return Source::open(&path);
        }
        Err(Error::damaged(&self.index, "weight_map", format!("names `{shard}`, which is not beside it")))
    }

    /// Fails unless a shard holds the tensors that the index says, and no more.
    pub(crate) fn check(
        &self,
        shard: &str,
        found: &BTreeMap<String, TensorInfo>,
        skipped: &[Skipped],
    ) -> Result<()> {
        let Some(expected) = self.shards.get(shard) else { return Ok(()) };
        let fail = |name: &str, reason: String| Err(Error::tensor(&self.path(shard), name, reason));
        let index = self.index.display();
        if let Some(name) = found.keys().find(|name| !expected.contains(*name)) {
            return match self.shards.iter().find(|(_, names)| names.contains(name)) {
                Some((other, _)) => fail(name, format!("lies in two files, this one and `{other}`")),
                None => fail(name, format!("is not in {index}")),
            };
        }
        let skipped: BTreeSet<&str> = skipped.iter().map(|skipped| skipped.name.as_str()).collect();
        let is_there = |name: &str| found.contains_key(name) || skipped.contains(name);
        match expected.iter().find(|name| !is_there(name)) {
            Some(name) => fail(name, format!("is absent, where {index} says that it is")),
            None => Ok(()),
        }
    }

    /// Whether a file of a folder is a shard by its name, `NAME-00001-of-00002.ENDING`.
    pub(crate) fn is_shard(name: &str) -> bool {
        let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
        let number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        stem.rsplit_once("-of-").is_some_and(|(front, count)| {
            number(count) && front.rsplit_once('-').is_some_and(|(_, index)| number(index))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_known_by_their_names() {
        for name in
            ["model-00001-of-00002.safetensors", "pytorch_model-00010-of-00010.bin", "a-b-00001-of-00003.bin"]
        {
            assert!(Sharded::is_shard(name), "{name}");
        }
        for name in [
            "model.safetensors",
            "model-1-of-2.bin",
            "-of-.bin",
            "00001-of-00002.bin",
            "x-0000a-of-00002.bin",
        ] {
            assert!(!Sharded::is_shard(name), "{name}");
        }
    }

    #[test]
    fn indexes_that_lie_are_refused_by_name() {
        let read =
            |json: &str| Sharded::read(&Source::of(Path::new("m.index.json"), json.as_bytes().to_vec()));
        for (json, part) in [
            ("{}", "missing field `weight_map`"),
            (r#"{"weight_map": []}"#, "an object of tensors' names"),
            (r#"{"weight_map": {}}"#, "without tensors"),
            (r#"{"weight_map": {"x": 3}}"#, "expected a string"),
            (
                r#"{"weight_map": {"x": "a.bin", "x": "b.bin"}}"#,
                "tensor `x`: lies in two files, `a.bin` and `b.bin`",
            ),
            (r#"{"weight_map": {"x": "../a.bin"}}"#, "tensor `x`: lies in `../a.bin`"),
            (r#"{"weight_map": {"x": "/etc/passwd"}}"#, "no file beside"),
            (r#"{"weight_map": {"x": "a\\b.bin"}}"#, "no file beside"),
            (r#"{"weight_map": {"x": "C:a.bin"}}"#, "no file beside"),
            (r#"{"weight_map": {"x": ""}}"#, "no file beside"),
            (r#"{"weight_map": {"x": ".."}}"#, "no file beside"),
        ] {
            let message = read(json).expect_err(part).to_string();
            assert!(message.contains(part), "{message}\nexpected: {part}");
        }
        let many: Vec<String> = (0..1001).map(|i| format!(r#""x{i}": "{i}.bin""#)).collect();
        let message =
            read(&format!(r#"{{"weight_map": {{{}}}}}"#, many.join(","))).expect_err("many").to_string();
        assert!(message.contains("more than 1000 files"), "{message}");
    }
}
