//! The commands as the newer runner of operators finds them in VyOS's cache: full words, `{{x-tag_value}}` in the line, and a constraint
//! that is looked at only where the value is the last word. The line then goes to a shell as root, so what passes the constraint counts.

use crate::cache::{excerpt, installed};
use crate::{ABSENT, Directory, bash, is_of_the_recorder, sentence};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::Path;

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Unknown,
    NotACommand,
    Constraint(String),
}

/// Whether a value fits one of the expressions, as POSIX and Perl understand these.
fn fits(value: &str, regexes: &Value) -> bool {
    regexes.as_array().unwrap().iter().any(|regex| {
        let regex = regex.as_str().unwrap();
        let arguments = [OsStr::new(value), OsStr::new(regex)];
        bash("[[ $1 =~ $2 ]]", &arguments, Path::new("/")).status.success()
    })
}

/// The line that the runner gives to `sh -c`.
fn find(cache: &Value, command: &[&str]) -> Result<String, Refusal> {
    let (mut node, mut values) = (cache, Vec::new());
    let mut words = command.iter().enumerate().peekable();
    while let Some((_, word)) = words.next() {
        let (next, value) = match node.get(word) {
            Some(next) if next["__node_data"]["node_type"] == "tagNode" => {
                (next, words.next().map(|(n, value)| (n, *value, *word)))
            }
            Some(next) => (next, None),
            None => return Err(Refusal::Unknown),
        };
        node = next;
        if let Some((n, value, name)) = value {
            let data = &node["__node_data"];
            let constraints = &data["constraints"];
            let last = n + 1 == command.len();
            if last && !constraints.is_null() && !fits(value, &constraints["regexes"]) {
                let said = data["constraint_error_message"].as_str().unwrap_or_default();
                return Err(Refusal::Constraint(said.to_string()));
            }
            values.push((format!("{{{{{name}-tag_value}}}}"), value));
        }
    }
    let line = node["__node_data"]["command"].as_str().ok_or(Refusal::NotACommand)?;
    Ok(values.iter().fold(line.to_string(), |line, (place, value)| line.replace(place, value)))
}

const COMMANDS: &[(&[&str], &str)] = &[
    (&["show", "vpn", "vti-diagnostics"], "show"),
    (&["show", "vpn", "vti-diagnostics", "detail"], "show --detail"),
    (&["show", "vpn", "vti-diagnostics", "json"], "show --raw"),
    (&["show", "vpn", "vti-diagnostics", "interface", ABSENT], "show --intf-name=vti900000000001"),
    (
        &["show", "vpn", "vti-diagnostics", "detail", "interface", ABSENT],
        "show --detail --intf-name=vti900000000001",
    ),
    (
        &["show", "vpn", "vti-diagnostics", "json", "interface", ABSENT],
        "show --raw --intf-name=vti900000000001",
    ),
    (&["show", "vpn", "vti-diagnostics", "history"], "history"),
    (
        &["show", "vpn", "vti-diagnostics", "history", "interface", ABSENT],
        "history --intf-name=vti900000000001",
    ),
];

#[test]
fn the_runner_finds_every_command_and_the_real_binary_answers() {
    let directory = Directory::new();
    let scripts = directory.with_wrapper();
    let cache = installed();
    for (typed, expected) in COMMANDS {
        let line = find(&cache, typed).unwrap();
        assert_eq!(line, format!("/usr/libexec/vyos/op_mode/vti_diagnostics {expected}"));
        let line = line.replace("/usr/libexec/vyos/op_mode", scripts.to_str().unwrap());
        let output = bash("exec /bin/sh -c \"$1\"", &[OsStr::new(&line)], &directory.0);
        if expected.starts_with("history") {
            is_of_the_recorder(&output);
        } else if expected.contains("intf-name") {
            assert_eq!(sentence(&output), format!("interface {ABSENT} does not exist"));
        } else {
            assert_eq!(output.status.code(), Some(0), "{typed:?}: {output:?}");
            assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{typed:?}: {output:?}");
        }
    }
}

#[test]
fn only_names_of_vtis_pass_the_constraint() {
    let cache = installed();
    let hostile = [
        "",
        "vti",
        "vti0;id",
        "vti0 id",
        "$(id)",
        "`id`",
        "vti0|id",
        "vti0\nid",
        "\nvti0",
        "x",
        "--help",
        "vti0&",
        "../vti0",
        "vti*",
        "VTI0",
        "vti0'",
        "vti0\"",
        "{{interface-tag_value}}",
    ];
    for (typed, _) in COMMANDS.iter().filter(|(typed, _)| typed.contains(&ABSENT)) {
        for value in hostile {
            let mut typed = typed.to_vec();
            *typed.last_mut().unwrap() = value;
            let refusal = Refusal::Constraint("This is not the name of a VTI".to_string());
            assert_eq!(find(&cache, &typed), Err(refusal), "{typed:?}");
        }
    }
}

#[test]
fn no_value_of_ours_is_followed_by_a_word() {
    fn look(node: &Value, values: &mut u32) {
        for (name, child) in node.as_object().unwrap().iter().filter(|(n, _)| *n != "__node_data") {
            let data = &child["__node_data"];
            if data["node_type"] == "tagNode" {
                *values += 1;
                assert_eq!(child.as_object().unwrap().len(), 1, "{name} has words after its value");
                assert_eq!(data["children"], serde_json::json!([]), "{name}");
                assert!(!data["constraints"].is_null(), "{name}");
            } else {
                let line = data["command"].as_str().unwrap();
                assert!(!line.contains("{{"), "{name}: {line}");
            }
            look(child, values);
        }
    }
    let (cache, mut values) = (installed(), 0);
    let ours = serde_json::json!({"vti-diagnostics": cache["show"]["vpn"]["vti-diagnostics"]});
    look(&ours, &mut values);
    assert_eq!(values, 4);
}

#[test]
fn nothing_else_of_the_cache_is_changed() {
    let (before, mut after): (Value, Value) =
        (serde_json::from_str(&excerpt()).unwrap(), installed());
    assert_eq!(
        before["show"]["interfaces"], after["show"]["interfaces"],
        "no command of ours there"
    );
    after["show"]["vpn"].as_object_mut().unwrap().remove("vti-diagnostics");
    after["show"]["vpn"]["__node_data"]["children"].as_array_mut().unwrap().pop();
    assert_eq!(before, after);
}
