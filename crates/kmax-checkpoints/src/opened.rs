//! An open checkpoint of any format: its names, and where their values come from.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::arrays::{Arrays, View};
use crate::contents::{Format, Skipped, TensorInfo};
use crate::error::{Error, Result};
use crate::locate::guess;
use crate::sharded::Sharded;
use crate::source::Source;
use crate::streamed::Streamed;
use crate::tensorflow::{self, Bundle};
use crate::wrapping::{WeightSet, Wrapping};
use crate::{plain_pickle, safetensors_file, torch_zip};

#[derive(Debug)]
pub(crate) struct Opened {
    pub format: Format,
    pub tensors: BTreeMap<String, TensorInfo>,
    pub skipped: Vec<Skipped>,
    pub wrapping: Wrapping,
    pub values: Values,
}

#[derive(Debug)]
pub(crate) enum Values {
    Bundle(Bundle),
    Streamed(Box<Streamed>),
    Arrays(Arrays),
    /// The index, and the arrays of each file.
    Sharded(PathBuf, Vec<Arrays>),
}

impl Values {
    /// The stored bytes of a tensor of numbers.
    pub(crate) fn read(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Bundle(bundle) => bundle.read(name),
            Self::Streamed(streamed) => streamed.read(name),
            Self::Arrays(arrays) => arrays.read(name),
            Self::Sharded(index, parts) => match parts.iter().find(|part| part.contains(name)) {
                Some(part) => part.read(name),
                None => Err(Error::tensor(index, name, "is in no file")),
            },
        }
    }
}

impl Opened {
    /// A file, in which `asked` are the weights that are meant.
    pub(crate) fn file(kind: Format, source: Source, asked: &WeightSet) -> Result<Self> {
        let (format, found) = match kind {
            Format::TensorFlow => {
                let bundle = Bundle::open(&source)?;
                return Ok(Self::bundle(bundle.contents()?, Values::Bundle(bundle)));
            }
            Format::Torch => (kind, torch_zip::read(&source, asked)?),
            Format::SafeTensors => (kind, safetensors_file::read(&source)?),
            Format::TorchLegacy | Format::Pickle => plain_pickle::read(&source, asked)?,
        };
        let info = |(name, view): (&String, &View)| {
            (name.clone(), TensorInfo { dtype: view.dtype, shape: view.shape.clone() })
        };
        let tensors = found.views.iter().map(info).collect();
        let arrays = Arrays::new(source, found.storages, found.views)?;
        let (skipped, wrapping) = (found.skipped, found.wrapping);
        Ok(Self { format, tensors, skipped, wrapping, values: Values::Arrays(arrays) })
    }

    /// A bundle that is still packed.
    pub(crate) fn streamed(streamed: Box<Streamed>) -> Result<Self> {
        Ok(Self::bundle(streamed.bundle().contents()?, Values::Streamed(streamed)))
    }

    fn bundle((tensors, skipped): tensorflow::Contents, values: Values) -> Self {
        Self { format: Format::TensorFlow, tensors, skipped, wrapping: Wrapping::default(), values }
    }

    /// All files that an index names, as one.
    pub(crate) fn sharded(sharded: &Sharded, asked: &WeightSet) -> Result<Self> {
        let values = Values::Sharded(sharded.index.clone(), Vec::new());
        let mut whole = Self::bundle((BTreeMap::new(), Vec::new()), values);
        for shard in sharded.shards.keys() {
            let source = sharded.open(shard)?;
            let mut part = Self::file(guess(&source)?, source, asked)?;
            sharded.check(shard, &part.tensors, &part.skipped)?;
            whole.tensors.append(&mut part.tensors);
            whole.skipped.append(&mut part.skipped);
            (whole.format, whole.wrapping) = (part.format, part.wrapping);
            match (&mut whole.values, part.values) {
                (Values::Sharded(_, parts), Values::Arrays(arrays)) => parts.push(arrays),
                _ => {
                    let reason = "a TensorFlow index, expected safetensors or a file of PyTorch";
                    return Err(Error::not_a_checkpoint(&sharded.path(shard), reason));
                }
            }
        }
        Ok(whole)
    }
}
