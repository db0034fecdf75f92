//! A text as lines without what terminals, mail and forums put around them: carriage returns, quote marks, colours, prompts. It recognises
//! what was typed, not what was printed.

use std::ops::Range;

/// A longer line is nothing that a table has. In bytes; JSON may be one line, and is read from the text itself.
const LONGEST: usize = 4096;

/// The programs whose prompts separate parts, as they are typed first in a line.
const PROGRAMS: &[&str] = &[
    "cat",
    "date",
    "grep",
    "ifconfig",
    "ip",
    "ipsec",
    "journalctl",
    "netstat",
    "nft",
    "nstat",
    "run",
    "show",
    "ss",
    "swanctl",
    "sysctl",
    "tail",
    "uname",
    "uptime",
    "vtysh",
];

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Line<'a> {
    /// From 1.
    pub number: usize,
    /// Without blanks around it; empty where it is too long to be read as a line.
    pub text: &'a str,
    /// Blanks before it, behind the quote marks.
    pub indent: usize,
    /// Where `text` is in the whole text.
    pub at: usize,
    /// What was typed here, behind a prompt; empty for a prompt alone.
    pub typed: Option<&'a str>,
    /// The host that the prompt names.
    pub host: Option<&'a str>,
}

/// The lines of a text without those that are blank: forums put one behind each line, and no format needs them.
pub(super) fn of(text: &str) -> Vec<Line<'_>> {
    let mut at = 0;
    let mut lines = Vec::new();
    for (n, whole) in text.split_inclusive('\n').enumerate() {
        let range = within(whole);
        let content = whole.get(range.clone()).unwrap_or_default();
        let indent = content.len() - content.trim_start().len();
        let (start, content) = (at + range.start + indent, content.trim());
        at += whole.len();
        if content.is_empty() {
            continue;
        }
        let content = if content.len() > LONGEST { "" } else { content };
        let typed = typed(content);
        let host = typed.and_then(|typed| host(content, typed));
        lines.push(Line { number: n + 1, text: content, indent, at: start, typed, host });
    }
    lines
}

/// The part of a line behind quote marks of mail and a byte order mark, without its end. The blanks behind a quote mark belong to it, but one.
fn within(line: &str) -> Range<usize> {
    let end = line.trim_end().len();
    let mut start = 0;
    let rest = |from: usize| line.get(from..end).unwrap_or_default();
    if rest(0).starts_with('\u{feff}') {
        start = '\u{feff}'.len_utf8();
    }
    loop {
        let text = rest(start);
        let blanks = text.len() - text.trim_start().len();
        let Some(quoted) = text.trim_start().strip_prefix('>') else { return start..end };
        // `> show` is a prompt of some shells, and so is a quote mark: both are no content.
        start += blanks + 1 + usize::from(quoted.starts_with(' '));
    }
}

/// What was typed, where a line is a prompt with a command, or a command of the known programs by itself.
fn typed(line: &str) -> Option<&str> {
    let is_command = |text: &str| {
        let text = text.strip_prefix("sudo ").unwrap_or(text).trim_start();
        let word = text.split_whitespace().next().unwrap_or_default();
        PROGRAMS.contains(&word.rsplit('/').next().unwrap_or_default())
    };
    let plain = |text: &str| {
        let words = || text.split_whitespace();
        // `ip 10.0.0.1` in a sentence is no command: the second word of one is an option or a word of letters.
        let second = words().nth(1).unwrap_or_default();
        is_command(text)
            && words().count() < 16
            && !text.ends_with(['.', ':', '?', ','])
            && second.starts_with(|c: char| c == '-' || c == '/' || c.is_ascii_lowercase())
    };
    // Bold, or as code, on a web page.
    let line = line.trim_matches('*').trim_matches('`');
    // The files of VyOS's debug archive (`generate_ipsec_debug_archive.py`) name each command so.
    if let Some(command) = line.strip_prefix("Command: ") {
        return Some(command.trim());
    }
    if line.starts_with("### ") && line.ends_with(" ###") {
        return Some("");
    }
    for (at, mark) in line.match_indices(['#', '$', '>', '%']) {
        let (before, after) = (line.get(..at)?, line.get(at + mark.len()..)?);
        let is_prompt = before.len() < 80
            && before.split_whitespace().count() <= 3
            && (before.contains('@')
                || before.trim().is_empty()
                || before.starts_with(['~', '/'])
                || !before.contains(' '));
        let after = after.trim_start_matches(['#', '$', '>', '%']).trim();
        if !is_prompt {
            return None;
        }
        if is_command(after) {
            return Some(after);
        }
        if after.is_empty() && (before.contains('@') || is_bare_prompt(before)) {
            return Some("");
        }
        // A prompt with a command that no table is from.
        if before.contains('@') && before.ends_with([':', '~', ']', ')']) | line.contains(":~") {
            return Some(after);
        }
    }
    plain(line).then_some(line)
}

/// Whether this before `#`, `$` or `>` is a prompt with nothing typed: `router`, `router(config)`, `bash-5.1`, `~`, or nothing.
fn is_bare_prompt(before: &str) -> bool {
    let before = before.trim_end();
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || "-_.:~/()[]".contains(c);
    before.chars().all(is_of_name) && !before.starts_with(|c: char| c.is_ascii_digit())
}

/// The host of a prompt `user@host:~#`, before what was typed.
fn host<'a>(line: &'a str, typed: &str) -> Option<&'a str> {
    let prompt = line.get(..line.len().checked_sub(typed.len())?)?;
    let (_, rest) = prompt.split_once('@')?;
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
    rest.get(..end).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed_in(line: &str) -> Option<String> {
        of(line).first().and_then(|line| line.typed.map(str::to_owned))
    }

    #[test]
    fn what_was_typed_is_known_by_the_prompt_or_by_the_program() {
        for (line, expected) in [
            ("root@router:~# ip -s route", "ip -s route"),
            ("vyos@gw1:~$ show interfaces", "show interfaces"),
            ("vyos@gw1# run show vpn ike sa", "run show vpn ike sa"),
            ("[12:34:56] admin@gw1 > show version", "show version"),
            ("$ sudo ip xfrm policy", "sudo ip xfrm policy"),
            ("**root@router:~# ip xfrm policy**", "ip xfrm policy"),
            ("`ip route show table all`", "ip route show table all"),
            ("# ip xfrm policy\r\n", "ip xfrm policy"),
            ("> vyos@gw1:~$ ip route", "ip route"),
            ("root@router:~#", ""),
            ("router#", ""),
            ("router(config)#", ""),
            ("$", ""),
            ("~ #", ""),
            ("~ # ip -s link", "ip -s link"),
            ("bash-5.1# ip route", "ip route"),
            ("vyos@gw1:~$ ", ""),
            ("ip -s -s link show dev vti1", "ip -s -s link show dev vti1"),
            ("sudo swanctl --list-sas", "sudo swanctl --list-sas"),
            ("root@router:~# ./script", "./script"),
        ] {
            assert_eq!(typed_in(line).as_deref(), Some(expected), "{line:?}");
        }
        for line in [
            "ip 10.0.0.1 does not answer",
            "default via 192.0.2.254 dev eth0",
            "#1 SMP PREEMPT_DYNAMIC",
            "50%",
            "<pre>",
            "#kernel",
            "  vti1: 1 2 3 4",
            "show me what is wrong.",
            "",
        ] {
            assert_eq!(typed_in(line), None, "{line:?}");
        }
    }

    #[test]
    fn the_prompt_names_the_host() {
        for (line, expected) in [
            ("root@router:~# ip -s route", Some("router")),
            ("[vyos@gw1 ~]$ sudo ip route", Some("gw1")),
            ("vyos@gw1.example.com:~$ ", Some("gw1.example.com")),
            ("# ip xfrm policy", None),
            ("ip -s -s link show dev vti1", None),
            ("Command: swanctl -l", None),
        ] {
            assert_eq!(of(line).first().and_then(|line| line.host), expected, "{line:?}");
        }
    }

    #[test]
    fn quote_marks_and_ends_of_lines_are_no_content() {
        let lines = of("\u{feff}> > a b \r\n>   c\n\n  d");
        let seen: Vec<_> = lines.iter().map(|l| (l.number, l.text, l.indent)).collect();
        assert_eq!(seen, [(1, "a b", 0), (2, "c", 2), (4, "d", 2)]);
        let text = "x\n> yz";
        assert_eq!(text.get(of(text)[1].at..), Some("yz"));
    }

    #[test]
    fn a_line_that_is_too_long_is_no_line() {
        let text = format!("ip route {}\nb", "x".repeat(5000));
        assert_eq!(of(&text).iter().map(|l| l.text).collect::<Vec<_>>(), ["", "b"]);
    }
}
