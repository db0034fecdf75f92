//! Ranges as the guidelines of monitoring plugins write thresholds: `10`, `10:`, `~:10`, `10:20`, `@10:20`.

use crate::error::Error;
use std::fmt;
use std::str::FromStr;

/// The values that raise no alert (monitoring-plugins.org, Plugin Development Guidelines, "Threshold and Ranges").
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    start: f64,
    end: f64,
    /// `@`: an alert is raised inside, not outside.
    inside: bool,
    /// As it was written.
    text: String,
}

impl Range {
    /// No value but 0.
    pub fn zero() -> Self {
        Self { start: 0.0, end: 0.0, inside: false, text: "0".to_owned() }
    }

    /// Whether an alert is raised for this value.
    pub fn alerts(&self, value: u64) -> bool {
        let value = value as f64;
        (self.start <= value && value <= self.end) == self.inside
    }
}

/// As in the performance data.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Range {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refused = || {
            Error::IncorrectValue(format!(
                "{text} is no range: expected 10, 10:, ~:10, 10:20 or @10:20"
            ))
        };
        let (inside, bounds) = match text.strip_prefix('@') {
            Some(bounds) => (true, bounds),
            None => (false, text),
        };
        let number = |text: &str| {
            let is_number = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
            text.parse::<f64>().ok().filter(|_| is_number)
        };
        let (start, end) = bounds.split_once(':').unwrap_or(("0", bounds));
        let start = if start == "~" { Some(f64::NEG_INFINITY) } else { number(start) };
        // `10:` has no end, but `` has no beginning either.
        let end =
            if end.is_empty() && bounds.ends_with(':') { Some(f64::INFINITY) } else { number(end) };
        let (start, end) =
            start.zip(end).filter(|(start, end)| start <= end).ok_or_else(refused)?;
        Ok(Self { start, end, inside, text: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the guidelines, with values that raise an alert and values that do not.
    #[test]
    fn the_examples_of_the_guidelines() {
        for (text, alerts, silent) in [
            ("10", [11, 100], [0, 10]),
            ("10:", [0, 9], [10, 1000]),
            ("~:10", [11, 12], [0, 10]),
            ("10:20", [9, 21], [10, 20]),
            ("@10:20", [10, 20], [9, 21]),
        ] {
            let range: Range = text.parse().unwrap();
            assert_eq!(alerts.map(|value| range.alerts(value)), [true; 2], "{text}");
            assert_eq!(silent.map(|value| range.alerts(value)), [false; 2], "{text}");
            assert_eq!(range.to_string(), text);
        }
        assert_eq!([0, 1].map(|value| Range::zero().alerts(value)), [false, true]);
    }

    #[test]
    fn everything_else_is_refused_in_one_sentence() {
        for text in ["", ":", "a", "20:10", "1:2:3", "@", "10:x", "inf", "1e3", "~", "1 : 2"] {
            let said = text.parse::<Range>().unwrap_err().to_string();
            assert!(said.contains("is no range"), "{text}: {said}");
        }
    }
}
