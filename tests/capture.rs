//! Captures as files: what is written means the same to every reader, redaction keeps the diagnosis and no name, and no file, however
//! broken, ends in a panic. `captures/full.yaml` uses every field that a capture has.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it measured"
)]

#[path = "capture/bounds.rs"]
mod bounds;
#[path = "capture/form.rs"]
mod form;
#[path = "capture/mutated.rs"]
mod mutated;
#[path = "capture/order.rs"]
mod order;
#[path = "capture/python.rs"]
mod python;
#[path = "capture/reader.rs"]
mod reader;
#[path = "capture/redacted.rs"]
mod redacted;
#[path = "capture/strings.rs"]
mod strings;

use serde_json::Value;
use std::sync::LazyLock;
use strings::for_each_string;
use vti_diagnostics::capture::{Capture, from_yaml};

/// Two snapshots of a router with eight tunnels, most of them with a fault.
const FULL: &str = include_str!("captures/full.yaml");

fn full() -> Capture {
    static READ: LazyLock<Capture> = LazyLock::new(|| from_yaml(FULL).unwrap());
    READ.clone()
}

/// Whether a string at this path may be any text.
fn is_free_text(path: &str) -> bool {
    let ends = ["tool_version", "hostname", "kernel_release", "vyos_version", "name", "info_kind"];
    let more = ["iif", "oif", "detail"];
    path.rsplit('.').next().is_some_and(|key| ends.contains(&key) || more.contains(&key))
}

/// The capture with each list cut to one entry and `text` wherever any text may be.
fn with_text_everywhere(text: &str) -> Capture {
    fn cut(value: &mut Value) {
        match value {
            Value::Array(list) => {
                list.truncate(1);
                list.iter_mut().for_each(cut);
            }
            Value::Object(map) => map.values_mut().for_each(cut),
            _ => {}
        }
    }
    let mut capture = full();
    for snapshot in &mut capture.snapshots {
        // The first rule with names, and a link that is of another kind.
        snapshot.rules.as_mut().unwrap().retain(|rule| rule.oif.is_some());
        snapshot.links.as_mut().unwrap().retain(|link| link.name == "eth0.100");
    }
    // The later one: it has what the earlier one misses, except for one detail.
    capture.snapshots.remove(0);
    let mut tree = serde_json::to_value(&capture).unwrap();
    cut(&mut tree);
    for_each_string(&mut tree, "", &mut |path, found| {
        if is_free_text(path) {
            *found = text.to_string();
        }
    });
    serde_json::from_value(tree).unwrap()
}
