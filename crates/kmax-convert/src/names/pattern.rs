//! Names with numbers in them: `stages.#.blocks.#` stands for any two numbers, `_block+` for one counted from 1.

/// The numbers of `name`, counted from 0, if it has the form of `pattern`.
pub(super) fn capture(pattern: &str, name: &str) -> Option<Vec<usize>> {
    // Most patterns are told apart by how they end.
    let end = pattern.as_bytes().last();
    if !matches!(end, Some(b'#' | b'+')) && end != name.as_bytes().last() {
        return None;
    }
    let (mut numbers, mut place) = (Vec::new(), 0);
    for byte in pattern.bytes() {
        let rest = name.get(place..)?;
        if !matches!(byte, b'#' | b'+') {
            if rest.as_bytes().first() != Some(&byte) {
                return None;
            }
            place += 1;
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number = &rest[..digits];
        // Only the plain spelling, so that the way back gives the same name.
        if number.len() > 1 && number.starts_with('0') {
            return None;
        }
        let value: usize = number.parse().ok()?;
        numbers.push(value.checked_sub(usize::from(byte == b'+'))?);
        place += digits;
    }
    (place == name.len()).then_some(numbers)
}

/// The name of that form with those numbers.
pub(super) fn fill(pattern: &str, numbers: &[usize]) -> String {
    let mut numbers = numbers.iter();
    let mut name = String::with_capacity(pattern.len() + 8);
    for character in pattern.chars() {
        let number = match character {
            '#' => numbers.next().copied(),
            '+' => numbers.next().map(|number| number + 1),
            other => {
                name.push(other);
                continue;
            }
        };
        name += &number.map_or(String::new(), |number| number.to_string());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_and_put_back() {
        let (ours, theirs) = ("stages.#.blocks.#.conv1", "_stages/#/_block+/_conv1");
        let numbers = capture(theirs, "_stages/1/_block12/_conv1");
        assert_eq!(numbers, Some(vec![1, 11]));
        assert_eq!(fill(ours, &[1, 11]), "stages.1.blocks.11.conv1");
        assert_eq!(fill(theirs, &[1, 11]), "_stages/1/_block12/_conv1");
        assert_eq!(capture("a.#", "a.7"), Some(vec![7]));
        assert_eq!(capture("plain", "plain"), Some(vec![]));
    }

    #[test]
    fn other_forms_are_not_taken() {
        for (pattern, name) in [
            ("_block+", "_block0"),
            ("a.#", "a."),
            ("a.#", "a.01"),
            ("a.#", "a.1.b"),
            ("a.#.b", "a.1"),
            ("a.#", "a.99999999999999999999999"),
            ("plain", "plainer"),
        ] {
            assert_eq!(capture(pattern, name), None, "{pattern} {name}");
        }
    }
}
