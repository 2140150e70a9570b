//! What the fuzz targets share: a folder for the file in question, and reading all of a checkpoint.

#[allow(dead_code)]
#[path = "../../tests/support/pickle.rs"]
pub mod pickle;
#[allow(dead_code)]
#[path = "../../tests/support/table.rs"]
pub mod table;

use std::fs;
use std::path::{Path, PathBuf};

use kmax_checkpoints::{Checkpoint, DType, Error, Tensor};

/// Data beside a fuzzed index, one shard.
const SHARD: [u8; 407] = [0x5a; 407];

/// A folder of this process's own, in memory where the system offers that.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty folder.
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a temporary folder");
        fs::write(folder.path().join("fuzzed.data-00000-of-00001"), SHARD).expect("writes the shard");
        Self(folder)
    }

    /// Opens `bytes` as a file of this name and reads every tensor. An error must name the file.
    pub fn check(&self, name: &str, bytes: &[u8]) {
        let path: PathBuf = self.0.path().join(name);
        fs::write(&path, bytes).expect("writes the file");
        if let Err(error) = read_all(&path) {
            assert!(error.to_string().contains("fuzzed"), "{error}");
        }
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

fn read_all(path: &Path) -> Result<(), Error> {
    let checkpoint = Checkpoint::open(path)?;
    let mut first = None;
    if checkpoint.is_streamed() {
        let numbers = checkpoint.tensors().filter(|(_, info)| info.dtype != DType::String);
        let names: Vec<&str> = numbers.map(|(name, _)| name).collect();
        let size = |tensor: &Tensor<'_>| tensor.dtype.size().map(|size| size * tensor.shape.iter().product::<usize>());
        first = checkpoint
            .visit(names, |_, tensor| {
                assert_eq!(Some(tensor.bytes.len()), size(&tensor));
                Ok::<_, Error>(())
            })
            .err();
    }
    for (name, info) in checkpoint.tensors() {
        let result = match info.dtype {
            DType::String => checkpoint.read_strings(name).map(|_| ()),
            _ => checkpoint.read(name).map(|tensor| {
                let count: usize = info.shape.iter().product();
                assert_eq!(Some(tensor.bytes.len()), info.dtype.size().map(|size| size * count));
            }),
        };
        first = first.or(result.err());
    }
    first.map_or(Ok(()), Err)
}
