//! The definition and the tree made from it, against what VyOS demands of them.

use crate::tree::{RELEASES, Tree, ours, owned};
use crate::{source, vyos};
use std::process::Command;

#[test]
fn the_definition_is_valid_under_both_schemas_of_vyos() {
    for schema in ["op-mode-definition-2024.rng", "op-mode-definition-2026.rng"] {
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--relaxng"])
            .arg(vyos(schema))
            .arg(source("op-mode-definitions/vti-diagnostics.xml"))
            .output()
            .unwrap_or_else(|error| panic!("xmllint (Debian: libxml2-utils): {error}"));
        assert!(output.status.success(), "{schema}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_tree_has_these_files() {
    let paths: Vec<String> = ours().into_iter().map(|(path, _)| path).collect();
    let expected = [
        "show/interfaces/vti/node.tag/diagnostics/node.def",
        "show/vpn/vti-diagnostics/detail/interface/node.def",
        "show/vpn/vti-diagnostics/detail/interface/node.tag/node.def",
        "show/vpn/vti-diagnostics/detail/node.def",
        "show/vpn/vti-diagnostics/history/interface/node.def",
        "show/vpn/vti-diagnostics/history/interface/node.tag/node.def",
        "show/vpn/vti-diagnostics/history/node.def",
        "show/vpn/vti-diagnostics/interface/node.def",
        "show/vpn/vti-diagnostics/interface/node.tag/node.def",
        "show/vpn/vti-diagnostics/json/interface/node.def",
        "show/vpn/vti-diagnostics/json/interface/node.tag/node.def",
        "show/vpn/vti-diagnostics/json/node.def",
        "show/vpn/vti-diagnostics/node.def",
    ];
    assert_eq!(paths, expected);
}

/// In a list of 80 columns VyOS's shell breaks a longer help within a word.
#[test]
fn no_help_is_longer_than_55_characters() {
    let helps: Vec<String> = ours()
        .into_iter()
        .filter_map(|(_, text)| {
            Some(text.lines().find_map(|l| l.strip_prefix("help: "))?.to_owned())
        })
        .collect();
    assert!(helps.len() > 8, "{helps:?}");
    for help in helps {
        assert!(help.chars().count() <= 55, "{help}");
    }
}

#[test]
fn a_tree_that_cannot_be_written_is_an_error() {
    let mut program = Command::new(crate::program());
    let output = program.args(["vyos", "node-defs", "--output", "/dev/null/x"]).output().unwrap();
    let said = crate::complaint(&output);
    assert!(said.starts_with("cannot write /dev/null/x/show/vpn/vti-diagnostics/"), "{said}");
}

#[test]
fn no_file_is_one_of_vyos() {
    for release in RELEASES {
        let owned = owned(release);
        assert!(owned.len() > 50, "{release}");
        for (path, _) in ours() {
            assert!(!owned.contains(&path), "{release} owns {path}");
        }
    }
}

#[test]
fn every_directory_above_ours_is_there_in_every_release() {
    for release in RELEASES {
        let (owned, ours) = (owned(release), ours());
        let known = |path: &String| owned.contains(path) || ours.iter().any(|(own, _)| own == path);
        for (path, _) in &ours {
            let mut words: Vec<&str> = path.split('/').collect();
            while words.len() > 2 {
                words.truncate(words.len() - 2);
                words.push("node.def");
                let above = words.join("/");
                assert!(known(&above), "{release} lacks {above}");
            }
        }
    }
}

#[test]
fn every_node_has_a_help_of_one_line() {
    for (path, text) in ours() {
        let help = Tree::field(&text, "help").unwrap_or_else(|| panic!("{path}"));
        // VyOS's own compiler wraps at 64.
        assert!(!help.is_empty() && help.len() <= 64, "{path}: {help}");
        for line in text.lines() {
            let field = line.split(": ").next().unwrap();
            assert!(["help", "allowed", "run"].contains(&field), "{path}: {line}");
        }
    }
}

#[test]
fn every_run_line_is_one_simple_command_with_its_own_sudo() {
    let mut lines = 0;
    for (path, text) in ours() {
        let Some(run) = Tree::field(&text, "run") else {
            assert!(path.ends_with("interface/node.def"), "{path} runs nothing");
            continue;
        };
        lines += 1;
        let words = run.strip_prefix("sudo ${vyos_op_scripts_dir}/vti_diagnostics ");
        let words = words.unwrap_or_else(|| panic!("{path}: {run}"));
        let (options, value) = words.split_once(" --intf-name=").unwrap_or((words, ""));
        assert!(
            ["show", "show --detail", "show --raw", "history"].contains(&options),
            "{path}: {run}"
        );
        // The place of the value is one digit, in quotes, and that of the node's own word or before it.
        let values = path.split('/').position(|word| word == "node.tag").map(|at| at + 1);
        let expected = values.map(|n| format!("\"${n}\"")).unwrap_or_default();
        assert_eq!(value, expected, "{path}: {run}");
        assert!(values.is_none_or(|n| n < 10), "{path}: {run}");
    }
    assert_eq!(lines, 9);
}

#[test]
fn every_value_of_ours_is_completed_by_our_own_script() {
    let values: Vec<(String, String)> =
        ours().into_iter().filter(|(path, _)| path.ends_with("node.tag/node.def")).collect();
    assert_eq!(values.len(), 4);
    for (path, text) in values {
        let allowed = Tree::field(&text, "allowed");
        let script = "${vyos_op_scripts_dir}/vti_diagnostics complete-interfaces";
        assert_eq!(allowed.as_deref(), Some(script), "{path}");
    }
}
