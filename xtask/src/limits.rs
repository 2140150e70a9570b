//! The table of limits in `SECURITY.md` says what the constants say: `what | number and unit | file, NAME`.

use std::collections::BTreeMap;
use std::path::Path;

/// Checks the table against the sources below `root`; the message says how many rows there are.
pub fn check(root: &Path) -> Result<String, String> {
    let read = |file: &Path| std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()));
    let text = read(&root.join("SECURITY.md"))?;
    let (mut faults, mut count) = (Vec::new(), 0);
    for row in rows(&text) {
        let [what, limit, place] = row;
        let Some((file, name)) = place.trim_matches('`').split_once("`, `") else {
            faults.push(format!("{what}: `{place}` names no file and constant"));
            continue;
        };
        count += 1;
        let source = read(&root.join("crates").join(file))?;
        let known = match value_of(&source, name) {
            Ok(value) => value,
            Err(reason) => {
                faults.push(format!("{what}: {file}: {reason}"));
                continue;
            }
        };
        if said(limit) != Some(known) {
            faults.push(format!("{what}: the table says {limit}, {name} in {file} is {known}"));
        }
    }
    match (faults.is_empty(), count) {
        (true, 1..) => Ok(format!("limits: {count} rows of SECURITY.md are as in the code")),
        (true, _) => Err("limits: SECURITY.md has no table of limits".into()),
        _ => Err(format!("limits:\n  {}", faults.join("\n  "))),
    }
}

/// Rows of the table whose head is `what | limit | where`.
fn rows(text: &str) -> impl Iterator<Item = [&str; 3]> {
    let below = text.lines().skip_while(|line| *line != "| what | limit | where |").skip(2);
    below.map_while(|line| {
        let cells: Vec<&str> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        cells.try_into().ok()
    })
}

/// The number that a cell begins with; its digits stand in groups.
fn said(limit: &str) -> Option<u128> {
    let digits: String = limit.chars().take_while(|c| c.is_ascii_digit() || *c == ' ').collect();
    digits.replace(' ', "").parse().ok()
}

/// The value of a constant: whole numbers with `<<`, `*`, `+`, `-`, seconds, and other constants of the same file.
fn value_of(source: &str, name: &str) -> Result<u128, String> {
    let lines = source.lines().filter_map(|line| {
        let (name, value) = line.trim().split_once("const ")?.1.split_once(':')?;
        Some((name.trim(), value.split_once('=')?.1.trim().strip_suffix(';')?.trim()))
    });
    let constants: BTreeMap<&str, &str> = lines.collect();
    let value = constants.get(name).ok_or_else(|| format!("there is no constant {name}"))?;
    value_in(value, &constants, 0).ok_or_else(|| format!("{name} = {value} is not understood"))
}

fn value_in(text: &str, constants: &BTreeMap<&str, &str>, depth: usize) -> Option<u128> {
    if depth > 8 {
        return None;
    }
    let inner = |text: &str| value_in(text.trim(), constants, depth + 1);
    if let Some(seconds) = text.strip_prefix("Duration::from_secs(").and_then(|text| text.strip_suffix(')')) {
        return inner(seconds);
    }
    if let Some(rest) = text.strip_prefix('(') {
        let (group, rest) = rest.split_once(')')?;
        let group = inner(group)?;
        return match rest.trim() {
            "" => Some(group),
            rest => group.checked_sub(inner(rest.strip_prefix('-')?)?),
        };
    }
    // The weakest first.
    if let Some((a, b)) = text.split_once(" << ") {
        return inner(a)?.checked_shl(inner(b)?.try_into().ok()?);
    }
    if let Some((a, b)) = text.split_once(" + ") {
        return inner(a)?.checked_add(inner(b)?);
    }
    if let Some((a, b)) = text.split_once(" * ") {
        return inner(a)?.checked_mul(inner(b)?);
    }
    if let Some(value) = constants.get(text) {
        return inner(value);
    }
    let text = text.replace('_', "");
    let whole = text.parse().ok();
    whole.or_else(|| text.parse::<f64>().ok().filter(|value| value.fract() == 0.0).map(|value| value as u128))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_computed() {
        let source = "/// x\npub const A: u64 = 16 << 30;\nconst B: usize = 4 * A;\npub(crate) const C: Duration = Duration::from_secs(30);\n\
                      const D: f64 = 1e5;\nconst E: u32 = (1 << 24) - 1;\nconst F: usize = f(3);\nconst G: u64 = 4_000;\n";
        let value = |name| value_of(source, name).ok();
        assert_eq!([value("A"), value("B")], [Some(16 << 30), Some(64 << 30)]);
        assert_eq!([value("C"), value("D"), value("E")], [Some(30), Some(100_000), Some((1 << 24) - 1)]);
        assert_eq!([value("F"), value("G"), value("H")], [None, Some(4_000), None]);
        assert_eq!((said("16 777 216 bytes (16 MiB)"), said("none")), (Some(1 << 24), None));
    }

    #[test]
    fn the_table_says_what_the_code_says() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        assert_eq!(check(&root).err(), None);
    }
}
