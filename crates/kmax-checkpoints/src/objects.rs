//! Tensors and arrays in the graph of a pickle.

use std::collections::BTreeMap;

use crate::arrays::{Storage, View, row_major};
use crate::contents::Skipped;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::pickle::{Blob, Call, Global, Id, Node, Pickle};
use crate::pickled::{Keys, Pickled};
use crate::source::Source;
use crate::storage_id::StorageId;
use crate::wrapping::{WeightSet, Wrapping};
use crate::{state_dict, torch_legacy};

/// Dictionaries within dictionaries, at most.
const DEEPEST: usize = 16;
/// Most values looked at, and most bytes of names. A pickle can repeat one dictionary many times.
const MOST_VALUES: usize = 1 << 20;
const MOST_NAME_BYTES: usize = 64 << 20;

/// The tensors found in a file.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub views: BTreeMap<String, View>,
    pub storages: Vec<Storage>,
    pub skipped: Vec<Skipped>,
    pub wrapping: Wrapping,
}

/// Finds the tensors of the state dict that is meant.
pub(crate) fn find(pickled: &Pickled<'_>, storages: Vec<Storage>, asked: &WeightSet) -> Result<Found> {
    let (items, wrapping) = state_dict::find(pickled, asked)?;
    let Pickled { source, pickle, base, keys, big_endian, .. } = *pickled;
    let found = Found { storages, wrapping, ..Found::default() };
    let mut finder = Finder {
        source,
        pickle,
        base,
        keys,
        big_endian,
        found,
        values: MOST_VALUES,
        name_bytes: MOST_NAME_BYTES,
    };
    finder.dictionary("", items, 0)?;
    Ok(finder.found)
}

struct Finder<'a> {
    source: &'a Source,
    pickle: &'a Pickle<'a>,
    base: Option<usize>,
    keys: &'a Keys,
    big_endian: bool,
    found: Found,
    values: usize,
    name_bytes: usize,
}

/// Why a tensor is not to be had.
enum Trouble {
    /// It is sound, and of a type that is not known here.
    Unsupported(String),
    Damaged(String),
}

impl<T: Into<String>> From<T> for Trouble {
    fn from(reason: T) -> Self {
        Self::Damaged(reason.into())
    }
}

type Read<T> = std::result::Result<T, Trouble>;

/// A storage and the type of its elements, unless it has none.
struct Stored {
    storage: usize,
    dtype: Option<DType>,
    big_endian: bool,
}

impl Finder<'_> {
    fn dictionary(&mut self, prefix: &str, items: Vec<(Id, Id)>, depth: usize) -> Result<()> {
        for (key, value) in items {
            let name = match (self.pickle.text(key), self.pickle.node(key)) {
                (Some(key), _) => format!("{prefix}{key}"),
                (None, Node::Int(key)) => format!("{prefix}{key}"),
                _ => format!("{prefix}({})", self.pickle.kind(key)),
            };
            self.values = self.values.saturating_sub(1);
            self.name_bytes = self.name_bytes.saturating_sub(name.len());
            if self.values == 0 || self.name_bytes == 0 {
                let reason = format!("more than {MOST_VALUES} values or {MOST_NAME_BYTES} bytes of names");
                return Err(Error::tensor(self.source.path(), &name, reason));
            }
            match self.pickle.items(value) {
                Some(items) if depth + 1 < DEEPEST => {
                    self.dictionary(&format!("{name}."), items, depth + 1)?
                }
                Some(_) => {
                    return Err(Error::tensor(
                        self.source.path(),
                        &name,
                        "dictionaries are nested too deeply",
                    ));
                }
                None => self.value(name, value)?,
            }
        }
        Ok(())
    }

    fn value(&mut self, name: String, id: Id) -> Result<()> {
        let view = match self.tensor(id) {
            Some(Ok(view)) => view,
            Some(Err(Trouble::Damaged(reason))) => {
                return Err(Error::tensor(self.source.path(), &name, reason));
            }
            Some(Err(Trouble::Unsupported(reason))) => {
                self.found.skipped.push(Skipped { name, reason });
                return Ok(());
            }
            None => {
                self.found.skipped.push(Skipped { name, reason: format!("is {}", self.pickle.kind(id)) });
                return Ok(());
            }
        };
        self.found.views.insert(name, view);
        Ok(())
    }

    /// The tensor or array that a node is; `None` if it is something else.
    fn tensor(&mut self, id: Id) -> Option<Read<View>> {
        let Node::Call(call) = self.pickle.node(id) else { return None };
        match call.function {
            Global::TorchTensor => Some(self.torch(call)),
            Global::TorchParameter => {
                let data = self.arguments(call).first().copied()?;
                match self.pickle.node(data) {
                    Node::Call(call) if call.function == Global::TorchTensor => Some(self.torch(call)),
                    _ => Some(Err(format!("a parameter made of {}", self.pickle.kind(data)).into())),
                }
            }
            Global::NumpyArray => Some(self.numpy(call)),
            Global::NumpyFromBuffer => Some(self.numpy_from_buffer(call)),
            Global::NumpyScalar => Some(self.numpy_scalar(call)),
            _ => None,
        }
    }

    fn arguments(&self, call: &Call) -> &[Id] {
        self.pickle.sequence(call.arguments).unwrap_or_default()
    }

    fn torch(&mut self, call: &Call) -> Read<View> {
        let arguments = self.arguments(call).to_vec();
        let [storage, offset, shape, strides, rest @ ..] = arguments.as_slice() else {
            return Err(format!("a tensor made of {} arguments, expected 4 or more", arguments.len()).into());
        };
        let offset = self.pickle.count(*offset).ok_or("its offset is no count")?;
        let shape = self.pickle.counts(*shape).ok_or("its shape is no tuple of counts")?;
        let strides = self.pickle.counts(*strides).ok_or("its strides are no tuple of counts")?;
        let Stored { storage, dtype, big_endian } = self.storage(*storage)?;
        // The third form names the type after `requires_grad` and the hooks.
        let named = match rest.get(2).map(|&id| self.pickle.node(id)) {
            Some(Node::Global(Global::TorchDType(dtype))) => Some(*dtype),
            Some(Node::Global(Global::Opaque(number))) => return Err(self.unsupported(*number)),
            _ => None,
        };
        let dtype = dtype.or(named).ok_or("an untyped storage and no type")?;
        Ok(View { storage, dtype, shape, strides, offset, big_endian })
    }

    fn storage(&mut self, id: Id) -> Read<Stored> {
        match self.pickle.node(id) {
            Node::Persistent(id) => {
                let class = self.pickle.sequence(*id).and_then(|parts| parts.get(1));
                if let Some(Node::Global(Global::Opaque(number))) = class.map(|&id| self.pickle.node(id)) {
                    return Err(self.unsupported(*number));
                }
                let id = StorageId::parse(self.pickle, *id)?;
                let storage = self.keys.get(id.key.as_str()).copied();
                let storage = storage.ok_or_else(|| format!("storage `{}` is not in the file", id.key))?;
                let size = self.found.storages.get(storage).map_or(0, Storage::size);
                if id.size()? != size {
                    let StorageId { key, elements, .. } = id;
                    return Err(format!(
                        "storage `{key}` has {size} bytes, which are not {elements} elements"
                    )
                    .into());
                }
                Ok(Stored { storage, dtype: id.dtype, big_endian: self.big_endian })
            }
            Node::Call(call) if call.function == Global::TorchStorageFromBytes => {
                let [bytes] = *self.arguments(call) else {
                    return Err("a storage without its bytes".into());
                };
                let file = self.bytes(bytes)?;
                let contents = file.load(self.source)?;
                let (dtype, range, big_endian) = torch_legacy::single_storage(&contents)
                    .map_err(|fault| format!("byte {} of its storage: {}", fault.at, fault.reason()))?;
                let storage = match &file {
                    Storage::Plain(file) => Storage::Plain(file.start + range.start..file.start + range.end),
                    _ => Storage::Owned(contents.get(range).unwrap_or_default().to_vec()),
                };
                Ok(Stored { storage: self.keep(storage), dtype, big_endian })
            }
            _ => Err(format!("its storage is {}", self.pickle.kind(id)).into()),
        }
    }

    fn unsupported(&self, class: u32) -> Trouble {
        Trouble::Unsupported(format!("the type `{}` is not supported", self.pickle.opaque(class).0))
    }

    fn keep(&mut self, storage: Storage) -> usize {
        self.found.storages.push(storage);
        self.found.storages.len() - 1
    }

    fn numpy(&mut self, call: &Call) -> Read<View> {
        let state = call.state.and_then(|state| self.pickle.sequence(state)).unwrap_or_default().to_vec();
        // The version in front is absent in very old pickles.
        let [.., shape, dtype, fortran, data] = state.as_slice() else {
            return Err("an array without shape, type and data".into());
        };
        let fortran = match self.pickle.node(*fortran) {
            Node::Bool(fortran) => *fortran,
            Node::Int(fortran) => *fortran != 0,
            _ => return Err("an array whose order is neither C nor Fortran".into()),
        };
        self.array(*data, *dtype, *shape, fortran)
    }

    fn numpy_from_buffer(&mut self, call: &Call) -> Read<View> {
        let arguments = self.arguments(call).to_vec();
        let [data, dtype, shape, order] = *arguments.as_slice() else {
            return Err(format!("an array made of {} arguments, expected 4", arguments.len()).into());
        };
        let fortran = self.pickle.text(order).is_some_and(|order| order == "F");
        self.array(data, dtype, shape, fortran)
    }

    fn numpy_scalar(&mut self, call: &Call) -> Read<View> {
        let [dtype, data] = *self.arguments(call) else {
            return Err("a scalar without its type and bytes".into());
        };
        let (dtype, big_endian) = self.numpy_dtype(dtype)?;
        let storage = self.bytes(data)?;
        let storage = self.keep(storage);
        Ok(View { storage, dtype, shape: Vec::new(), strides: Vec::new(), offset: 0, big_endian })
    }

    fn array(&mut self, data: Id, dtype: Id, shape: Id, fortran: bool) -> Read<View> {
        let (dtype, big_endian) = self.numpy_dtype(dtype)?;
        let shape = self.pickle.counts(shape).ok_or("its shape is no tuple of counts")?;
        let storage = self.bytes(data)?;
        let mut strides = row_major(&shape);
        if fortran {
            let mut reversed = shape.clone();
            reversed.reverse();
            strides = row_major(&reversed);
            strides.reverse();
        }
        Ok(View { storage: self.keep(storage), dtype, shape, strides, offset: 0, big_endian })
    }

    /// A NumPy type and whether it is big-endian.
    fn numpy_dtype(&self, id: Id) -> Read<(DType, bool)> {
        let Node::Call(call) = self.pickle.node(id) else {
            return Err(format!("its type is {}", self.pickle.kind(id)).into());
        };
        let code = self.arguments(call).first().and_then(|&code| self.pickle.text(code));
        let code = code.filter(|_| call.function == Global::NumpyDType).ok_or("its type has no code")?;
        let order = call.state.and_then(|state| self.pickle.sequence(state)?.get(1).copied());
        let order = order.and_then(|order| self.pickle.text(order));
        let plain = code.trim_start_matches(['<', '>', '=', '|']);
        let dtype = match plain {
            "f8" => DType::F64,
            "f4" => DType::F32,
            "f2" => DType::F16,
            "i8" => DType::I64,
            "i4" => DType::I32,
            "i2" => DType::I16,
            "i1" => DType::I8,
            "u8" => DType::U64,
            "u4" => DType::U32,
            "u2" => DType::U16,
            "u1" => DType::U8,
            "b1" => DType::Bool,
            other => {
                let code = other.escape_default();
                return Err(Trouble::Unsupported(format!("NumPy's type `{code}` is not supported")));
            }
        };
        Ok((dtype, order.as_deref() == Some(">") || code.starts_with('>')))
    }

    /// The storage that a bytes object is.
    fn bytes(&self, id: Id) -> Read<Storage> {
        match self.pickle.node(id) {
            Node::Bytes(blob) => Ok(self.raw(blob)),
            Node::Call(call)
                if matches!(call.function, Global::Bytes | Global::ByteArray | Global::Encode) =>
            {
                match *self.arguments(call) {
                    [] => Ok(Storage::Owned(Vec::new())),
                    [data] | [data, _] => match self.pickle.node(data) {
                        Node::Bytes(blob) => Ok(self.raw(blob)),
                        Node::Text(blob) => Ok(self.latin1(call, blob)?),
                        _ => Err(format!("its bytes are {}", self.pickle.kind(data)).into()),
                    },
                    _ => Err("bytes made of more than two arguments".into()),
                }
            }
            _ => Err(format!("its data is {}", self.pickle.kind(id)).into()),
        }
    }

    fn raw(&self, blob: &Blob) -> Storage {
        match (blob, self.base) {
            (Blob::At(range), Some(base)) => Storage::Plain(base + range.start..base + range.end),
            _ => Storage::Owned(self.pickle.blob(blob).to_vec()),
        }
    }

    fn latin1(&self, call: &Call, blob: &Blob) -> std::result::Result<Storage, String> {
        let encoding = self.arguments(call).get(1).and_then(|&id| self.pickle.text(id));
        if !encoding.is_some_and(|name| matches!(name.as_ref(), "latin1" | "latin-1")) {
            return Err("bytes as text that is not in latin1".to_string());
        }
        let text = str::from_utf8(self.pickle.blob(blob)).map_err(|e| e.to_string())?;
        match (blob, self.base) {
            (Blob::At(range), Some(base)) => {
                let size = text.chars().count();
                Ok(Storage::Latin1 { range: base + range.start..base + range.end, size })
            }
            _ => {
                let bytes = text.chars().map(|c| u8::try_from(c).map_err(|_| format!("`{c}` is no byte")));
                Ok(Storage::Owned(bytes.collect::<std::result::Result<_, _>>()?))
            }
        }
    }
}
