//! The test itself finds what it is for: pages with an error each, and the same pages written again.

use super::{faults, rewritten};

const RUN: &str = "explain VTI-112";

/// A page of each kind with a block of the program and some words around it.
fn pages() -> [(&'static str, String); 3] {
    let markdown = format!(
        "# Page\n\nPrints:\n\n<!-- output: {RUN} -->\n    nothing yet\n\nAnd `show --detail`.\n"
    );
    let fenced = format!("<!-- output: {RUN} -->\n```\n$ vti-diagnostics {RUN}\n```\nMore.\n");
    let roff = format!(
        ".SH PAGE\nPrints:\n.PP\n.\\\" output: {RUN}\n.EX\n.in 0\nnothing yet\n.in\n.EE\n.PP\nAnd\n.BR \"show \\-\\-detail\" .\n"
    );
    [("page.md", markdown), ("fenced.md", fenced), ("page.8", roff)]
}

#[test]
fn a_page_that_is_written_again_has_no_fault() {
    for (name, page) in pages() {
        assert_eq!(faults(name, &page).len(), 1, "{:?}", faults(name, &page));
        let written = rewritten(name, &page);
        assert_eq!(faults(name, &written), Vec::<String>::new(), "{written}");
        assert_eq!(rewritten(name, &written), written);
        assert!(written.contains("swanctl") || written.contains("reset vpn"), "{written}");
        let last = page.lines().last().unwrap();
        assert!(written.ends_with(&format!("{last}\n")), "{written}");
    }
}

#[test]
fn a_line_that_is_changed_left_out_or_added_is_found() {
    for (name, page) in pages() {
        let written = rewritten(name, &page);
        let at = written.lines().position(|line| line.contains("112 ") && line.contains("usually"));
        let at = at.unwrap_or_else(|| panic!("{written}"));
        let lines: Vec<&str> = written.lines().collect();
        let changed = lines[at].replace("usually", "always");
        let with = |line: Option<&str>, rest: usize| {
            let lines =
                lines[..at].iter().copied().chain(line).chain(lines[rest..].iter().copied());
            lines.collect::<Vec<_>>().join("\n")
        };
        for planted in [with(Some(&changed), at + 1), with(None, at + 1), with(Some(lines[at]), at)]
        {
            let faults = faults(name, &planted);
            assert_eq!(faults.len(), 1, "{planted}\n{faults:?}");
            assert!(faults[0].starts_with(&format!("{name}:")), "{faults:?}");
            assert!(faults[0].contains("the program says"), "{faults:?}");
        }
    }
}

#[test]
fn other_errors_are_found() {
    for (name, page, why) in [
        ("a.md", "    vti-diagnostics show --detial\n", "--detial"),
        ("a.md", "    sudo vti-diagnostics look --interface vti1\n", "look"),
        ("a.md", "    cargo run --release -- show --interval 0\n", "0 is not in"),
        (
            "a.md",
            "    vti-diagnostics lookup --interface vti1 \\\n        --sauce 10.0.0.1\n",
            "--sauce",
        ),
        ("a.md", "Type `vti-diagnostics capture\n--redcat`.\n", "--redcat"),
        ("a.md", "Type `history --until 2d`.\n", "--until"),
        ("a.md", "With `--redcat` names are replaced.\n", "no option"),
        ("a.8", ".SH A\nWith\n.B \\-\\-redcat\nnames are replaced.\n", "no option"),
        ("a.8", ".PP\n.RS 4\n.EX\nsudo vti\\-diagnostics drops \\-\\-stopp\n.EE\n.RE\n", "--stopp"),
        ("a.md", "It says:\n\n    vti1  FAULT: no SA    VTI-111, proven\n", "no mark"),
        ("a.md", "```\nInterface  S/L  Peer\n```\n", "no mark"),
        ("a.8", ".EX\nvti1  FAULT: no SA\n.EE\n", "no mark"),
        ("a.md", "    vti-diagnostics show\n    vti1  FAULT\n", "no mark"),
        ("a.md", "    tests/vm/rum matrix\n", "no mark"),
        ("a.md", "<!-- outptu: explain -->\n    vti1\n", "unknown mark"),
        ("a.md", "<!-- output: explain VTI-112 -->\n\nText.\n", "without a block"),
        ("a.md", "Text.\n\n<!-- output: explain VTI-112 -->\n", "without a block"),
        ("a.md", "<!-- golden: tests/snapshots/none.snap -->\n    vti1\n", "none.snap"),
        ("a.md", "<!-- output: show --capture none.yaml -->\n    vti1\n", "none.yaml"),
        (
            "a.md",
            "<!-- output: explain VTI-112 -->\n    $ vti-diagnostics explain VTI-111\n",
            "its mark",
        ),
    ] {
        let faults = faults(name, page);
        assert!(faults.iter().any(|fault| fault.contains(why)), "{page}: {faults:?}");
    }
}

#[test]
fn what_is_right_is_left_alone() {
    for (name, page) in [
        (
            "a.md",
            "    vti-diagnostics show   # a comment --no-option\n    sudo dpkg -P vti-diagnostics\n",
        ),
        (
            "a.md",
            "`swanctl --initiate --child NAME`, `vti-diagnostics op-mode`, `drops --stop`, `--vici PATH`.\n",
        ),
        ("a.md", "1. A list\n   that `goes on`.\n\nText\n    that goes on too.\n"),
        (
            "a.md",
            "    tests/run --no-lab\n    LAB_STRONGSWAN=6.0.1 tests/vm/run charon 6.12      # a comment\n",
        ),
        (
            "a.md",
            "<!-- BEGIN worked example -->\nSo:\n\n    src/code.rs | 1 +\n<!-- END worked example -->\n",
        ),
        (
            "a.8",
            ".SH A\n.TP\n.I /var/lib/vti\\-diagnostics\nA folder.\n.RB ( \"record \\-\\-size\" )\n",
        ),
    ] {
        assert_eq!(faults(name, page), Vec::<String>::new(), "{page}");
    }
}
