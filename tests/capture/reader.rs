//! What the reader of strangers' YAML takes, beside serde_yaml, which is the second opinion: every capture of the tree, and what people
//! and other programs make of one.

use super::{FULL, full};
use serde_yaml::with::singleton_map_recursive;
use serde_yaml::{Deserializer, Value};
use std::fs;
use std::path::Path;
use vti_diagnostics::capture::{Capture, from_yaml};

/// As versions before 0.2 read it.
fn second(text: &str) -> Capture {
    singleton_map_recursive::deserialize(Deserializer::from_str(text)).unwrap()
}

#[test]
fn every_capture_is_read_as_serde_yaml_reads_it() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let mut count = 0;
    for directory in [directory.join("old"), directory] {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(&path).unwrap();
                let read = from_yaml(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"));
                assert!(read == second(&text), "{path:?}");
                count += 1;
            }
        }
    }
    assert!(count > 70, "{count}");
}

/// The same capture in other forms of YAML, and in JSON.
fn forms() -> Vec<(&'static str, String)> {
    let tree: Value = serde_yaml::from_str(FULL).unwrap();
    let json: serde_json::Value = serde_yaml::from_str(FULL).unwrap();
    let (compact, pretty) = (json.to_string(), serde_json::to_string_pretty(&json).unwrap());
    vec![
        ("serde_yaml's layout", serde_yaml::to_string(&tree).unwrap()),
        ("in brackets", format!("# by hand\n{compact}")),
        ("in brackets, on lines", format!("---\n{pretty}\n...\n")),
        ("compact JSON", compact),
        ("JSON on lines", format!("\u{feff}\n{pretty}\n")),
        ("with a document's marks", format!("# by hand\n---\n{FULL}...\n")),
        ("lines of DOS", FULL.replace('\n', "\r\n")),
        ("blank lines and comments", FULL.replace('\n', "   # why\n\n")),
        (
            "tags of YAML",
            FULL.replace("mtu: ", "mtu: !!int ").replace("hostname: ", "hostname: !!str "),
        ),
        ("single quotes", FULL.replace("hostname: gw1-paris", "hostname: 'gw1-paris'")),
        ("a text of a line", FULL.replace("hostname: gw1-paris", "hostname: |-\n      gw1-paris")),
        ("a folded text", FULL.replace("hostname: gw1-paris", "hostname: >-\n      gw1-paris")),
        ("a quoted key", FULL.replacen("schema:", "\"schema\":", 1)),
        ("a key of two lines", FULL.replacen("schema: 1", "? schema\n: 1", 1)),
        (
            "more indentation",
            FULL.lines()
                .map(|line| {
                    if line.starts_with("- ") || line.starts_with(' ') {
                        format!("    {line}\n")
                    } else {
                        format!("{line}\n")
                    }
                })
                .collect(),
        ),
        ("hexadecimal", FULL.replacen("schema: 1", "schema: 0x1", 1)),
        ("what nobody reads", format!("later: [{{a: [1, ~, 'x', 1.5, -3, {{}}]}}]\n{FULL}")),
        ("null for nothing", format!("later: null\nlater2:\n{FULL}")),
    ]
}

#[test]
fn other_forms_are_read_as_what_they_are() {
    for (name, text) in forms() {
        let text = text.trim_start_matches('\u{feff}');
        let read = from_yaml(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(read == full(), "{name}");
        assert!(read == second(text), "{name}, read by serde_yaml");
    }
}

#[test]
fn json_has_its_own_escapes() {
    let mut json: serde_json::Value = serde_yaml::from_str(FULL).unwrap();
    json["snapshots"][0]["host"]["hostname"] = "HOST".into();
    let text = json.to_string().replace("HOST", r"\ud83d\ude00 \u00fc\/\udb40\udc41");
    let hostname = from_yaml(&text).unwrap().snapshots[0].host.hostname.clone();
    assert_eq!(hostname, "\u{1f600} ü/\u{e0041}");
}

#[test]
fn what_no_capture_has_is_refused_by_its_name() {
    let alias = FULL.replacen("hostname: gw1-paris", "hostname: &name gw1-paris", 1);
    for (text, line, expected) in [
        (alias, Some("&name"), "a YAML anchor or alias (&name, *name), which no capture has"),
        (FULL.replacen("hostname: gw1-paris", "hostname: *name", 1), Some("*name"), "name"),
        (FULL.replacen("mtu: 1500", "<<: {mtu: 1500}", 1), Some("<<"), "merge key (<<)"),
        (FULL.replacen("mtu: 1500", "mtu: !t 1500", 1), Some("!t"), "the YAML tag !t"),
        (
            FULL.replacen("schema: 1", "schema: !!python/name:os.system 1", 1),
            Some("!!python"),
            "the YAML tag",
        ),
        (format!("%TAG !t! !u\n---\n{FULL}"), None, "irective"),
        (format!("%YAML 1.2\n---\n{FULL}"), None, "irective"),
        (format!("{FULL}---\n{FULL}"), None, "more than one document"),
        (FULL.replacen("mtu: 1500", "[mtu]: 1500", 1), Some("[mtu]"), "a key is not a text"),
    ] {
        let sentence = from_yaml(&text).unwrap_err().to_string();
        assert!(sentence.contains(expected), "{expected}: {sentence}");
        if let Some(quoted) = line {
            let line = 1 + text.lines().position(|line| line.contains(quoted)).unwrap();
            assert!(sentence.contains(&format!("line {line}: ")), "{line}: {sentence}");
        }
    }
}
