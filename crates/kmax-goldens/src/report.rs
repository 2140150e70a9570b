//! Comparing whole reports with the JSON of the official evaluators.

use serde_json::{Map, Value};
use std::path::Path;

/// A JSON file of the goldens.
///
/// # Panics
/// If it cannot be read: a golden that is there must be whole.
pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Asserts that a report has everything that `expected` has: numbers within `tolerance`, the rest exactly. Says how many
/// numbers were compared, which must be `numbers` at least, and their largest difference.
///
/// # Panics
/// With the place of the first difference.
pub fn assert_report(what: &str, report: &Value, expected: &Value, tolerance: f64, numbers: usize) {
    let mut seen = Seen { tolerance, numbers: 0, largest: 0.0 };
    compare(what, true, report, expected, &mut seen);
    crate::say(&format!("{what}: {} numbers, largest difference {:e}", seen.numbers, seen.largest));
    assert!(seen.numbers >= numbers, "{what}: only {} numbers were compared", seen.numbers);
}

struct Seen {
    tolerance: f64,
    numbers: usize,
    largest: f64,
}

fn compare(place: &str, top: bool, actual: &Value, expected: &Value, seen: &mut Seen) {
    match (actual, expected) {
        (Value::Object(have), Value::Object(want)) => {
            for (key, value) in want {
                let found = have.get(key).unwrap_or_else(|| panic!("{place}: no key {key}"));
                compare(&format!("{place}/{key}"), false, found, value, seen);
            }
            // Lists of classes and images must not have more than the golden, only reports may.
            let named = |map: &Map<String, Value>| map.values().all(Value::is_object) || map.is_empty();
            if named(want) && !top {
                assert_eq!(have.len(), want.len(), "{place}: the keys {:?}", have.keys().collect::<Vec<_>>());
            }
        }
        (Value::Array(have), Value::Array(want)) => {
            assert_eq!(have.len(), want.len(), "{place}: the length");
            for (index, (have, want)) in have.iter().zip(want).enumerate() {
                compare(&format!("{place}/{index}"), false, have, want, seen);
            }
        }
        (Value::Number(have), Value::Number(want)) => {
            let float = |number: &serde_json::Number| number.as_f64().expect("a number");
            let difference = (float(have) - float(want)).abs();
            assert!(difference <= seen.tolerance, "{place}: {have}, expected {want}");
            seen.numbers += 1;
            seen.largest = seen.largest.max(difference);
        }
        _ => assert_eq!(actual, expected, "{place}"),
    }
}
