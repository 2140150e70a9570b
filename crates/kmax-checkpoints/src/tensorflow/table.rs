//! The sorted string table that a bundle's `.index` is: blocks of entries, a block that lists them, a footer.

use super::block::{Handle, entries};
use crate::error::{Fault, Parse, preview};
use crate::wire::Wire;

/// Last bytes of a file: two padded handles and the magic number.
const FOOTER: usize = 48;
const MAGIC: [u8; 8] = 0xdb47_7524_8b80_fb57_u64.to_le_bytes();

/// Whether a file ends as a table does.
pub(crate) fn is_table(file: &[u8]) -> bool {
    file.len() >= FOOTER && file.ends_with(&MAGIC)
}

/// Calls `visit` with every key and value in the table, keys rising.
///
/// Offsets of faults are the file's; inside a block they are the block's start, since it may be compressed.
pub(crate) fn visit_table(file: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> Parse<()>) -> Parse<()> {
    let start = file.len().checked_sub(FOOTER).ok_or_else(|| {
        Fault::new(
            file.len(),
            format!("{} bytes are too few for a table, whose footer alone has {FOOTER}", file.len()),
        )
    })?;
    if !is_table(file) {
        return Err(Fault::new(file.len() - MAGIC.len(), "the footer lacks the magic number of a table"));
    }
    let mut footer = Wire::new(file.get(start..).unwrap_or_default());
    let handles = Handle::read(&mut footer).and_then(|_meta| Handle::read(&mut footer));
    let index = handles.map_err(|fault| fault.shifted(start))?;

    let mut blocks = Vec::new();
    within(
        index,
        entries(&index.load(file)?, |_, value, at| {
            blocks.push(Handle::read(&mut Wire::new(value)).map_err(|fault| fault.shifted(at))?);
            Ok(())
        }),
    )?;
    let mut last: Option<Vec<u8>> = None;
    for block in blocks {
        within(
            block,
            entries(&block.load(file)?, |key, value, at| {
                // Also keeps a small file from listing one block many times.
                if last.as_deref().is_some_and(|last| key <= last) {
                    return Err(Fault::new(at, format!("the key `{}` is out of order", preview(key))));
                }
                let last = last.get_or_insert_default();
                last.clear();
                last.extend_from_slice(key);
                visit(key, value).map_err(|fault| fault.shifted(at))
            }),
        )?;
    }
    Ok(())
}

fn within(block: Handle, result: Parse<()>) -> Parse<()> {
    result.map_err(|fault| fault.shifted(usize::try_from(block.offset).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensorflow::writer::{Layout, table};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn collect(file: &[u8]) -> Parse<BTreeMap<Vec<u8>, Vec<u8>>> {
        let mut found = BTreeMap::new();
        visit_table(file, |key, value| {
            found.insert(key.to_vec(), value.to_vec());
            Ok(())
        })?;
        Ok(found)
    }

    proptest! {
        #[test]
        fn tables_survive(
            map: BTreeMap<Vec<u8>, Vec<u8>>, per_block in 1usize..9, interval in 1usize..5, snappy: bool,
        ) {
            let entries: Vec<_> = map.clone().into_iter().collect();
            let file = table(&entries, Layout { per_block, interval, snappy });
            prop_assert!(is_table(&file));
            prop_assert_eq!(collect(&file), Ok(map));
        }

        #[test]
        fn any_footer_ends_in_entries_or_a_fault(bytes in proptest::collection::vec(any::<u8>(), 40..200)) {
            let mut file = bytes;
            file.extend(MAGIC);
            let _ = collect(&file);
        }
    }

    #[test]
    fn keys_must_rise() {
        let entry = |key: &str| (key.as_bytes().to_vec(), vec![1]);
        let file = table(&[entry("b"), entry("a")], Layout { per_block: 1, interval: 1, snappy: false });
        let fault = collect(&file).expect_err("out of order");
        assert!(format!("{fault:?}").contains("`a` is out of order"), "{fault:?}");
    }
}
