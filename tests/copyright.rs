//! `debian/copyright` names every crate that is linked into the program, on both architectures; it reads no licence.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

#[test]
fn every_crate_that_is_linked_in_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(root).args(["tree", "--locked", "-e", "normal,no-proc-macro"]);
    tree.args(["--prefix", "none"]);
    for target in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
        tree.args(["--target", target]);
    }
    let output = tree.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let copyright = std::fs::read_to_string(root.join("debian/copyright")).unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    let crates: BTreeSet<&str> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(crates.len() > 20, "{crates:?}");
    let is_named = |name: &str| copyright.contains(&format!("debian/vendor/{name}/*"));
    let lacking: Vec<_> =
        crates.into_iter().filter(|name| *name != "vti-diagnostics" && !is_named(name)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
}
