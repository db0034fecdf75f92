//! The value of `--since`: a length of time before now, or a date and time in the system's zone. Pure.

use crate::error::{Error, Result};
use jiff::civil::DateTime;
use jiff::{Timestamp, tz::TimeZone};

/// The units after a number, and their milliseconds.
const UNITS: [(char, u64); 5] =
    [('s', 1000), ('m', 60_000), ('h', 3_600_000), ('d', 86_400_000), ('w', 604_800_000)];

/// Milliseconds since the Unix epoch. `now_ms` is the same.
///
/// # Errors
/// `IncorrectValue`: neither of the two, or in the future.
pub fn since(text: &str, now_ms: u64, zone: &TimeZone) -> Result<u64> {
    let refused = |why: &str| Err(Error::IncorrectValue(format!("--since {text}: {why}")));
    if let Some(ms) = ago(text) {
        return Ok(now_ms.saturating_sub(ms));
    }
    match point(text, zone).map(|point| u64::try_from(point.as_millisecond()).unwrap_or(0)) {
        Some(at_ms) if at_ms > now_ms => refused("this is in the future"),
        Some(at_ms) => Ok(at_ms),
        None => {
            refused("expected 45m, 2h, 3d, 1w, a date (2026-11-20) or a time (2026-11-20T03:00)")
        }
    }
}

/// `2h`; a number that is too large counts as the largest one.
fn ago(text: &str) -> Option<u64> {
    let number = text.strip_suffix(|c: char| c.is_ascii_lowercase())?;
    let unit = text.chars().next_back()?;
    let (_, ms) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| number.parse::<u64>().unwrap_or(u64::MAX).saturating_mul(*ms))
}

/// `2026-11-20`, `2026-11-20T03:00`, and with an offset of its own `2026-11-20T03:00Z`.
fn point(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(point) = text.parse::<Timestamp>() {
        return Some(point);
    }
    let local: DateTime = text.parse().ok()?;
    zone.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-23T06:00:00Z.
    const NOW: u64 = 1_795_413_600_000;

    fn at(text: &str) -> String {
        let east = TimeZone::fixed(jiff::tz::offset(1));
        let ms = since(text, NOW, &east).unwrap();
        Timestamp::from_millisecond(ms.try_into().unwrap()).unwrap().to_string()
    }

    #[test]
    fn a_number_with_a_unit_is_so_long_ago() {
        for (text, expected) in [
            ("90s", "2026-11-23T05:58:30Z"),
            ("45m", "2026-11-23T05:15:00Z"),
            ("2h", "2026-11-23T04:00:00Z"),
            ("3d", "2026-11-20T06:00:00Z"),
            ("1w", "2026-11-16T06:00:00Z"),
            ("99999999999999999999w", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn a_date_or_a_time_is_of_the_zone() {
        assert_eq!(at("2026-11-20"), "2026-11-19T23:00:00Z");
        assert_eq!(at("2026-11-20T03:00"), "2026-11-20T02:00:00Z");
        assert_eq!(at("2026-11-20 03:00:01"), "2026-11-20T02:00:01Z");
        assert_eq!(at("2026-11-20T03:00Z"), "2026-11-20T03:00:00Z");
    }

    #[test]
    fn everything_else_is_refused_in_one_sentence() {
        for text in
            ["", "h", "2", "2x", "-2h", "2 h", "2H", "1.5h", "yesterday", "2026-13-01", "٣h"]
        {
            let said = since(text, NOW, &TimeZone::UTC).unwrap_err().to_string();
            assert!(said.starts_with(&format!("--since {text}: expected 45m, ")), "{said}");
        }
        let said = since("2026-11-24", NOW, &TimeZone::UTC).unwrap_err().to_string();
        assert_eq!(said, "--since 2026-11-24: this is in the future");
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic_or_a_time_to_come(text in any::<String>(), number in any::<u64>(), unit in "[smhdw]") {
            for text in [text, format!("{number}{unit}")] {
                if let Ok(at) = since(&text, NOW, &TimeZone::UTC) {
                    prop_assert!(at <= NOW);
                }
            }
        }
    }
}
