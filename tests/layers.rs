//! The layers of the program, held by reading the sources: who may use whom (the table at the head of `src/main.rs`), and that every file
//! says at its head what it is. Nothing is compiled or run here.

#![allow(clippy::expect_used, reason = "a failure here is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

/// Modules that use nothing of ours, and that every other one may use.
const LEAVES: &[&str] = &["units"];

/// Module, and the modules of ours that it may use beside itself and the leaves.
const LAYERS: &[(&str, &[&str])] = &[
    ("code", &[]),
    ("error", &[]),
    ("kernel", &[]),
    ("units", &[]),
    ("snapshot", &["kernel"]),
    ("report", &["code", "snapshot"]),
    ("wire", &["snapshot"]),
    ("journal", &["code", "snapshot", "error"]),
    ("collect", &["wire", "journal", "snapshot", "kernel", "error"]),
    ("capture", &["code", "collect", "snapshot", "error"]),
    ("tunnel", &["snapshot"]),
    ("way", &["code", "tunnel", "snapshot", "report", "kernel"]),
    ("diagnose", &["code", "way", "tunnel", "snapshot", "report", "kernel", "error"]),
    ("timeline", &["code", "tunnel", "snapshot"]),
    (
        "record",
        &[
            "code", "collect", "journal", "timeline", "diagnose", "way", "report", "signals",
            "snapshot", "kernel", "error",
        ],
    ),
    ("history", &["code", "journal", "diagnose", "report", "snapshot", "error"]),
    (
        "drops",
        &[
            "code", "collect", "wire", "signals", "diagnose", "way", "tunnel", "report",
            "snapshot", "error",
        ],
    ),
    ("render", &["code", "report", "snapshot", "error"]),
    ("opmode", &["error"]),
    ("signals", &[]),
    ("monitor", &["code", "collect", "diagnose", "report", "signals", "snapshot", "error"]),
    ("cli", &[]),
];

/// Modules that read nothing, by the lint at their head.
const PURE: &[&str] = &[
    "kernel", "units", "snapshot", "wire", "report", "timeline", "tunnel", "way", "diagnose",
    "history", "render", "opmode",
];

fn sources(module: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let file = src.join(format!("{module}.rs"));
    if file.exists() {
        return vec![file];
    }
    let entries = fs::read_dir(src.join(module)).expect("the module exists");
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect()
}

/// Those of a module's own tests may look at it from above: they say what a person reads of what it decides.
fn is_tests(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("tests"))
}

/// The modules of ours that a text names behind `crate::`, also in braces.
fn used(text: &str) -> Vec<String> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let starts = code.match_indices("crate::").map(|(at, _)| &code[at + "crate::".len()..]);
    let word = |rest: &str| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    starts
        .map(word)
        .filter(|name: &String| name.chars().next().is_some_and(char::is_lowercase))
        .collect()
}

#[test]
fn each_module_uses_only_the_layers_below_it() {
    for (module, allowed) in LAYERS {
        let leaves = if LEAVES.contains(module) { &[][..] } else { LEAVES };
        for path in sources(module).into_iter().filter(|path| !is_tests(path)) {
            for other in used(&fs::read_to_string(&path).expect("a readable source")) {
                let mut below = allowed.iter().chain(leaves);
                let fine = other == *module || below.any(|name| *name == other);
                assert!(fine, "{} uses {other}", path.display());
            }
        }
    }
}

#[test]
fn every_module_has_its_place_in_the_table() {
    let library = include_str!("../src/lib.rs");
    let modules = library.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in modules {
        assert!(LAYERS.iter().any(|(name, _)| *name == module), "{module} is in no layer");
    }
}

#[test]
fn pure_modules_deny_what_reads_the_system() {
    for module in PURE {
        let head = sources(module)
            .into_iter()
            .find(|p| p.ends_with("mod.rs") || p.ends_with(format!("{module}.rs")));
        let text = fs::read_to_string(head.expect("a head")).expect("a readable source");
        assert!(text.contains("#![deny(clippy::disallowed_methods)]"), "{module} is not held pure");
    }
}

#[test]
fn every_file_says_at_its_head_what_it_is() {
    let (modules, top) = (
        LAYERS.iter().flat_map(|(module, _)| sources(module)),
        ["main", "lib", "run", "vyos", "output"],
    );
    for path in modules.chain(top.iter().flat_map(|name| sources(name))) {
        let text = fs::read_to_string(&path).expect("a readable source");
        assert!(text.starts_with("//! "), "{} has no head", path.display());
    }
}
