//! The JSON forms that serde does not derive.

use std::fmt::Display;

use serde::{Serialize, Serializer};

/// A list of pairs as an object, in order.
pub(crate) fn object<K: Display, V: Serialize, S: Serializer>(
    list: &[(K, V)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(list.iter().map(|(key, value)| (key.to_string(), value)))
}

/// A flag as 0 or 1.
pub(crate) fn number<S: Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}

/// A ratio of 0..1 in percent.
pub(crate) fn percent<S: Serializer>(ratio: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    ratio.map(|ratio| 100.0 * ratio).serialize(serializer)
}

/// The mean of some values, `None` without any.
pub(crate) fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.into_iter().fold((0.0, 0u64), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / count as f64)
}
