//! Entries of systemd's journal, as `journalctl --output=json` writes them, to lines of charon's log in the form of
//! [`crate::snapshot::charon_log`]. No I/O; what is no entry is left out, and no input makes it panic.
//!
//! Sources: systemd 252, `src/shared/logs-show.c`, `output_json` (a field is a text, an array of bytes where it is no text, null where it is
//! long, and an array of these where it occurs more than once); strongSwan 6.0.1, `src/charon-systemd/charon-systemd.c`, `vlog` (the fields).

use jiff::Timestamp;
use serde_json::{Map, Value};

/// The fields that are read, beside those that journalctl always writes.
pub const FIELDS: &str =
    "MESSAGE,SYSLOG_IDENTIFIER,_PID,GROUP,LEVEL,THREAD,IKE_SA_NAME,IKE_SA_UNIQUE_ID";

/// The lines of one entry, as charon's own syslog logger would write them with `ike_name` and `log_level`: one for each line of its
/// message. Those of charon's syslog logger and of VyOS's hook stay as they are.
pub fn lines(entry: &str) -> Vec<String> {
    let Ok(Value::Object(fields)) = serde_json::from_str::<Value>(entry) else { return Vec::new() };
    let Some(message) = text(&fields, "MESSAGE") else { return Vec::new() };
    let word = |name| text(&fields, name).filter(|value| is_word(value)).unwrap_or_default();
    let micros = text(&fields, "__REALTIME_TIMESTAMP").and_then(|t| t.parse().ok());
    let time = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let time = time.map_or_else(String::new, |time| format!("{time:.3} "));
    let (program, pid) = (word("SYSLOG_IDENTIFIER"), word("_PID"));
    let (group, level, id) = (word("GROUP"), word("LEVEL"), word("IKE_SA_UNIQUE_ID"));
    let mut before = format!("{time}{program}[{pid}]: ");
    if !group.is_empty() {
        let thread = format!("{:0>2}", word("THREAD"));
        before += &format!("{thread}[{group}{level}] ");
        match (word("IKE_SA_NAME").as_str(), id.as_str()) {
            (_, "") => {}
            ("", id) => before += &format!("<{id}> "),
            (name, id) => before += &format!("<{name}|{id}> "),
        }
    }
    message.lines().map(|line| format!("{before}{}", line.trim_end())).collect()
}

/// A field, the first where it occurs more than once.
fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let value = match fields.get(name)? {
        Value::Array(values) if !values.first().is_some_and(Value::is_number) => values.first()?,
        value => value,
    };
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(bytes) => {
            let bytes = bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok());
            let bytes: Option<Vec<u8>> = bytes.collect();
            Some(String::from_utf8_lossy(&bytes?).into_owned())
        }
        _ => None,
    }
}

/// Whether a value can stand before a message without being taken for a part of it.
fn is_word(value: &str) -> bool {
    !value.contains(|c: char| c.is_whitespace() || c.is_control() || "<>".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::charon_log::Line;

    /// Written by journalctl of systemd 252 in the laboratory's guest, of charon-systemd 5.9.8 and 6.0.1 whose peer has another secret.
    const RECORDED: [&str; 2] = [
        include_str!("../../tests/wire/journal-5.9.8.json"),
        include_str!("../../tests/wire/journal-6.0.1.json"),
    ];

    #[test]
    fn entries_of_charon_systemd_become_lines_of_its_syslog_logger() {
        RECORDED.into_iter().for_each(a_refused_attempt);
    }

    fn a_refused_attempt(recorded: &str) {
        let lines: Vec<String> = recorded.lines().flat_map(lines).collect();
        assert!(lines.len() >= 20);
        let parsed: Vec<Line<'_>> = lines.iter().filter_map(|line| Line::parse(line)).collect();
        assert_eq!(parsed.len(), lines.len());
        let refused = parsed.iter().find(|l| l.message.contains("AUTHENTICATION_FAILED")).unwrap();
        assert_eq!((refused.program, refused.group), ("charon-systemd", "IKE"));
        assert_eq!((refused.level, refused.connection), (Some(1), Some("AZURE")));
        assert!(refused.unique_id.is_some() && refused.pid.is_some());
        assert!(parsed.iter().any(|l| l.level == Some(0) && l.message.starts_with("initiating")));
    }

    #[test]
    fn a_message_that_is_no_text_or_not_one_is_read_as_far_as_it_can_be() {
        let entry = r#"{"MESSAGE":[104,105,255],"SYSLOG_IDENTIFIER":"charon","_PID":"7"}"#;
        assert_eq!(lines(entry), ["charon[7]: hi\u{fffd}"]);
        let entry = r#"{"MESSAGE":["a","b"],"SYSLOG_IDENTIFIER":"charon","_PID":"7"}"#;
        assert_eq!(lines(entry), ["charon[7]: a"]);
        assert_eq!(lines(r#"{"MESSAGE":null,"_PID":"7"}"#), [""; 0]);
        assert_eq!(lines(r#"{"MESSAGE":"#), [""; 0]);
        assert_eq!(lines("[]"), [""; 0]);
    }

    #[test]
    fn a_message_of_lines_is_a_line_each_and_a_field_with_blanks_is_none() {
        let entry = r#"{"__REALTIME_TIMESTAMP":"1764191000123456","MESSAGE":"one\ntwo","SYSLOG_IDENTIFIER":"charon-systemd",
            "_PID":"7","GROUP":"IKE","LEVEL":"1","THREAD":"5","IKE_SA_NAME":"A > B","IKE_SA_UNIQUE_ID":"3"}"#;
        let one = "2025-11-26T21:03:20.123Z charon-systemd[7]: 05[IKE1] <3> one";
        assert_eq!(lines(entry), [one.to_owned(), one.replace("one", "two")]);
    }
}
