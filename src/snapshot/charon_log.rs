//! Lines of charon's log, in the form of its syslog logger: `05[IKE] <AZURE|7> received AUTHENTICATION_FAILED notify error`. It parses
//! lines and knows charon's words; which tunnel a line belongs to is not decided here.
//!
//! Sources: strongSwan 6.0.1, `src/libcharon/bus/listeners/sys_logger.c` (thread, subsystem, with `log_level = yes` its level, with
//! `ike_name = yes` the connection and the number of the IKE_SA); `src/charon-systemd/charon-systemd.c`, whose lines in a log
//! file have none of these.

/// One line of charon, or of VyOS's hook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line<'a> {
    /// `charon`, `charon-systemd` or `vti-up-down`.
    pub program: &'a str,
    /// Its process id, if the line has it.
    pub pid: Option<u32>,
    /// The thread, as written.
    pub thread: &'a str,
    /// The subsystem, such as `IKE`; empty in lines without one.
    pub group: &'a str,
    /// The level at which the line was logged, if it has one.
    pub level: Option<u8>,
    /// The connection. An IKE_SA that the peer started has none until charon has identified the peer.
    pub connection: Option<&'a str>,
    /// charon's number of the IKE_SA.
    pub unique_id: Option<u64>,
    /// The message.
    pub message: &'a str,
}

impl<'a> Line<'a> {
    /// The parts of a line; none unless charon or VyOS's hook wrote it.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (program, rest) = program(line)?;
        let (name, pid) = match program.split_once('[') {
            Some((name, pid)) => (name, pid.trim_end_matches(']').parse().ok()),
            None => (program, None),
        };
        let plain = Self { program: name, pid, message: rest, ..Self::default() };
        Some(plain.with_prefix(rest).unwrap_or(plain))
    }

    /// The same, but a line of another program is all message.
    pub fn of(line: &'a str) -> Self {
        Self::parse(line).unwrap_or(Self { message: line, ..Self::default() })
    }

    /// The line with the fields before the message.
    fn with_prefix(self, text: &'a str) -> Option<Self> {
        let (thread, rest) = text.split_once('[')?;
        let (group, message) = rest.split_once("] ")?;
        let is_thread = !thread.is_empty() && thread.bytes().all(|b| b.is_ascii_digit());
        let name = group.trim_end_matches(|c: char| c.is_ascii_digit());
        let is_group = name.len() == 3 && name.bytes().all(|b| b.is_ascii_uppercase());
        if !is_thread || !is_group {
            return None;
        }
        let level = group.get(name.len()..).and_then(|level| level.parse().ok());
        let line = Self { thread, group: name, level, message, ..self };
        let inside = message.strip_prefix('<').and_then(|rest| rest.split_once("> "));
        let Some((inside, message)) = inside else { return Some(line) };
        let (connection, id) = match inside.rsplit_once('|') {
            Some((connection, id)) => (Some(connection), id),
            None => (None, inside),
        };
        Some(match id.parse() {
            Ok(id) => Self { connection, unique_id: Some(id), message, ..line },
            Err(_) => line,
        })
    }

    /// Whether charon wrote it, not VyOS's hook.
    pub fn is_of_charon(&self) -> bool {
        self.program.starts_with("charon")
    }

    /// The connection: before the message, or in charon's own words in it, `IKE_SA AZURE[7]`.
    pub fn named(&self) -> Option<&'a str> {
        self.connection.or_else(|| {
            let (_, rest) = self.message.split_once("IKE_SA ")?;
            let (name, rest) = rest.split_once('[')?;
            let (number, _) = rest.split_once(']')?;
            let is_name = !name.is_empty() && !name.contains(' ') && name != UNNAMED;
            (is_name && number.parse::<u64>().is_ok()).then_some(name)
        })
    }

    /// Whether it would also be logged at level 0, which reports SAs that come and go but no failures. Lines without a level are recognised
    /// by their words.
    pub fn is_audit(&self) -> bool {
        match self.level {
            Some(level) => level == 0,
            None => AUDIT.iter().any(|words| self.message.contains(words)),
        }
    }

    /// Its meaning for an attempt, and the words that prove it.
    pub fn event(&self) -> Option<(&'static str, Option<Failure>)> {
        LOG_EVENTS.iter().find(|(words, _)| self.message.contains(words)).copied()
    }
}

/// What charon calls an IKE_SA whose connection it does not know yet: `get_name()` of `ike_sa.c`. From 6.0.6 on, `process_r()` of
/// `ike_init.c` says so of each that a peer begins.
const UNNAMED: &str = "(unnamed)";

/// The word that names the program of a line, without the colon, and the text after it. The words before it are a time and a host.
fn program(line: &str) -> Option<(&str, &str)> {
    let mut rest = line;
    for _ in 0..6 {
        rest = rest.trim_start();
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        if let Some(program) = word.strip_suffix(':') {
            let is_ours = program.starts_with("charon") || program.starts_with("vti-up-down");
            return is_ours.then(|| (program, after.trim_start()));
        }
        rest = after;
    }
    None
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The peer does not answer.
    Silent,
    /// One end does not accept the authentication of the other end.
    Authentication,
    /// No common proposal for the IKE_SA or the CHILD_SA.
    Proposal,
    /// A postquantum preshared key is required, and the peers use none or another.
    Ppk,
    /// One end wants the IKE_SA without a first CHILD_SA, and the other does not.
    Childless,
    /// The peer does not accept the traffic selectors.
    Selectors,
    /// The peer ended the IKE_SA.
    Closed,
}

/// Words of charon's log and what they mean; none where the attempt succeeded. Source: strongSwan, `ike_init.c`, `ike_auth.c` (`get_ppk()`,
/// `get_ppk_i()`, `get_ppk_r()`), `child_create.c` (`defer_child_sa()`, `handle_childless()`), `task_manager_v2.c`, `message.c` for the short
/// names in brackets.
pub const LOG_EVENTS: &[(&str, Option<Failure>)] = &[
    ("PPK required but ", Some(Failure::Ppk)),
    ("received PPK_ID '", Some(Failure::Ppk)),
    ("peer does not support childless IKE_SA", Some(Failure::Childless)),
    ("peer did not initiate a childless IKE_SA", Some(Failure::Childless)),
    ("peer tried to initiate a childless IKE_SA", Some(Failure::Childless)),
    ("AUTHENTICATION_FAILED", Some(Failure::Authentication)),
    ("N(AUTH_FAILED)", Some(Failure::Authentication)),
    ("NO_PROPOSAL_CHOSEN", Some(Failure::Proposal)),
    ("N(NO_PROP)", Some(Failure::Proposal)),
    ("TS_UNACCEPTABLE", Some(Failure::Selectors)),
    ("N(TS_UNACCEPT)", Some(Failure::Selectors)),
    ("peer not responding", Some(Failure::Silent)),
    ("giving up after", Some(Failure::Silent)),
    ("retransmit ", Some(Failure::Silent)),
    ("received DELETE for IKE_SA", Some(Failure::Closed)),
    ("established with SPIs", None),
];

/// Words of what strongSwan 5.9.1 to 6.0.6 log at level 0: `DBG0(DBG_IKE, …)` below `src/libcharon/sa`.
const AUDIT: &[&str] = &[
    "initiating IKE_SA",
    "initiating Main Mode IKE_SA",
    "initiating Aggressive Mode IKE_SA",
    "is initiating a",
    "reauthenticating IKE_SA",
    "IKE_SA deleted",
    "deleting IKE_SA",
    "establishing CHILD_SA",
    "closing CHILD_SA",
    "closing expired CHILD_SA",
    "rekeyed CHILD_SA",
    "established between",
    "rekeyed between",
    "established with SPIs",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_syslog_logger_is_taken_apart() {
        let text = "Nov 23 03:00:00 gw1 charon[812]: 05[IKE] <AWS-A|3> received NO_PROPOSAL_CHOSEN";
        let line = Line::parse(text).unwrap();
        let expected = Line {
            program: "charon",
            pid: Some(812),
            thread: "05",
            group: "IKE",
            connection: Some("AWS-A"),
            unique_id: Some(3),
            message: "received NO_PROPOSAL_CHOSEN",
            level: None,
        };
        assert_eq!(line, expected);
        let text =
            "2026-11-23T03:00:00Z charon-systemd[9]: 05[IKE1] <3> received NO_PROPOSAL_CHOSEN";
        let line = Line::parse(text).unwrap();
        assert_eq!((line.program, line.level, line.group), ("charon-systemd", Some(1), "IKE"));
        assert_eq!((line.connection, line.unique_id), (None, Some(3)));
    }

    #[test]
    fn a_line_of_charon_systemd_in_a_file_has_its_message_alone() {
        let text = "2026-06-01T03:00:00.1+00:00 gw1 charon-systemd[812]: initiating IKE_SA AZURE[1] to 192.0.2.2";
        let line = Line::parse(text).unwrap();
        assert_eq!((line.group, line.connection, line.unique_id), ("", None, None));
        assert_eq!((line.named(), line.is_audit()), (Some("AZURE"), true));
        let text =
            "Jun  1 03:00:00 gw1 charon-systemd[812]: received AUTHENTICATION_FAILED notify error";
        let line = Line::parse(text).unwrap();
        assert_eq!((line.named(), line.is_audit()), (None, false));
        // An IKE_SA that a peer begins, up to 6.0.5 and from 6.0.6 on.
        for message in ["is initiating an IKE_SA", "is initiating IKE_SA (unnamed)[3]"] {
            let text = format!("Jun  1 03:00:00 gw1 charon-systemd[812]: 192.0.2.2 {message}");
            let line = Line::parse(&text).unwrap();
            assert_eq!((line.named(), line.is_audit()), (None, true), "{message}");
        }
        assert_eq!(line.event(), Some(("AUTHENTICATION_FAILED", Some(Failure::Authentication))));
    }

    #[test]
    fn what_another_program_says_is_no_line() {
        assert_eq!(Line::parse("Nov 23 03:00:02 gw1 kernel: charon: was here"), None);
        assert_eq!(Line::parse("Nov 23 03:00:02 gw1 sudo[1]: root : charon: x"), None);
        assert_eq!(Line::parse(""), None);
        assert!(
            Line::parse("Nov 23 03:00:02 gw1 vti-up-down[7]: Interface vti1 up-client A").is_some()
        );
    }

    #[test]
    fn a_message_with_brackets_of_its_own_stays_a_message() {
        let line = Line::parse("h charon: 05[IKE] <broken> x").unwrap();
        assert_eq!((line.connection, line.unique_id, line.message), (None, None, "<broken> x"));
        let line = Line::parse("h charon: sending packet: from 192.0.2.1[500]").unwrap();
        assert_eq!((line.group, line.message), ("", "sending packet: from 192.0.2.1[500]"));
        let line = Line::parse("h charon: 05[IKE] <A|B|7> x").unwrap();
        assert_eq!(line.connection, Some("A|B"));
    }
}
