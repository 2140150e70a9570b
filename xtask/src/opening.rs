//! Files are opened in one place: `kmax_base::read` refuses pipes, devices and folders, and reads to a limit.

use crate::modules::{Sources, is_test, without_tests};

/// Where that is, and what reads the system's own files.
const EXEMPT: [&str; 2] = ["kmax-base", "kmax-builtin"];

/// Ways around it.
const WAYS: [&str; 6] =
    ["File::open(", "fs::read(", "fs::read_to_string(", "File::create(", "fs::write(", "OpenOptions::new("];

/// What a writer of a folder that is not yet in its place may do.
const OF_NEW_FOLDERS: [&str; 2] = ["kmax-model: folder/write.rs", "kmax-convert: write.rs"];

/// Lines of a crate's sources, tests left out, that open or write files by themselves.
pub fn faults(name: &str, sources: &Sources) -> Vec<String> {
    if EXEMPT.contains(&name) {
        return Vec::new();
    }
    let files = sources.iter().filter(|(file, _)| !is_test(file));
    let files = files.filter(|(file, _)| !OF_NEW_FOLDERS.contains(&format!("{name}: {file}").as_str()));
    let lines = files.flat_map(|(file, text)| without_tests(text).map(move |line| (file, line)));
    let found = lines.filter_map(|(file, line)| {
        let line = line.trim();
        let way = WAYS.iter().find(|way| line.contains(**way) && !line.starts_with("//"))?;
        Some(format!("{name}: {file} has `{way}…)`, and not kmax_base::read or kmax_base::write: {line}"))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_around_are_found_and_tests_left_alone() {
        let text =
            "// File::open(x)\nlet a = std::fs::read(x)?;\n#[cfg(test)]\nmod tests {\nfs::write(x, y);\n}\n";
        let sources = Sources::from([("a.rs".to_owned(), text.to_owned())]);
        let found = faults("kmax-datasets", &sources);
        assert!(found.len() == 1 && found[0].contains("a.rs has `fs::read("), "{found:?}");
        assert!(faults("kmax-base", &sources).is_empty());
    }
}
