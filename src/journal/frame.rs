//! One record as a line, and back. Pure.

use super::{VERSION, record::Record};

/// The first line of a file.
pub(super) fn head() -> String {
    format!("vti-diagnostics journal {VERSION}\n")
}

/// The version in a first line; none where it is not the head of a journal.
pub(super) fn version(line: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(line).ok()?;
    text.trim_end().strip_prefix("vti-diagnostics journal ")?.parse().ok()
}

/// A record as a line. None where it cannot be written as JSON, which no record does.
pub(super) fn line(record: &Record) -> Option<String> {
    let json = serde_json::to_string(record).ok()?;
    Some(format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())))
}

/// The record of a line; none where the line is damaged.
pub(super) fn record(line: &[u8]) -> Option<Record> {
    let (sum, json) = line.split_at_checked(8)?;
    let json = json.strip_prefix(b" ")?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    if crc32fast::hash(json) != sum {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped() -> String {
        line(&Record::Stopped { at_ms: 7 }).unwrap()
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let line = stopped();
        assert_eq!(record(line.trim_end().as_bytes()), Some(Record::Stopped { at_ms: 7 }));
    }

    #[test]
    fn a_line_with_any_byte_changed_or_missing_is_damaged() {
        let line = stopped();
        let line = line.trim_end().as_bytes();
        for at in 0..line.len() {
            assert_eq!(record(&line[..at]), None, "cut at {at}");
            let mut changed = line.to_vec();
            changed[at] ^= 1;
            assert_eq!(record(&changed), None, "changed at {at}");
        }
    }

    #[test]
    fn a_record_of_a_later_version_of_the_program_is_passed_over() {
        let json = r#"{"record":"forecast","at_ms":1,"of":{"vti0":"rain"}}"#;
        let line = format!("{:08x} {json}", crc32fast::hash(json.as_bytes()));
        assert_eq!(record(line.as_bytes()), Some(Record::Unknown));
    }

    #[test]
    fn the_head_names_the_version() {
        assert_eq!(version(head().as_bytes()), Some(VERSION));
        assert_eq!(version(b"vti-diagnostics journal 12\n"), Some(12));
        assert_eq!(version(b"something else"), None);
    }
}
