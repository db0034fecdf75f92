//! VyOS runs `show` into a pager: standard output is a pipe, and the terminal is behind it. Its width counts, and nothing of the environment.

use crate::{Directory, bash, program, source};
use std::ffi::OsStr;

/// A report in a terminal of so many columns, through a pipe, with the other streams as they are given.
fn report(columns: u32, environment: &str, streams: &str) -> String {
    let show = format!(
        "stty cols {columns}; {environment} {} show --capture {} {streams} | cat",
        program().display(),
        source("tests/captures/112-association-of-another-key-xfrm.yaml").display()
    );
    // script (bsdutils, in every Debian) is the terminal.
    let script = "script --quiet --return --command \"$1\" /dev/null";
    let output = bash(script, &[OsStr::new(&show)], &Directory::new().0);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
    assert!(text.contains("FAULT: SA does not match the policy"), "{text}");
    text
}

fn widest(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

#[test]
fn lines_are_as_long_as_the_terminal_behind_the_pager_lets_them() {
    let (narrow, wide) = (report(80, "", ""), report(200, "", ""));
    assert!(widest(&narrow) <= 80, "{narrow}");
    assert!(widest(&wide) > 80 && widest(&wide) <= 200, "{wide}");
}

#[test]
fn the_terminal_of_standard_input_counts_where_errors_go_elsewhere() {
    assert_eq!(report(200, "", "2>/dev/null"), report(200, "", ""));
    assert_eq!(report(200, "", "2>/dev/null </dev/null"), report(80, "", ""));
}

#[test]
fn the_environment_does_not_count() {
    assert_eq!(
        report(80, "COLUMNS=200 LINES=1 TERM=dumb LANG=de_DE.UTF-8 TZ=/etc/passwd", ""),
        report(80, "", "")
    );
}
