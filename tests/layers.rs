//! The layers of the program, held by reading the sources: who may use whom, as the table at the head of `src/main.rs` says; no circle of
//! imports, not even inside a folder; and every file says at its head what it is. Nothing of the program is compiled or run here.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

#[path = "layers/circle.rs"]
mod circle;
#[path = "layers/mutations.rs"]
mod mutations;
#[path = "layers/planted.rs"]
mod planted;
#[path = "layers/program.rs"]
mod program;
#[path = "layers/source.rs"]
mod source;
#[path = "layers/table.rs"]
mod table;

use program::{Program, sources};
use std::fs;
use std::path::{Path, PathBuf};
use table::{ALL, Layers};

/// Modules that use nothing of ours, and that every other one may use.
const LEAVES: &[&str] = &["units"];

/// Module, and the modules of ours that it may use beside itself and the leaves.
const LAYERS: &[(&str, &[&str])] = &[
    ("code", &[]),
    ("error", &[]),
    ("kernel", &[]),
    ("units", &[]),
    ("yaml", &[]),
    ("snapshot", &["kernel"]),
    ("report", &["code", "snapshot"]),
    ("wire", &["snapshot"]),
    ("journal", &["code", "snapshot", "error"]),
    ("collect", &["wire", "journal", "snapshot", "kernel", "error"]),
    ("capture", &["code", "collect", "snapshot", "text", "yaml", "error"]),
    ("text", &["collect", "wire", "report", "snapshot", "kernel", "error"]),
    ("tunnel", &["snapshot", "kernel"]),
    ("way", &["code", "tunnel", "snapshot", "report", "kernel"]),
    ("diagnose", &["code", "way", "tunnel", "snapshot", "report", "kernel", "error"]),
    ("timeline", &["code", "way", "tunnel", "snapshot"]),
    (
        "record",
        &[
            "code", "collect", "journal", "timeline", "diagnose", "metrics", "way", "report",
            "signals", "snapshot", "kernel", "error",
        ],
    ),
    ("metrics", &["code", "journal", "diagnose", "render", "report", "snapshot", "error"]),
    ("check", &["report", "render", "error"]),
    ("diff", &["report", "snapshot"]),
    ("history", &["code", "journal", "diagnose", "report", "snapshot", "error"]),
    (
        "drops",
        &[
            "code", "collect", "wire", "signals", "diagnose", "way", "tunnel", "report",
            "snapshot", "error",
        ],
    ),
    ("render", &["code", "report", "snapshot", "yaml", "error"]),
    ("opmode", &["error"]),
    ("signals", &[]),
    ("monitor", &["code", "collect", "diagnose", "report", "signals", "snapshot", "error"]),
    ("cli", &[]),
    ("line_queue", &["render", "error"]),
    ("run", &[ALL]),
    ("given", &[ALL]),
    ("vyos", &[ALL]),
    ("output", &[ALL]),
    ("main", &[ALL]),
];

/// Modules that read nothing, by the lint at their head.
const PURE: &[&str] = &[
    "kernel", "units", "snapshot", "wire", "report", "timeline", "tunnel", "way", "diagnose",
    "diff", "history", "metrics", "check", "render", "opmode", "text", "yaml",
];

/// Imports that close a circle, and wait to be broken: none. An entry that is in no circle fails.
const CIRCLES: &[(&str, &str)] = &[];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The module below the root that a file belongs to.
fn top(file: &Path) -> String {
    let name = file.iter().next().expect("a name").to_string_lossy();
    name.trim_end_matches(".rs").to_owned()
}

/// Uses of modules that the layers do not allow, and modules that have no place in them.
fn violations(program: &Program, layers: &Layers, leaves: &[&str]) -> Vec<String> {
    let known = |module: &&str| layers.contains_key(*module);
    let unplaced = program.top_modules().into_iter().filter(|module| !known(module));
    let mut wrong: Vec<String> =
        unplaced.map(|module| format!("{module} is in no layer")).collect();
    for (file, used) in program.used_modules() {
        let module = top(file);
        let allowed = layers.get(&module);
        let is_allowed = allowed.is_none_or(|uses| uses.contains(&used) || uses.contains(ALL));
        let is_leaf = leaves.contains(&used.as_str()) && !leaves.contains(&module.as_str());
        if used != module && !is_allowed && !is_leaf {
            wrong.push(format!("{} uses {used}", file.display()));
        }
    }
    wrong
}

#[test]
fn each_module_uses_only_the_layers_below_it() {
    let wrong = violations(&Program::read(&src()), &table::listed(LAYERS), LEAVES);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_of_the_program_and_the_list_here_say_the_same() {
    let written = table::parse(include_str!("../src/main.rs"));
    let different = table::differences(&table::listed(LAYERS), &written);
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let program = Program::read(&src());
    let mut imports = program.imports();
    let idle = circle::without(&mut imports, CIRCLES);
    let found = circle::circles(&imports);
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(idle.is_empty(), "in no circle, so not to be listed:\n{}", idle.join("\n"));
}

#[test]
fn pure_modules_deny_what_reads_the_system() {
    for module in PURE {
        let heads = [format!("{module}.rs"), format!("{module}/mod.rs")];
        let head = heads.iter().map(|head| src().join(head)).find(|head| head.exists());
        let text = fs::read_to_string(head.expect("a head")).expect("a readable source");
        assert!(text.contains("#![deny(clippy::disallowed_methods)]"), "{module} is not held pure");
    }
}

#[test]
fn every_file_says_at_its_head_what_it_is() {
    for path in sources(&src()) {
        let text = fs::read_to_string(&path).expect("a readable source");
        assert!(text.starts_with("//! "), "{} has no head", path.display());
    }
}
