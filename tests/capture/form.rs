//! The form of the file: stable, forward and backward compatible, and refused in one sentence.

use super::{FULL, full, with_text_everywhere};
use proptest::prelude::*;
use serde_yaml::{Mapping, Value};
use vti_diagnostics::capture::{from_yaml, load, to_yaml};
use vti_diagnostics::snapshot::{Mode, Reason};

fn tree() -> Value {
    serde_yaml::from_str(FULL).unwrap()
}

fn text(tree: &Value) -> String {
    serde_yaml::to_string(tree).unwrap()
}

/// The refusal of this text.
fn refusal(text: &str) -> String {
    let sentence = from_yaml(text).unwrap_err().to_string();
    assert!(!sentence.contains('\n') && !sentence.ends_with('.'), "{sentence}");
    assert!(sentence.len() < 400, "{sentence}");
    sentence
}

#[test]
fn what_is_read_is_written_again_to_the_letter() {
    assert_eq!(to_yaml(&full()).unwrap(), FULL);
}

#[test]
fn the_order_in_which_the_kernel_answers_does_not_show() {
    let mut capture = full();
    for snapshot in &mut capture.snapshots {
        snapshot.links.as_mut().unwrap().reverse();
        snapshot.addresses.as_mut().unwrap().reverse();
        snapshot.rules.as_mut().unwrap().reverse();
        snapshot.routes.as_mut().unwrap().reverse();
        snapshot.route_lookups.as_mut().unwrap().reverse();
        snapshot.neighbours.as_mut().unwrap().reverse();
        snapshot.sas.as_mut().unwrap().reverse();
        snapshot.policies.as_mut().unwrap().reverse();
        snapshot.proc_net_dev.as_mut().unwrap().reverse();
    }
    assert_eq!(to_yaml(&capture).unwrap(), FULL);
}

#[test]
fn numbers_without_a_name_stay_readable_to_other_programs() {
    let mut capture = full();
    let sa = &mut capture.snapshots[0].sas.as_mut().unwrap()[0];
    sa.mode = Mode::Other(9);
    let written = to_yaml(&capture).unwrap();
    assert!(!written.contains('!'), "a tag");
    assert_eq!(from_yaml(&written).unwrap(), capture);
}

#[test]
fn a_capture_without_one_field_still_loads_or_says_what_is_missing() {
    let fields: Vec<String> = tree()["snapshots"][0]
        .as_mapping()
        .unwrap()
        .keys()
        .map(|key| key.as_str().unwrap().to_string())
        .collect();
    assert_eq!(fields.len(), 26);
    for field in fields {
        let mut tree = tree();
        tree["snapshots"][0].as_mapping_mut().unwrap().remove(&*field).unwrap();
        let read = from_yaml(&text(&tree));
        if ["taken_at_ms", "host"].contains(&&*field) {
            let sentence = refusal(&text(&tree));
            assert!(sentence.contains(&format!("missing field `{field}`")), "{sentence}");
            continue;
        }
        let snapshot = &read.unwrap_or_else(|error| panic!("{field}: {error}")).snapshots[0];
        let missing: Vec<_> = snapshot
            .sources()
            .into_iter()
            .filter(|(_, missing)| missing.is_some_and(|m| m.reason == Reason::NotInCapture))
            .collect();
        assert_eq!(missing.len(), if field == "sysctls" { 5 } else { 1 }, "{field}: {missing:?}");
        for (source, missing) in missing {
            assert_eq!(missing.unwrap().source, source, "{field}");
        }
    }
}

/// The names of which a mapping has one and no other.
const CHOICES: [&str; 18] = [
    "seen",
    "missing",
    "other",
    "fib",
    "numbers",
    "addresses",
    "names",
    "match",
    "verdict-map",
    "verdict",
    "counter",
    "set-mark",
    "rewrite",
    "undecided",
    "nat",
    "jump",
    "goto",
    "target",
];

#[test]
fn fields_of_later_versions_are_left_out() {
    fn add(value: &mut Value) {
        match value {
            Value::Sequence(list) => list.iter_mut().for_each(add),
            Value::Mapping(map) => {
                map.values_mut().for_each(add);
                // `seen` or `missing` is a choice of two, a number without a name is one value, and so is a step of a rule of nftables.
                let choice = CHOICES.iter().any(|key| map.contains_key(*key));
                if !choice {
                    map.insert("added_later".into(), Value::Sequence(vec![Mapping::new().into()]));
                }
            }
            _ => {}
        }
    }
    let mut tree = tree();
    add(&mut tree);
    assert_eq!(from_yaml(&text(&tree)).unwrap(), full());
}

#[test]
fn a_capture_of_a_later_version_is_refused_as_such() {
    for text in [FULL.replace("schema: 1\n", "schema: 2\n"), "schema: 2\nhosts: []\n".to_string()] {
        let sentence = refusal(&text);
        assert!(sentence.contains("version 2") && sentence.contains("up to 1"), "{sentence}");
    }
}

#[test]
fn a_refusal_names_the_line_and_what_was_expected() {
    let wrong_mtu = FULL.replacen("mtu: 65536", "mtu: large", 1);
    let line = 1 + wrong_mtu.lines().position(|l| l.contains("mtu: large")).unwrap();
    for (text, expected) in [
        (&*wrong_mtu, &[&*format!("line {line}"), "mtu", "\"large\"", "u32"][..]),
        ("schema: 1\nsnapshots: 5\n", &["line 2", "snapshots", "sequence"]),
        ("schema: 1\n", &["snapshots"]),
        ("schema: 1\nsnapshots: []\n", &["no snapshot"]),
        ("schema: 0\nsnapshots: []\n", &["expected 1, have 0"]),
        ("schema: 1\nsnapshots: [\n", &["line 2", "unclosed bracket"]),
        ("schema: 1\nschema: 1\nsnapshots: []\n", &["duplicate field `schema`"]),
        ("not a capture\n", &["not a capture", "Capture"]),
        ("- 1\n", &["line 1"]),
        (&*format!("{FULL}---\n{FULL}"), &["more than one document"]),
        ("<html>\n<body>\n", &["Capture"]),
    ] {
        let sentence = refusal(text);
        for word in expected {
            assert!(sentence.contains(word), "{word}: {sentence}");
        }
    }
    let three = text(&{
        let mut tree = tree();
        let list = tree["snapshots"].as_sequence_mut().unwrap();
        list.push(list[0].clone());
        tree
    });
    assert!(refusal(&three).contains("one or two snapshots, have 3"));
}

#[test]
fn a_refusal_quotes_no_control_characters_and_no_long_texts() {
    for wrong in ["\\e[2J\\n\\a".to_string(), "x".repeat(100_000)] {
        let text = FULL.replacen("oper_state: unknown", &format!("oper_state: \"{wrong}\""), 1);
        let sentence = refusal(&text);
        assert!(!sentence.contains(char::is_control), "{sentence:?}");
    }
}

#[test]
fn a_file_is_refused_by_its_name() {
    let missing = load("/nonexistent/router.yaml".as_ref()).unwrap_err().to_string();
    assert_eq!(missing, "cannot read /nonexistent/router.yaml: no such file");
    let directory = load(env!("CARGO_MANIFEST_DIR").as_ref()).unwrap_err().to_string();
    assert!(directory.ends_with("it is a directory"), "{directory}");
    let this = load(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").as_ref()).unwrap_err();
    assert!(this.to_string().contains("Cargo.toml: "), "{this}");
}

#[test]
fn a_file_is_read_from_its_path() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures/full.yaml");
    assert_eq!(load(path.as_ref()).unwrap(), full());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_survives(text in any::<String>(), lines in "[ \\t\\n\\r:#'\"|>-]{0,12}") {
        for text in [text, lines] {
            let capture = with_text_everywhere(&text);
            prop_assert_eq!(&from_yaml(&to_yaml(&capture).unwrap()).unwrap(), &capture);
        }
    }

    #[test]
    fn any_number_survives(a in any::<u64>(), b in any::<u32>(), c in any::<i32>()) {
        let mut capture = full();
        let snapshot = &mut capture.snapshots[1];
        snapshot.taken_at_ms = a;
        snapshot.uptime_ms = Ok(u64::MAX - a);
        let link = &mut snapshot.links.as_mut().unwrap()[2];
        link.mtu = b;
        link.link_netnsid = Some(c);
        prop_assert_eq!(&from_yaml(&to_yaml(&capture).unwrap()).unwrap(), &capture);
    }
}
