//! What the commands of the laboratory's texts printed, piece by piece, to be put together otherwise: as people change what they paste.

use super::{folder, kind, read, report};
use vti_diagnostics::report::Confidence;

/// A command, and the lines that it printed.
pub type Part = (String, Vec<String>);

pub const PROMPT: &str = "root@router:~# ";
pub const LINKS: &str = "ip -d -s -s link";
pub const STATE: &str = "ip -d -s xfrm state list nokeys";
pub const POLICY: &str = "ip -s xfrm policy list";
pub const ROUTES: &str = "ip route show table all";
pub const RULES: &str = "ip rule show";
pub const ADDRESSES: &str = "ip address show";

/// What the commands printed in a case, without JSON and without what only counts.
pub fn parts_of(case: &str) -> Vec<Part> {
    let text = std::fs::read_to_string(folder().join(case)).unwrap();
    let mut parts: Vec<Part> = Vec::new();
    for line in kind::of_kind(&text, false).lines() {
        match line.strip_prefix(PROMPT) {
            Some(command) => parts.push((command.to_owned(), Vec::new())),
            None => parts.last_mut().unwrap().1.push(line.to_owned()),
        }
    }
    const OTHERS: [&str; 4] = ["nstat", "cat ", "ifconfig", "root@"];
    parts.retain(|(command, _)| !OTHERS.iter().any(|other| command.starts_with(other)));
    parts
}

pub fn healthy() -> Vec<Part> {
    parts_of("healthy_vti_4in4.txt")
}

pub fn without(parts: Vec<Part>, commands: &[&str]) -> Vec<Part> {
    let is_left = |(command, _): &Part| !commands.iter().any(|c| command.starts_with(c));
    parts.into_iter().filter(is_left).collect()
}

/// What a command printed.
pub fn body(parts: &[Part], command: &str) -> Vec<String> {
    parts.iter().find(|(own, _)| own == command).unwrap().1.clone()
}

pub fn part(command: &str, lines: &[&str]) -> Part {
    (command.to_owned(), lines.iter().map(|line| (*line).to_owned()).collect())
}

/// With prompts; without the last one, nobody knows whether the last list is whole.
pub fn joined(parts: &[Part], is_ended: bool) -> String {
    let mut text = String::new();
    for (command, lines) in parts {
        text += &format!("{PROMPT}{command}\n");
        lines.iter().for_each(|line| text += &format!("{line}\n"));
    }
    if is_ended { text + "root@router:~#\n" } else { text }
}

/// The findings of t0, with how sure they are.
pub fn findings(text: &str) -> Vec<(String, Confidence)> {
    let found = report(&read(&[text.to_owned()]), "t0");
    // Where the list of interfaces is cut, there may be none of this name.
    let interfaces = found.map(|report| report.interfaces).unwrap_or_default();
    let findings = interfaces.into_iter().flat_map(|interface| interface.findings);
    findings.map(|f| (f.code.to_string(), f.confidence)).collect()
}

pub fn nothing(what: &str, text: &str) {
    assert_eq!(findings(text), [], "{what}");
}
