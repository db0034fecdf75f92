//! What a scalar of YAML 1.2 is: null, a boolean, a number or a text. Pure; the same as serde_yaml says.

use serde::de::{Error, Visitor};
use std::borrow::Cow;

/// What a text without quotes is in YAML 1.2.
enum Plain {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text,
}

fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Null,
        "true" | "True" | "TRUE" => return Plain::Bool(true),
        "false" | "False" | "FALSE" => return Plain::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Plain::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Plain::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Plain::Float(f64::NAN),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || is_padded(digits) {
        return Plain::Text;
    }
    if let Some(integer) = integer(digits, text.starts_with('-')) {
        return integer;
    }
    match text.parse::<f64>() {
        Ok(float) if float.is_finite() => Plain::Float(float),
        _ => Plain::Text,
    }
}

/// Digits after a zero are a text in YAML 1.2.
fn is_padded(digits: &str) -> bool {
    digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn integer(digits: &str, is_negative: bool) -> Option<Plain> {
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((digits.strip_prefix(prefix)?, radix)));
    let (digits, radix) = prefixed.unwrap_or((digits, 10));
    // from_str_radix() would take a sign, too.
    let number = u64::from_str_radix(digits, radix).ok().filter(|_| !digits.starts_with('+'))?;
    match is_negative {
        false => Some(Plain::Unsigned(number)),
        true => 0_i64.checked_sub_unsigned(number).map(Plain::Signed),
    }
}

/// A scalar as what it is; where another type is expected, the visitor says so.
pub(super) fn scalar<'t, V: Visitor<'t>, E: Error>(
    text: Cow<'t, str>,
    is_plain: bool,
    visitor: V,
) -> Result<V::Value, E> {
    match if is_plain { plain(&text) } else { Plain::Text } {
        Plain::Null => visitor.visit_unit(),
        Plain::Bool(value) => visitor.visit_bool(value),
        Plain::Unsigned(value) => visitor.visit_u64(value),
        Plain::Signed(value) => visitor.visit_i64(value),
        Plain::Float(value) => visitor.visit_f64(value),
        Plain::Text => words(text, visitor),
    }
}

/// A text as it is.
pub(super) fn words<'t, V: Visitor<'t>, E: Error>(
    text: Cow<'t, str>,
    visitor: V,
) -> Result<V::Value, E> {
    match text {
        Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
        Cow::Owned(text) => visitor.visit_string(text),
    }
}

/// Whether a text without quotes stands for nothing.
pub(super) fn is_null(text: &str) -> bool {
    matches!(plain(text), Plain::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::{Deserialize, value::Error};
    use serde::forward_to_deserialize_any;
    use serde_yaml::Value;

    /// A scalar without quotes, read as whatever it is.
    struct One<'t>(&'t str);

    impl<'de> serde::Deserializer<'de> for One<'de> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            scalar(Cow::Borrowed(self.0), true, visitor)
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct seq
            tuple tuple_struct map struct enum identifier ignored_any
        }
    }

    fn value(text: &str) -> Value {
        Value::deserialize(One(text)).unwrap()
    }

    #[test]
    fn each_is_what_serde_yaml_says() {
        for text in [
            "~",
            "null",
            "Null",
            "nULL",
            "true",
            "True",
            "tRUE",
            "FALSE",
            "yes",
            "on",
            "0",
            "-0",
            "+1",
            "-1",
            "+-1",
            "--1",
            "1_000",
            "007",
            "-07",
            "0x1f",
            "0x",
            "0x+1",
            "-0x1f",
            "0o17",
            "0b101",
            "0b2",
            "1.5",
            "-1.5",
            "+1.5",
            "1e3",
            ".5",
            "5.",
            ".",
            "1e400",
            "18446744073709551615",
            "-9223372036854775808",
            "01.5",
            ".inf",
            "-.INF",
            "+.Inf",
            ".nan",
            "inf",
            "nan",
            "NaN",
            "1.2.3.4",
            "12:30:45",
            "2001-12-14",
            "0x1g",
            "a",
            "1-",
            "0.0.0.0/0",
            "4294967296",
        ] {
            let (ours, other) = (value(text), serde_yaml::from_str::<Value>(text));
            assert_eq!(format!("{ours:?}"), format!("{:?}", other.unwrap()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn all_that_look_like_numbers_too(text in "[-+]?[0-9][0-9a-fxob.e]{0,5}") {
            let other: Value = serde_yaml::from_str(&text).unwrap();
            prop_assert_eq!(format!("{:?}", value(&text)), format!("{other:?}"));
        }
    }
}
