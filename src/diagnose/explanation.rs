//! Explanations of causes with their commands, as typed on a host, in columns. It knows neither causes nor commands itself.

use super::call::Call;
use super::commands::{Changes, Command, Release, System};
use super::words::{Begins, Words, next_place};

/// The column of the comments of commands, unless a command is longer.
const COMMENTS: usize = 38;
/// Least space between a command and its comment.
const GAP: usize = 4;
/// Columns of an explanation.
const WIDTH: usize = 72;

/// An explanation with its commands as typed on `system`: `{Sas}` stands for a command of the catalogue, `{renegotiate}` alone on its
/// line for the ways to restart the negotiation. Text after a tab is the comment of a command; the comments of a paragraph share one column. Any other
/// text stays as written.
pub fn expand(explanation: &str, system: System) -> String {
    let mut is_remedy = false;
    let paragraphs = explanation.split("\n\n").map(|paragraph| {
        if let Some(heading) = paragraph.trim_start().lines().next().filter(|l| !l.starts_with(' '))
        {
            is_remedy = heading == REMEDIES;
        }
        let mark = |line: String| if is_remedy { marked(&line) } else { line };
        let mut lines: Vec<String> = paragraph
            .lines()
            .flat_map(|line| renegotiate(line, system))
            .map(|line| named(&mark(line), system))
            .collect();
        // Two commands of VyOS may be the same one on Linux.
        lines.dedup();
        let commented = lines.iter().filter_map(|line| line.split_once('\t'));
        let longest = commented.map(|(command, _)| command.chars().count() + GAP).max();
        let column = longest.unwrap_or(0).max(COMMENTS);
        let aligned = lines.iter().map(|line| match line.split_once('\t') {
            // The comment of a long command gets a line of its own.
            Some((command, comment)) if column + comment.chars().count() > WIDTH => {
                format!("{command}\n        ({comment})")
            }
            Some((command, comment)) => format!("{command:column$}{comment}"),
            None => line.clone(),
        });
        aligned.collect::<Vec<_>>().join("\n")
    });
    let mut text = paragraphs.collect::<Vec<_>>().join("\n\n");
    if explanation.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The heading below which commands are marked as read-only, or as changing something.
const REMEDIES: &str = "What to do";

/// A line that begins with a command, and in its comment whether that changes something.
fn marked(line: &str) -> String {
    let Some((before, place, _)) = next_place(line) else { return line.to_owned() };
    let Some(command) = Command::named(place).filter(|_| before.trim().is_empty()) else {
        return line.to_owned();
    };
    let mark = match command.changes() {
        Changes::Nothing => "read-only",
        Changes::System => "changes",
    };
    match line.split_once('\t') {
        Some((command, comment)) => format!("{command}\t{mark}: {comment}"),
        None => format!("{line}\t{mark}"),
    }
}

/// `{renegotiate}` as lines: how to restart the negotiation, whichever end starts it.
fn renegotiate(line: &str, system: System) -> Vec<String> {
    if line.trim() != "{renegotiate}" {
        return vec![line.to_owned()];
    }
    // For an unknown tunnel: neither its names nor the end that starts are known.
    let typed = |command: Command, system| Call::from(command).text(system, &Words::default());
    match system {
        System::Vyos(Release::V1_4 | Release::Current) => {
            let asked = typed(Command::InitiateChild, system).unwrap_or_default();
            vec![
                "    {RestartChild}\tif this end initiates".to_owned(),
                format!("    {asked}\tchanges: else"),
            ]
        }
        System::Bare => {
            let both = typed(Command::RestartChild, System::Linux).unwrap_or_default();
            both.split("; ").map(|part| format!("    strongSwan: {part}\tchanges")).collect()
        }
        _ => vec!["    {RestartChild}".to_owned()],
    }
}

/// A line with its commands instead of their names.
fn named(line: &str, system: System) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, place, after)) = next_place(rest) {
        text.push_str(before);
        let command = Command::named(place).map(|command| typed_somewhere(command, system));
        text.push_str(&command.unwrap_or_else(|| format!("{{{place}}}")));
        rest = after;
    }
    text.push_str(rest);
    text
}

/// A command as typed on `system`; if `system` lacks it, as typed on the first system that has it, with that system's name.
fn typed_somewhere(command: Command, system: System) -> String {
    let mut known = Words::default();
    known.set_begins(Begins::Here);
    let typed = |system| Call::from(command).text(system, &known);
    let elsewhere = || {
        let others = system.elsewhere().iter();
        others.copied().find_map(|(other, name)| Some(format!("{name}: {}", typed(other)?)))
    };
    typed(system).or_else(elsewhere).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explanation_gets_its_commands_and_their_comments_in_one_column() {
        let text =
            "\nHow\n    {Sas}\tno SA\n    {SasInDetail}\teach field\n\nWhat\n    See {IkeSas}.\n";
        let of = |system| expand(text, system).replace("  ", "");
        let linux = "\nHow\nip -s xfrm state list nokeys no SA\nip -d -s xfrm state list nokeyseach field\n\nWhat\nSee swanctl --list-sas.\n";
        assert_eq!(of(System::Linux).replace(' ', ""), linux.replace(' ', ""));
        let vyos = expand(text, System::Vyos(Release::Current));
        let at = |word| vyos.lines().find_map(|line: &str| line.find(word));
        assert_eq!((at("no SA"), at("each field")), (Some(44), Some(44)), "{vyos}");
        assert!(vyos.contains("    sudo ip -s xfrm state list nokeys "), "{vyos}");
        assert!(vyos.contains("    See show vpn ike sa.\n"), "{vyos}");
        assert_eq!(expand("{None} {such}", System::Linux), "{None} {such}");
    }

    #[test]
    fn a_command_that_a_system_lacks_is_said_with_the_system_that_has_it() {
        let of = |text, system| expand(text, system);
        let bind = "VyOS: set vpn ipsec site-to-site peer PEER vti bind IFACE";
        assert_eq!(of("{BindPeer}", System::Linux), bind);
        assert_eq!(of("{IkeSas}", System::Bare), "strongSwan: swanctl --list-sas");
        assert_eq!(of("{IkeSas}", System::Libreswan), "ipsec status");
        let bytes = "since 1.4: set vpn ipsec esp-group G life-bytes N";
        assert_eq!(of("{LifeBytes}", System::Vyos(Release::V1_3)), bytes);
    }
}
