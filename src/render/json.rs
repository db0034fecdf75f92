//! Reports as JSON, the contract with other programs: four spaces, snake_case keys, like `--raw` of VyOS's own commands.
//! Values are exact; nothing is rounded, shortened or left out.

use super::escape::is_active;
use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// A `Report` or `LookupReport` as JSON, with a line end.
///
/// # Errors
/// None for the types of [`crate::report`]: they are plain data.
pub fn write(report: &impl Serialize) -> Result<String> {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    report
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .map_err(|error| failed(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| failed(&error))?;
    Ok(escaped(&text) + "\n")
}

/// One value as a line of its own, without the line end: no space, and its keys in the order of the alphabet.
///
/// # Errors
/// As those of [`write()`].
pub fn line(value: &impl Serialize) -> Result<String> {
    let value = serde_json::to_value(value).map_err(|error| failed(&error))?;
    Ok(escaped(&value.to_string()))
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    Error::DataUnavailable(format!("cannot write the report as JSON: {error}"))
}

/// Writes what a terminal would act on as `\uXXXX`, which means the same. Such characters stand in strings only, where serde_json
/// leaves DEL, C1 and the bidirectional controls as they are; the line ends between values are its own.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_active(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                safe.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_comes_back_exactly_and_cannot_act_on_a_terminal(text in any::<String>()) {
            let json = write(&[&text]).unwrap();
            prop_assert!(json.chars().all(|c| c == '\n' || !is_active(c)));
            let back: Vec<String> = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&back, &[text]);
        }
    }

    #[test]
    fn bidirectional_controls_and_c1_are_escaped() {
        assert_eq!(write(&"\u{9b}1m \u{202e} \x7f").unwrap(), "\"\\u009b1m \\u202e \\u007f\"\n");
    }
}
