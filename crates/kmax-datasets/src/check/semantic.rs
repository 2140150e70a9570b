//! Checking a folder of class maps.

use std::path::Path;

use kmax_base::Progress;

use super::{CheckReport, Finding, Kind};
use crate::each::each;
use crate::error::Result;
use crate::{files, png};

/// Checks the PNGs of a folder, folders within it included: labels must be below `classes` or be `ignored`.
///
/// # Errors
/// [`Error::Cancelled`](crate::Error::Cancelled) only: what is wrong is a finding.
pub fn semantic(folder: &Path, classes: u32, ignored: u32, progress: &dyn Progress) -> Result<CheckReport> {
    let names = match files::below(folder, ".png") {
        Ok(names) => names,
        Err(error) => return Ok(CheckReport::broken(folder, &error)),
    };
    let found = each(&names, progress, |_, name| {
        let file = folder.join(name);
        let map = match png::read_labels(&file) {
            Ok(map) => map,
            Err(error) => return Ok(vec![Finding::unread(&file, &error)]),
        };
        let unknown = map.extents().into_iter().filter(|&(label, _)| label >= classes && label != ignored);
        let problem =
            |(label, area)| format!("{area} pixels hold {label}, expected below {classes} or {ignored}");
        Ok(unknown
            .map(|(label, extent)| Finding::new(Kind::Label, &file, problem((label, extent.area))))
            .collect())
    })?;
    let findings = found.into_iter().flatten().collect();
    Ok(CheckReport { images: names.len(), findings, ..CheckReport::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kmax_masks::LabelMap;

    #[test]
    fn labels_out_of_range_are_counted() -> crate::error::Result<()> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let map = LabelMap::new(4, 1, vec![0, 3, 3, 255]).expect("4 x 1");
        png::write_labels(&folder.path().join("a.png"), &map)?;
        assert_eq!(semantic(folder.path(), 4, 255, &())?.findings, []);
        let found = semantic(folder.path(), 3, 255, &())?.findings;
        assert_eq!((found.len(), found[0].problem.as_str()), (1, "2 pixels hold 3, expected below 3 or 255"));
        std::fs::write(folder.path().join("b.png"), b"no").expect("written");
        assert_eq!(semantic(folder.path(), 4, 255, &())?.count(Kind::Damaged), 1);
        Ok(())
    }
}
