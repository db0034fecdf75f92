//! Texts as they look after mail, forums and terminals had them. Each shape was seen in public threads (strongSwan #2086 and #1105, Openswan #180,
//! VyOS's documentation, a mail about `ip -s -s link` of 2013): what was printed in the laboratory is changed in the same way.

use super::{first, kind, read, report};
use vti_diagnostics::diagnose::assumed;
use vti_diagnostics::text::{self, Text, text_of};

const CASE: &str = include_str!("association-of-another-key_xfrm_6in6.txt");
const FINDING: &str = "VTI-112";

/// What somebody pastes: some commands of the case.
fn pasted() -> String {
    const COMMANDS: [&str; 6] = [
        "ip -d -s -s link",
        "ip address",
        "ip rule",
        "ip -6 r",
        "ip -d -s xfrm state",
        "ip -s xfrm policy list",
    ];
    let mut kept = String::new();
    let mut keep = false;
    for line in kind::of_kind(CASE, false).lines() {
        if let Some((_, command)) = line.split_once(":~# ") {
            keep = COMMANDS.iter().any(|wanted| command.starts_with(wanted));
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept + "root@router:~#\n"
}

fn each_line(text: &str, change: impl Fn(&str) -> String) -> String {
    text.lines().map(|line| change(line) + "\n").collect()
}

/// Breaks lines between words, as mail does.
fn wrapped(text: &str, columns: usize) -> String {
    let mut broken = String::new();
    for line in text.lines() {
        let mut used = 0;
        for word in line.split_inclusive(' ') {
            if used > 0 && used + word.trim_end().len() > columns {
                broken.push('\n');
                used = 0;
            }
            broken.push_str(word);
            used += word.len();
        }
        broken.push('\n');
    }
    broken
}

#[test]
fn what_forums_make_of_it_is_read() {
    let text = pasted();
    let prompt = |line: &str| line.starts_with("root@router");
    let decoded = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let shapes: [(&str, String); 18] = [
        ("as it was", text.clone()),
        ("an editor of Windows", format!("\u{feff}{}", text.replace('\n', "\r\n"))),
        ("quoted in a mail", each_line(&text, |line| format!("> {line}"))),
        ("quoted twice", each_line(&text, |line| format!(">> {line}"))),
        ("wrapped by a mail", wrapped(&text, 76)),
        ("wrapped by a terminal", wrapped(&text, 100)),
        ("no indentation", each_line(&text, |line| line.trim_start().to_owned())),
        ("an empty line behind each", each_line(&text, |line| format!("{line}\n"))),
        ("blanks of a web page", text.replace('\t', "    ").replace(' ', "\u{a0}")),
        ("entities of a web page", decoded(&text)),
        ("a table", each_line(&text, |line| format!("| {line}"))),
        ("a list", each_line(&text, |line| format!("- {line}"))),
        ("a chat", each_line(&text, |line| format!("[12:34] {line}"))),
        ("numbers", text.lines().zip(1..).map(|(line, n)| format!("{n:6}\t{line}\n")).collect()),
        (
            "bold commands",
            each_line(
                &text,
                |line| {
                    if prompt(line) { format!("**{line}**") } else { line.to_owned() }
                },
            ),
        ),
        ("colours", each_line(&text, |line| format!("\u{1b}[1;36m{line}\u{1b}[0m"))),
        (
            "in a forum",
            format!(
                "Hi all,\n\nmy tunnel does not work:\n\n```\n{text}```\n\nAny ideas? Thanks!\n"
            ),
        ),
        (
            "another prompt",
            each_line(&text, |line| {
                if prompt(line) {
                    line.replace("root@router:~#", "[vyos@gw1 ~]$ sudo")
                } else {
                    line.to_owned()
                }
            }),
        ),
    ];
    for (shape, text) in shapes {
        let found = first(&report(&read(&[text_of(text.as_bytes())]), "t0"));
        assert_eq!(found.0, FINDING, "{shape}");
    }
}

#[test]
fn without_prompts_it_is_read_too() {
    let text: String = pasted()
        .lines()
        .filter(|line| !line.starts_with("root@"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(first(&report(&read(&[text]), "t0")).0, FINDING);
}

#[test]
fn what_became_one_line_is_refused_with_what_to_paste() {
    let flat = pasted().split_whitespace().collect::<Vec<_>>().join(" ");
    let given = Text { name: "post.txt".to_owned(), text: flat, is_whole: false };
    let said = text::read(&[given]).unwrap_err().to_string();
    assert!(
        said.starts_with(
            "nothing in post.txt is recognised: paste what these print: ip -d -s -s link show"
        ),
        "{said}"
    );
}

/// An SA whose lines are cut is none that can be left out: that there is no SA would be wrong.
#[test]
fn a_list_that_is_cut_is_missing() {
    let text = pasted();
    let at = text.find("\tproto esp").unwrap();
    let cut = format!("{}{}", &text[..at], &text[at + 40..]);
    let snapshots = read(&[cut]);
    let missing = snapshots.last().unwrap().sas.as_ref().unwrap_err();
    assert!(missing.detail.contains("cut or changed"), "{missing:?}");
    let found = first(&report(&snapshots, "t0"));
    assert_ne!(found.0, "VTI-111");
}

#[test]
fn the_command_that_helps_most_is_named() {
    let commands = |text: &str| {
        let now = read(&[text.to_owned()]).pop().unwrap();
        assumed::most_useful(&now)
    };
    let only = |command: &str| {
        let text = pasted();
        let from = text.find(command).unwrap();
        let rest = &text[from..];
        let to = rest.find("root@router").unwrap();
        format!("root@router:~# {}root@router:~#\n", &rest[..to])
    };
    assert_eq!(commands(&only("ip -d -s xfrm state")).as_deref(), Some("ip -d -s -s link show"));
    assert_eq!(
        commands(&only("ip -d -s -s link")).as_deref(),
        Some("ip -s xfrm state list nokeys")
    );
}
