//! Fields of COCO's JSON in the forms that tools write them.
//!
//! A whole number may be `96`, `96.0` or `9.6e1`; a flag 0, 1, `false` or `true`. A number in quotes is refused: tools read it in
//! different ways. What nothing depends on may be anything at all.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serializer};

/// Up to 2^53 a float holds every whole number exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A type of whole numbers.
pub trait Integer: TryFrom<i128> {
    /// Its range, in words.
    const RANGE: &'static str;
}

impl Integer for u32 {
    const RANGE: &'static str = "from 0 to 4294967295";
}

impl Integer for u64 {
    const RANGE: &'static str = "that is not negative";
}

impl Integer for i64 {
    const RANGE: &'static str = "of at most 63 bits";
}

/// A whole number.
///
/// # Errors
/// If it is none, is in quotes or out of range.
pub fn whole<'de, D: Deserializer<'de>, N: Integer>(deserializer: D) -> Result<N, D::Error> {
    struct Form<N>(PhantomData<N>);
    impl<N: Integer> Visitor<'_> for Form<N> {
        type Value = N;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            write!(f, "a whole number {}", N::RANGE)
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<N, E> {
            N::try_from(value.into()).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<N, E> {
            N::try_from(value.into()).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<N, E> {
            let whole = (value.abs() <= EXACT && value.fract() == 0.0).then_some(value as i128);
            let number = whole.and_then(|whole| N::try_from(whole).ok());
            number.ok_or_else(|| E::invalid_value(Unexpected::Float(value), &self))
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<N, E> {
            Err(quoted(text, &format!("a whole number {}", N::RANGE)))
        }
    }
    deserializer.deserialize_any(Form(PhantomData))
}

/// A number.
///
/// # Errors
/// If it is none or in quotes.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    struct Form;
    impl Visitor<'_> for Form {
        type Value = f64;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a number")
        }
        fn visit_u64<E>(self, value: u64) -> Result<f64, E> {
            Ok(value as f64)
        }
        fn visit_i64<E>(self, value: i64) -> Result<f64, E> {
            Ok(value as f64)
        }
        fn visit_f64<E>(self, value: f64) -> Result<f64, E> {
            Ok(value)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
            Err(quoted(text, "a number"))
        }
    }
    deserializer.deserialize_any(Form)
}

fn quoted<E: Error>(text: &str, expected: &str) -> E {
    E::custom(format_args!("{text:?} is in quotes, expected {expected} without them"))
}

/// A flag: 0, 1, `false` or `true`; `null` says nothing.
///
/// # Errors
/// If it is anything else.
pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    struct Form;
    impl Visitor<'_> for Form {
        type Value = Option<bool>;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("0 or 1")
        }
        fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
            Ok(Some(flag))
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
            match value {
                0..=1 => Ok(Some(value == 1)),
                _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
            }
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
            if value == 0.0 || value == 1.0 {
                return Ok(Some(value == 1.0));
            }
            Err(E::invalid_value(Unexpected::Float(value), &self))
        }
        // Python takes any text that is not empty for true, "0" too.
        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Err(quoted(text, "0 or 1"))
        }
    }
    deserializer.deserialize_any(Form)
}

/// A flag as the 0 or 1 of COCO's files.
///
/// # Errors
/// Those of the serializer.
pub fn as_number<S: Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}

/// A whole number in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Whole(#[serde(deserialize_with = "whole")] pub u32);

/// A value of any form, as far as anybody looks at it.
#[derive(Clone, Debug, PartialEq)]
pub enum Any {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A list: its length and the first four of it, where they are numbers.
    List(usize, [Option<f64>; 4]),
    /// Anything else.
    Other,
}

impl Any {
    /// The first `N` numbers of a list that has at least as many and at most `most` values.
    pub fn numbers<const N: usize>(&self, most: usize) -> Option<[f64; N]> {
        let Self::List(length, first) = self else { return None };
        if !(N..=most).contains(length) {
            return None;
        }
        let mut numbers = [0.0; N];
        for (number, found) in numbers.iter_mut().zip(first) {
            *number = (*found)?;
        }
        Some(numbers)
    }

    /// The whole number that is not negative.
    pub fn whole(&self) -> Option<u64> {
        match self {
            Self::Number(number) if (0.0..=EXACT).contains(number) && number.fract() == 0.0 => {
                Some(*number as u64)
            }
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        impl<'de> Visitor<'de> for Form {
            type Value = Any;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Any, E> {
                Ok(Any::Other)
            }
            fn visit_unit<E>(self) -> Result<Any, E> {
                Ok(Any::Other)
            }
            fn visit_u64<E>(self, value: u64) -> Result<Any, E> {
                Ok(Any::Number(value as f64))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Any, E> {
                Ok(Any::Number(value as f64))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Any, E> {
                Ok(Any::Number(value))
            }
            fn visit_str<E>(self, text: &str) -> Result<Any, E> {
                Ok(Any::Text(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Any, A::Error> {
                let (mut length, mut first) = (0, [None; 4]);
                for place in &mut first {
                    match list.next_element()? {
                        Some(Any::Number(number)) => *place = Some(number),
                        Some(_) => {}
                        None => return Ok(Any::List(length, first)),
                    }
                    length += 1;
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
                Ok(Any::List(length, first))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Any, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Any::Other)
            }
        }
        deserializer.deserialize_any(Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Fields {
        #[serde(default, deserialize_with = "whole")]
        whole: u32,
        #[serde(default, deserialize_with = "number")]
        number: f64,
        #[serde(default, deserialize_with = "flag")]
        flag: Option<bool>,
    }

    fn read(field: &str, value: &str) -> Result<Fields, String> {
        serde_json::from_str(&format!("{{\"{field}\": {value}}}")).map_err(|error| error.to_string())
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats() {
        for (text, value) in [("96", 96), ("96.0", 96), ("9.6e1", 96), ("-0.0", 0), ("4294967295", u32::MAX)]
        {
            assert_eq!(read("whole", text).map(|read| read.whole), Ok(value), "{text}");
        }
        for (text, expected) in [
            ("1.5", "floating point `1.5`, expected a whole number from 0 to 4294967295"),
            ("-1", "integer `-1`"),
            ("-1.0", "expected a whole number"),
            ("4294967296", "integer `4294967296`"),
            ("1e30", "expected a whole number"),
            ("\"96\"", "\"96\" is in quotes, expected a whole number"),
            ("null", "invalid type: null"),
            ("true", "invalid type: boolean"),
        ] {
            let message = read("whole", text).expect_err(text);
            assert!(message.contains(expected), "{text}: {message}");
        }
        assert_eq!(read("number", "3").map(|read| read.number), Ok(3.0));
        assert!(read("number", "\"3\"").is_err_and(|error| error.contains("in quotes")));
    }

    #[test]
    fn flags_have_two_forms() {
        for (text, flag) in [
            ("0", Some(false)),
            ("1", Some(true)),
            ("1.0", Some(true)),
            ("false", Some(false)),
            ("null", None),
        ] {
            assert_eq!(read("flag", text).map(|read| read.flag), Ok(flag), "{text}");
        }
        for text in ["2", "0.5", "\"0\"", "\"yes\"", "[0]", "-1"] {
            assert!(read("flag", text).is_err_and(|error| error.contains("0 or 1")), "{text}");
        }
    }

    #[test]
    fn anything_is_read_to_its_end() -> Result<(), serde_json::Error> {
        let deep = "[1, 2.5, null, {\"a\": [1]}, [[\"x\"]]]";
        let list = |text: &str| serde_json::from_str::<Any>(text);
        assert_eq!(list(deep)?, Any::List(5, [Some(1.0), Some(2.5), None, None]));
        assert_eq!(
            (list("[1, 2, 3]")?.numbers::<3>(4), list("[1]")?.numbers::<3>(4)),
            (Some([1.0, 2.0, 3.0]), None)
        );
        assert_eq!(
            (list("7.0")?.whole(), list("-7")?.whole(), list("\"7\"")?.whole()),
            (Some(7), None, None)
        );
        for text in ["null", "false", "{\"a\": {\"b\": []}}"] {
            assert_eq!(list(text)?, Any::Other, "{text}");
        }
        Ok(())
    }
}
