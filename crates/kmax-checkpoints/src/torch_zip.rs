//! `torch.save` since PyTorch 1.6: a zip archive of a pickle and one file per storage.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::ops::Range;
use std::sync::OnceLock;

use zip::{CompressionMethod, ZipArchive};

use crate::arrays::{Storage, inflate};
use crate::error::{Error, Result};
use crate::objects::{self, Found};
use crate::pickle::Pickle;
use crate::pickled::Pickled;
use crate::source::Source;
use crate::wrapping::WeightSet;

/// Largest pickle that is inflated.
const LARGEST_PICKLE: usize = 256 << 20;

/// A file of the archive.
#[derive(Debug, Clone)]
struct Member {
    range: Range<usize>,
    deflated: bool,
    size: usize,
    crc: u32,
}

impl Member {
    fn storage(&self) -> Storage {
        let Self { range, deflated, size, crc } = self.clone();
        if deflated {
            Storage::Deflated { range, size, crc }
        } else {
            Storage::Checked { range, crc, verdict: OnceLock::new() }
        }
    }

    fn load<'a>(&self, source: &'a Source) -> std::result::Result<Cow<'a, [u8]>, String> {
        let bytes = source.get(self.range.clone()).ok_or("lies outside the file")?;
        if !self.deflated {
            return Ok(Cow::Borrowed(bytes));
        }
        if self.size > LARGEST_PICKLE {
            return Err(format!("inflates to {} bytes, at most {LARGEST_PICKLE} are read", self.size));
        }
        inflate(bytes, self.size, self.crc).map(Cow::Owned)
    }
}

/// Finds the tensors of an archive.
pub(crate) fn read(source: &Source, asked: &WeightSet) -> Result<Found> {
    let path = source.path();
    let members = members(source)?;
    let pickles =
        members.keys().filter(|name| name.split_once('/').is_some_and(|(_, rest)| rest == "data.pkl"));
    let pickles: Vec<&String> = pickles.collect();
    let [name] = pickles.as_slice() else {
        let reason =
            format!("a zip archive with {} `data.pkl`, expected one as torch.save writes", pickles.len());
        return Err(Error::not_a_checkpoint(path, reason));
    };
    let folder = name.strip_suffix("data.pkl").unwrap_or_default();
    let load = |name: &str, member: &Member| {
        member.load(source).map_err(|reason| Error::damaged(path, name.to_string(), reason))
    };
    let order = format!("{folder}byteorder");
    let big_endian = match members.get(&order) {
        Some(member) => load(&order, member)?.as_ref() == b"big",
        None => false,
    };
    let data = format!("{folder}data/");
    let (mut storages, mut keys) = (Vec::new(), BTreeMap::new());
    for (name, member) in &members {
        if let Some(key) = name.strip_prefix(&data) {
            keys.insert(key.to_string(), storages.len());
            storages.push(member.storage());
        }
    }
    let member =
        members.get(*name).ok_or_else(|| Error::damaged(path, name.as_str(), "is not in the archive"))?;
    let bytes = load(name, member)?;
    let pickle = Pickle::parse(&bytes).map_err(|fault| fault.within(path, name))?;
    let base = (!member.deflated).then_some(member.range.start);
    let pickled = Pickled { source, pickle: &pickle, part: name, base, keys: &keys, big_endian };
    objects::find(&pickled, storages, asked)
}

fn members(source: &Source) -> Result<BTreeMap<String, Member>> {
    let path = source.path();
    let damaged = |place: String, reason: String| Error::Damaged { file: path.to_path_buf(), place, reason };
    let directory = |e: zip::result::ZipError| damaged("zip directory".to_string(), e.to_string());
    let mut archive = ZipArchive::new(Cursor::new(source.bytes())).map_err(directory)?;
    let mut members = BTreeMap::new();
    for index in 0..archive.len() {
        let member =
            archive.by_index_raw(index).map_err(|e| damaged(format!("zip entry {index}"), e.to_string()))?;
        let name =
            member.name().map_err(|e| damaged(format!("zip entry {index}"), e.to_string()))?.into_owned();
        let fail = |reason: String| damaged(format!("zip entry `{}`", name.escape_default()), reason);
        let deflated = match member.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => return Err(fail(format!("compressed as {other}, known are stored and deflated"))),
        };
        if member.encrypted() {
            return Err(fail("is encrypted".to_string()));
        }
        let start = member.data_start().and_then(|start| usize::try_from(start).ok());
        let length = usize::try_from(member.compressed_size()).ok();
        let range = start.zip(length).and_then(|(start, length)| Some(start..start.checked_add(length)?));
        let range = range.filter(|range| source.get(range.clone()).is_some());
        let range = range.ok_or_else(|| fail("lies outside the file".to_string()))?;
        let size =
            usize::try_from(member.size()).map_err(|_| fail(format!("has {} bytes", member.size())))?;
        if !deflated && size != range.len() {
            return Err(fail(format!("is stored in {} bytes, but has {size}", range.len())));
        }
        let crc = member.crc32();
        drop(member);
        if members.insert(name.clone(), Member { range, deflated, size, crc }).is_some() {
            return Err(fail("occurs twice".to_string()));
        }
    }
    Ok(members)
}
