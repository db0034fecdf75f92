//! Every command as it is typed on a router: found word by word in the tree of every release, and its line run with the real binary.

use crate::tree::{Found, RELEASES, Refusal, Tree, ours};
use crate::{ABSENT, Directory, bash, is_of_the_recorder, sentence};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Output;

/// What is typed, and what the entry is called with.
const COMMANDS: &[(&[&str], &[&str])] = &[
    (&["show", "vpn", "vti-diagnostics"], &["show"]),
    (&["show", "vpn", "v"], &["show"]),
    (&["sho", "vp", "vti-d"], &["show"]),
    (&["show", "vpn", "vti-diagnostics", "detail"], &["show", "--detail"]),
    (&["sh", "vpn", "vti", "d"], &["show", "--detail"]),
    (&["show", "vpn", "vti-diagnostics", "json"], &["show", "--raw"]),
    (&["show", "vpn", "v", "j"], &["show", "--raw"]),
    (&["show", "vpn", "vti-diagnostics", "interface", ABSENT], &["show", NAMED]),
    (&["show", "vpn", "v", "i", ABSENT], &["show", NAMED]),
    (
        &["show", "vpn", "vti-diagnostics", "detail", "interface", ABSENT],
        &["show", "--detail", NAMED],
    ),
    (&["show", "vpn", "v", "d", "i", ABSENT], &["show", "--detail", NAMED]),
    (&["show", "vpn", "vti-diagnostics", "json", "interface", ABSENT], &["show", "--raw", NAMED]),
    (&["show", "vpn", "v", "j", "i", ABSENT], &["show", "--raw", NAMED]),
    (&["show", "vpn", "vti-diagnostics", "history"], &["history"]),
    (&["show", "vpn", "v", "h"], &["history"]),
    (&["show", "vpn", "vti-diagnostics", "history", "interface", ABSENT], &["history", NAMED]),
    (&["show", "vpn", "v", "h", "i", ABSENT], &["history", NAMED]),
    (&["show", "interfaces", "vti", ABSENT, "diagnostics"], &["show", NAMED]),
    (&["show", "int", "vti", ABSENT, "d"], &["show", NAMED]),
];

const NAMED: &str = "--intf-name=vti900000000001";

/// Runs a line as VyOS's shell does, as a user for whom sudo changes nothing.
pub fn run(found: &Found, scripts: &Path, directory: &Path) -> Output {
    let script = format!(
        "sudo() {{ \"$@\"; }}; vyos_op_scripts_dir=$1; args=(\"$@\"); eval '{}'",
        found.line()
    );
    let words = found.words.iter().map(OsStr::new);
    let arguments: Vec<&OsStr> = [scripts.as_os_str()].into_iter().chain(words).collect();
    bash(&script, &arguments, directory)
}

#[test]
fn every_command_reaches_the_entry_with_these_arguments() {
    let directory = Directory::new();
    // In the place of the wrapper, one that says what it was given.
    let scripts = directory.0.join("op_mode");
    std::fs::create_dir_all(&scripts).unwrap();
    let echo = scripts.join("vti_diagnostics");
    std::fs::write(&echo, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n").unwrap();
    std::fs::set_permissions(&echo, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for release in RELEASES {
        let tree = Tree::of(release);
        for (typed, expected) in COMMANDS {
            let found = tree.find(typed).unwrap_or_else(|e| panic!("{release} {typed:?}: {e:?}"));
            let output = run(&found, &scripts, &directory.0);
            assert!(output.stderr.is_empty(), "{release} {typed:?}: {output:?}");
            let given = String::from_utf8(output.stdout).unwrap();
            assert_eq!(given.lines().collect::<Vec<_>>(), *expected, "{release} {typed:?}");
        }
    }
}

#[test]
fn every_command_is_answered_by_the_real_binary() {
    let directory = Directory::new();
    let scripts = directory.with_wrapper();
    let tree = Tree::of("1.4");
    for (typed, arguments) in COMMANDS {
        let output = run(&tree.find(typed).unwrap(), &scripts, &directory.0);
        if arguments.first() == Some(&"history") {
            is_of_the_recorder(&output);
            continue;
        }
        if arguments.contains(&NAMED) {
            assert_eq!(
                sentence(&output),
                format!("interface {ABSENT} does not exist"),
                "{typed:?}"
            );
            continue;
        }
        assert_eq!(output.status.code(), Some(0), "{typed:?}: {output:?}");
        assert!(output.stderr.is_empty(), "{typed:?}: {output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        if arguments.contains(&"--raw") {
            let report: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(report.get("schema"), Some(&1.into()), "{text}");
            assert!(
                text.starts_with("{\n    \"schema\": 1,\n"),
                "four spaces, as VyOS has: {text}"
            );
        } else {
            assert!(text.ends_with('\n') && !text.starts_with('{'), "{typed:?}: {text}");
        }
    }
}

#[test]
fn no_abbreviation_of_vyos_breaks() {
    for release in RELEASES {
        let tree = Tree::of(release);
        let theirs: &[&[&str]] = &[
            &["show", "vpn", "ik", "sa"],
            &["show", "vpn", "ip", "sa"],
            &["show", "interfaces", "vti", "d"],
            &["show", "interfaces", "vti", "vti0", "b"],
            &["show", "interfaces", "vti", "vti0"],
            &["show", "interfaces", "vti"],
        ];
        for typed in theirs {
            assert_eq!(tree.find(typed).unwrap().run, "theirs", "{release} {typed:?}");
        }
    }
}

#[test]
fn what_is_no_command_is_refused_by_the_shell() {
    let tree = Tree::of("current-2026");
    let refused = |typed: &[&str]| tree.find(typed).unwrap_err();
    assert_eq!(refused(&["show", "vpn", "vti-diagnostics", "interface"]), Refusal::Incomplete);
    assert_eq!(refused(&["show", "vpn", "vti-diagnostics", "all"]), Refusal::Invalid);
    assert_eq!(refused(&["show", "vpn", "i"]), Refusal::Ambiguous);
    let after_value = ["show", "vpn", "vti-diagnostics", "interface", "vti0", "json"];
    assert_eq!(refused(&after_value), Refusal::Invalid);
}

#[test]
fn completion_is_silent_and_names_vtis_alone() {
    let directory = Directory::new();
    let scripts = directory.with_wrapper();
    for (path, text) in ours() {
        let Some(allowed) = Tree::field(&text, "allowed") else { continue };
        let output = bash(
            &format!("vyos_op_scripts_dir=$1; eval '{allowed}'"),
            &[scripts.as_os_str()],
            &directory.0,
        );
        assert_eq!(output.status.code(), Some(0), "{path}: {output:?}");
        assert!(output.stderr.is_empty(), "{path}: {output:?}");
        for name in String::from_utf8(output.stdout).unwrap().lines() {
            let number = name.strip_prefix("vti").unwrap_or_else(|| panic!("{name}"));
            assert!(number.parse::<u64>().is_ok(), "{name}");
        }
    }
}
