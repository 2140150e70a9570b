//! One view of every kind of checkpoint.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kmax_base::beside::Beside;

use crate::arrays::Arrays;
use crate::contents::{Format, Skipped, Tensor, TensorInfo};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::locate::{self, Located, Main};
use crate::opened::{Opened, Values};
use crate::wrapping::{WeightSet, Wrapping};
use kmax_base::nearest;

/// An open checkpoint of any format.
///
/// Opening reads the names, types and shapes; values are cut out of the file in memory when asked for, and checked
/// against the checksums of the format. The file must not be changed meanwhile.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    /// The file that it is, or that begins it.
    file: PathBuf,
    opened: Opened,
    /// Where an archive was unpacked; removed with the checkpoint.
    unpacked: Option<Beside>,
}

/// An error about a file that was unpacked from `archive`, told as one about the archive.
fn told(error: Error, unpacked: Option<&Beside>, archive: &Path) -> Error {
    match unpacked {
        Some(folder) => error.moved(folder.path(), archive),
        None => error,
    }
}

impl Checkpoint {
    /// Opens the checkpoint at `path`: a file of any [`Format`], the prefix of a TensorFlow bundle, transformers' index of
    /// several files, a folder that holds one checkpoint, or a `.tar` or `.tar.gz` archive of such a folder.
    ///
    /// What a file is follows from its content, not from its name. Of the bundle in an archive only the index is kept, and
    /// [`Self::visit`] reads its tensors as the archive passes by. Anything else in an archive, and what [`Self::read`] is
    /// asked for, is unpacked into the system's folder for temporary files (`TMPDIR`).
    ///
    /// # Errors
    /// If there is no checkpoint or more than one, if the file is damaged, or if a pickle is the work of a function or class
    /// that no tensor needs. No input makes it execute anything, and memory is bounded by the file's size and the
    /// limits in `docs/CHECKPOINTS.md`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_set(path, &WeightSet::Model)
    }

    /// As [`Self::open`], for a file that holds several sets of weights: `asked` says which are meant. Where there are none of
    /// that kind, the model's own are opened, and [`Wrapping::is_asked`] says so.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_set(path: impl AsRef<Path>, asked: &WeightSet) -> Result<Self> {
        let path = path.as_ref();
        let Located { file, main } = locate::locate(path)?;
        let (opened, unpacked) = match main {
            Main::Streamed(streamed) => (Opened::streamed(streamed), None),
            Main::Sharded { sharded, unpacked } => (Opened::sharded(&sharded, asked), unpacked),
            Main::File { source, kind, unpacked } => (Opened::file(kind, source, asked), unpacked),
        };
        let mut opened = opened.map_err(|error| told(error, unpacked.as_ref(), path))?;
        opened.wrapping.is_asked |= *asked == WeightSet::Model;
        Ok(Self { path: path.to_path_buf(), file, opened, unpacked })
    }

    /// What lay around the weights.
    pub fn wrapping(&self) -> &Wrapping {
        &self.opened.wrapping
    }

    /// The path it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The files that it consists of: one, or the index and the shards. An archive is one file.
    pub fn files(&self) -> Vec<PathBuf> {
        match &self.opened.values {
            Values::Bundle(bundle) if self.unpacked.is_none() => bundle.files(),
            Values::Sharded(index, parts) if self.unpacked.is_none() => {
                std::iter::once(index).chain(parts.iter().map(Arrays::path)).cloned().collect()
            }
            _ => vec![self.file.clone()],
        }
    }

    /// How it is stored.
    pub fn format(&self) -> Format {
        self.opened.format
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.opened.tensors.len()
    }

    /// Whether it holds no tensor.
    pub fn is_empty(&self) -> bool {
        self.opened.tensors.is_empty()
    }

    /// Names with types and shapes, in the order of the names.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &TensorInfo)> {
        self.opened.tensors.iter().map(|(name, info)| (name.as_str(), info))
    }

    /// The type and shape of a tensor; `None` if there is none of this name.
    pub fn info(&self, name: &str) -> Option<&TensorInfo> {
        self.opened.tensors.get(name)
    }

    /// What it holds besides tensors.
    pub fn skipped(&self) -> &[Skipped] {
        &self.opened.skipped
    }

    /// Whether it lies in an archive that is not unpacked: [`Self::visit`] then reads many tensors at once, while
    /// [`Self::read`] unpacks it first.
    pub fn is_streamed(&self) -> bool {
        matches!(self.opened.values, Values::Streamed(_))
    }

    /// Calls `each` with every tensor of `names`: in the order in which they lie in an archive, else in the order given.
    /// Of an archive one tensor at a time is in memory, and nothing is unpacked.
    ///
    /// # Errors
    /// As [`Self::read`], and whatever `each` returns. Tensors before the one concerned were given to `each`.
    pub fn visit<'a, E: From<Error>>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        mut each: impl FnMut(&'a str, Tensor<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let Values::Streamed(streamed) = &self.opened.values else {
            return names.into_iter().try_for_each(|name| each(name, self.read(name)?));
        };
        let mut infos = BTreeMap::new();
        for name in names {
            infos.insert(name, self.numbers(name)?);
        }
        streamed.visit(infos.keys().copied(), |name, bytes| {
            let Some(TensorInfo { dtype, shape }) = infos.get(name) else { return Ok(()) };
            each(name, Tensor { dtype: *dtype, shape, bytes: Cow::Owned(bytes) })
        })
    }

    /// The values of a tensor, of any type but strings.
    ///
    /// # Errors
    /// If there is no such tensor, if it holds strings, or if its bytes are absent or damaged.
    pub fn read(&self, name: &str) -> Result<Tensor<'_>> {
        let info = self.numbers(name)?;
        let bytes = self.opened.values.read(name);
        let bytes = bytes.map_err(|error| told(error, self.unpacked.as_ref(), &self.path))?;
        Ok(Tensor { dtype: info.dtype, shape: &info.shape, bytes })
    }

    /// The values of a tensor of floats, rounded to the nearest `f32` where they are wider.
    ///
    /// # Errors
    /// As [`Self::read`], and if the tensor holds no floats.
    pub fn read_f32(&self, name: &str) -> Result<Vec<f32>> {
        let tensor = self.read(name)?;
        tensor.to_f32().ok_or_else(|| {
            Error::tensor(&self.path, name, format!("holds {}, expected floats", tensor.dtype))
        })
    }

    /// The elements of a tensor of strings.
    ///
    /// # Errors
    /// If there is no such tensor, if it holds numbers, or if its bytes are absent or damaged.
    pub fn read_strings(&self, name: &str) -> Result<Vec<Vec<u8>>> {
        let info = self.known(name)?;
        match &self.opened.values {
            Values::Bundle(bundle) if info.dtype == DType::String => {
                bundle.read_strings(name).map_err(|error| told(error, self.unpacked.as_ref(), &self.path))
            }
            Values::Streamed(streamed) if info.dtype == DType::String => streamed.read_strings(name),
            _ => Err(Error::tensor(&self.path, name, format!("holds {}, expected strings", info.dtype))),
        }
    }

    /// A tensor that holds no strings.
    fn numbers(&self, name: &str) -> Result<&TensorInfo> {
        match self.known(name)? {
            TensorInfo { dtype: DType::String, .. } => {
                Err(Error::tensor(&self.path, name, "holds strings, expected numbers"))
            }
            info => Ok(info),
        }
    }

    fn known(&self, name: &str) -> Result<&TensorInfo> {
        self.opened.tensors.get(name).ok_or_else(|| Error::Missing {
            file: self.path.clone(),
            name: name.to_string(),
            nearest: nearest(name, self.opened.tensors.keys().map(String::as_str)).map(str::to_string),
        })
    }
}
