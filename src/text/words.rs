//! Words of a text, and the values that several formats share: numbers, addresses, prefixes, times. Everything here returns none for a word
//! that has not exactly its form.

use ipnet::IpNet;
use std::net::IpAddr;

/// The words of an entry, from several lines.
pub(super) struct Words<'a>(Vec<&'a str>);

impl<'a> Words<'a> {
    /// The words of these texts, in order.
    pub(super) fn of(texts: impl Iterator<Item = &'a str>) -> Self {
        Self(texts.flat_map(str::split_whitespace).collect())
    }

    /// All of them.
    pub(super) fn all(&self) -> &[&'a str] {
        &self.0
    }

    /// The word behind the first `key`.
    pub(super) fn after(&self, key: &str) -> Option<&'a str> {
        let at = self.0.iter().position(|word| *word == key)?;
        self.0.get(at + 1).copied()
    }

    /// The words behind the first place where these follow each other.
    pub(super) fn behind(&self, keys: &[&str]) -> &[&'a str] {
        let at = self.0.windows(keys.len().max(1)).position(|window| window == keys);
        at.and_then(|at| self.0.get(at + keys.len()..)).unwrap_or_default()
    }

    /// Whether it has this word.
    pub(super) fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }
}

/// A decimal number without a sign.
pub(super) fn number<T: std::str::FromStr>(word: &str) -> Option<T> {
    let is_plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    word.parse().ok().filter(|_| is_plain)
}

/// A number in hexadecimal with `0x`, or decimal, as `%#x` prints: 0 has no prefix.
pub(super) fn hex(word: &str) -> Option<u32> {
    match word.strip_prefix("0x") {
        Some(digits) if !digits.starts_with('+') => u32::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => number(word),
    }
}

/// An address.
pub(super) fn address(word: &str) -> Option<IpAddr> {
    word.parse().ok()
}

/// A prefix; an address alone is one of its whole length.
pub(super) fn prefix(word: &str) -> Option<IpNet> {
    word.parse().ok().or_else(|| address(word).map(IpNet::from))
}

/// The key of a vti as iproute2 prints it, in the form of an IPv4 address (`link_vti.c`), or as a number.
pub(super) fn dotted(word: &str) -> Option<u32> {
    let address = word.parse::<std::net::Ipv4Addr>().map(u32::from).ok();
    address.or_else(|| number(word))
}

/// `2026-11-27 05:53:50` in seconds since 1970, as if it were in UTC: a text does not say in which zone it was printed.
pub(super) fn time(date: &str, clock: &str) -> Option<u64> {
    let mut parts = date.split('-').map(number::<i64>);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    seconds(year, month, day, clock)
}

/// Seconds since 1970 of a date and a time of day `05:53:50`.
pub(super) fn seconds(year: i64, month: i64, day: i64, clock: &str) -> Option<u64> {
    let mut parts = clock.split(':').map(number::<u64>);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_date =
        (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    // Days of the civil calendar, the year beginning in March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let era = y / 400;
    let year_of_era = y - era * 400;
    let day_of_year = (153 * m + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468;
    Some(u64::try_from(days).ok()? * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_sign_and_no_unit() {
        assert_eq!(number::<u64>("18446744073709551615"), Some(u64::MAX));
        assert_eq!(
            (number::<u64>("+1"), number::<u64>("1K"), number::<u64>("")),
            (None, None, None)
        );
        assert_eq!(
            (hex("0x7"), hex("0"), hex("7"), hex("0x+7"), hex("x")),
            (Some(7), Some(0), Some(7), None, None)
        );
        assert_eq!((dotted("0.0.0.7"), dotted("7"), dotted("x")), (Some(7), Some(7), None));
    }

    #[test]
    fn times_are_seconds_since_1970() {
        assert_eq!(time("1970-01-01", "00:00:00"), Some(0));
        assert_eq!(time("2026-11-27", "05:53:50"), Some(1_795_758_830));
        assert_eq!(time("2024-02-29", "12:00:00"), Some(1_709_208_000));
        for (date, clock) in
            [("2026-13-01", "00:00:00"), ("2026-11-27", "25:00:00"), ("-", "-"), ("2026", "1:2:3")]
        {
            assert_eq!(time(date, clock), None);
        }
    }
}
