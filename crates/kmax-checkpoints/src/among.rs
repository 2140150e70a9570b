//! Which of the files of a folder is its checkpoint, by their names.

use std::ffi::OsStr;
use std::path::Path;

use crate::sharded::{self, Sharded};

/// How the names of checkpoints end.
pub(crate) const ENDINGS: [&str; 9] =
    ["index", "pth", "pt", "ckpt", "pkl", "bin", "safetensors", "tar", "gz"];

/// The only checkpoint among the files of a folder, which are given in order.
pub(crate) fn only_among<'a>(names: impl Iterator<Item = &'a str>) -> std::result::Result<&'a str, String> {
    let (mut found, mut pieces, mut shards, mut indexed) = (Vec::new(), Vec::new(), false, false);
    for name in names {
        let ending = Path::new(name).extension().and_then(OsStr::to_str).unwrap_or_default();
        shards |= ending.starts_with("data-");
        if name.ends_with(sharded::ENDING) {
            indexed = true;
            found.push(name);
        } else if ENDINGS.contains(&ending) {
            if Sharded::is_shard(name) { pieces.push(name) } else { found.push(name) }
        }
    }
    if !indexed {
        found.extend(pieces);
        found.sort_unstable();
    }
    match found.as_slice() {
        [only] => Ok(only),
        [] if shards => Err("holds the data of a TensorFlow checkpoint, but no .index".to_string()),
        [] => Err(format!("holds no checkpoint (a file ending in .{})", ENDINGS.join(", ."))),
        [first, second, ..] => {
            Err(format!("holds {} checkpoints ({first}, {second} …), name one", found.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_belong_to_the_index_beside_them() {
        let (first, second) = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
        let index = "model.safetensors.index.json";
        assert_eq!(only_among(["config.json", first, second, index].into_iter()), Ok(index));
        assert_eq!(only_among([first].into_iter()), Ok(first));
        for (names, reason) in [
            (&[first, second][..], "holds 2 checkpoints (model-00001"),
            (
                &[first, index, "pytorch_model.bin"],
                "holds 2 checkpoints (model.safetensors.index.json, pytorch_model.bin",
            ),
            (&["ckpt-1.data-00000-of-00001"], "but no .index"),
            (&["config.json"], "holds no checkpoint"),
        ] {
            let found = only_among(names.iter().copied());
            assert!(found.as_ref().is_err_and(|e| e.contains(reason)), "{found:?}");
        }
    }
}
