//! Characters that cannot be seen, or that a terminal acts on: whatever text of a capture holds them, none of them comes out as it is, and
//! JSON and YAML read back to what it was. Tables stay straight with what is seen of two columns, or of none.

use super::reports::{interface, report};
use super::strings::for_each_string;
use regex::Regex;
use serde_json::Value;
use vti_diagnostics::capture::{Capture, from_yaml, to_yaml};
use vti_diagnostics::diagnose::{self, Observation};
use vti_diagnostics::render::escape::columns;
use vti_diagnostics::render::{json, text, yaml};
use vti_diagnostics::snapshot::Snapshot;

/// Every field that a capture has.
const FULL: &str = include_str!("../captures/full.yaml");

/// All of them, as Unicode tells; the line end and the space are of the texts themselves.
fn invisible() -> Regex {
    let set = r"[\p{Default_Ignorable_Code_Point}\p{Bidi_Control}\p{White_Space}\p{Cc}\p{Cf}\u{2800}\u{1D159}--\x20\n]";
    Regex::new(set).unwrap()
}

/// The capture with this text behind every string at one of the paths.
fn with(tree: &Value, paths: &[String], text: &str) -> Option<Capture> {
    let mut tree = tree.clone();
    for_each_string(&mut tree, "", &mut |path, found| {
        if paths.iter().any(|one| one == path) {
            found.push_str(text);
        }
    });
    serde_json::from_value(tree).ok()
}

#[test]
fn what_cannot_be_seen_comes_out_of_no_field() {
    let mut tree = serde_json::to_value(from_yaml(FULL).unwrap()).unwrap();
    let mut paths = Vec::new();
    for_each_string(&mut tree, "", &mut |path, _| paths.push(path.to_string()));
    paths.sort();
    paths.dedup();
    // Where any text may be: others are addresses and words of ours, and refuse it.
    paths.retain(|path| with(&tree, std::slice::from_ref(path), "\u{3164}").is_some());
    for field in [
        "hostname",
        ".ike.",
        "remote_id",
        "charon_log",
        "hook_state",
        "links.seen.name",
        "recorded",
    ] {
        assert!(paths.iter().any(|path| path.contains(field)), "{field}: {paths:#?}");
    }
    let invisible = invisible();
    let all: Vec<char> =
        (char::MIN..=char::MAX).filter(|c| invisible.is_match(&c.to_string())).collect();
    assert!(all.len() > 4000, "{}", all.len());
    for some in all.chunks(256) {
        let hostile: String = some.iter().collect();
        let capture = with(&tree, &paths, &hostile).unwrap();
        let [earlier, now] = capture.snapshots.as_slice() else { panic!("two snapshots") };
        let report = diagnose::run(&Observation { now, earlier: Some(earlier) }, None).unwrap();
        let (as_json, as_yaml) = (json::write(&report).unwrap(), yaml::write(&report).unwrap());
        let line = json::line(&report).unwrap();
        let file = to_yaml(&capture).unwrap();
        for (name, written) in [
            ("text", &text::report(&report, 80, text::Shown::Detail)),
            ("JSON", &as_json),
            ("a line of JSON", &line),
            ("YAML", &as_yaml),
            ("capture", &file),
        ] {
            let found = invisible.find(written).map(|found| found.as_str().escape_unicode());
            assert!(found.is_none(), "{name}: {}", found.unwrap());
        }
        let value = serde_json::to_value(&report).unwrap();
        assert!(value.to_string().contains(&hostile.chars().last().unwrap().to_string()));
        assert!(serde_json::from_str::<Value>(&as_json).unwrap() == value, "JSON");
        assert!(serde_json::from_str::<Value>(&line).unwrap() == value, "a line of JSON");
        assert!(serde_yaml::from_str::<Value>(&as_yaml).unwrap() == value, "YAML");
        let mut sorted = capture.clone();
        sorted.snapshots.iter_mut().for_each(Snapshot::sort);
        assert!(from_yaml(&file).unwrap() == sorted, "capture");
    }
}

#[test]
fn what_cannot_be_seen_is_written_out_in_text() {
    let names =
        ["\u{3164}", "\u{115f}", "\u{2800}", "a\u{fe0f}", "\u{fff9}", "\u{e0041}", "\u{202e}"];
    let shown = text::report(
        &report(names.iter().map(|name| interface(name, "198.51.100.7", 1)).collect()),
        80,
        text::Shown::Page,
    );
    for name in names {
        let c = name.chars().last().unwrap();
        assert!(shown.contains(&format!("\\u{{{:x}}}", u32::from(c))), "{name:?}: {shown}");
    }
}

#[test]
fn wide_and_combining_characters_keep_tables_straight() {
    let names = ["vti0", "東京", "u\u{308}ber", "🙂1", "한글x", "\u{202e}a", "नमस्ते", "ｶﾅ"];
    let peer = "198.51.100.7";
    let interfaces = names.iter().map(|name| interface(name, peer, 1)).collect();
    for width in [60, 80, 200] {
        let shown = text::report(&report(Vec::clone(&interfaces)), width, text::Shown::Page);
        let starts: Vec<usize> = shown
            .lines()
            .filter_map(|line| line.split_once(peer))
            .map(|(before, _)| columns(before))
            .collect();
        assert_eq!(starts.len(), names.len(), "{shown}");
        assert!(starts.iter().all(|start| *start == starts[0]), "{starts:?}\n{shown}");
    }
    // A cell that is wrapped keeps its column, too.
    let long = "東京".repeat(30);
    let shown = text::report(&report(vec![interface("vti0", &long, 1)]), 80, text::Shown::Page);
    assert!(shown.lines().all(|line| columns(line) <= 80), "{shown}");
    assert_eq!(shown.matches('東').count(), 30, "{shown}");
}
