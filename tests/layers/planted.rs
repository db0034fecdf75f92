//! What the checks of the layers are for, planted in small trees: each must be found.

use super::circle::{circles, without};
use super::program::Program;
use super::table::{differences, listed, parse};
use super::violations;
use std::fs;
use tempfile::TempDir;

/// A tree of sources.
fn tree(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

/// What is wrong with the layers of a tree in which `collect` may use `snapshot` alone.
fn wrong(files: &[(&str, &str)]) -> Vec<String> {
    let modules =
        ["lib.rs", "units.rs", "collect/mod.rs", "snapshot.rs", "render.rs", "diagnose/mod.rs"];
    let empty = modules.map(|module| (module, ""));
    let folder = tree(&[&empty, files].concat());
    let layers = listed(&[
        ("collect", &["snapshot"]),
        ("units", &[]),
        ("snapshot", &[]),
        ("render", &["snapshot"]),
        ("diagnose", &["snapshot"]),
    ]);
    violations(&Program::read(folder.path()), &layers, &["units"])
}

/// The circles of a tree.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let folder = tree(files);
    circles(&Program::read(folder.path()).imports())
}

#[test]
fn a_file_two_folders_down_is_looked_at() {
    let at = "collect/drops/channel.rs";
    assert_eq!(wrong(&[(at, "use crate::diagnose::cause;")]), [format!("{at} uses diagnose")]);
    assert_eq!(wrong(&[(at, "use crate::snapshot::Link; use std::fmt;")]), [""; 0]);
}

#[test]
fn names_in_braces_are_seen() {
    let text = "use crate::{render, snapshot};";
    assert_eq!(wrong(&[("collect/mod.rs", text)]), ["collect/mod.rs uses render"]);
    let text = "use std::{fmt, io}; use crate::{snapshot::{Link, sa::{self, Sa}}, render::{text::{A as B, *}}};";
    assert_eq!(wrong(&[("collect/mod.rs", text)]), ["collect/mod.rs uses render"]);
}

#[test]
fn every_form_of_a_path_is_seen() {
    for text in [
        "pub use crate::render::text;",
        "pub(crate) use crate::render::text;",
        "use super::render::text;",
        "fn f() -> crate::render::Text { todo!() }",
        "fn f() { println!(\"{}\", crate::render::text()) }",
        "fn f() { use crate::render; }",
        "fn f(x: &Vec<crate::render::Text>) {}",
        "fn f() { g(..crate::render::LAST) }",
        "const X: u8 = <crate::render::Text as Y>::LENGTH;",
        "#[cfg(test)] mod tests { use super::*; use crate::render::text; }",
    ] {
        assert_eq!(wrong(&[("collect/mod.rs", text)]), ["collect/mod.rs uses render"], "{text}");
    }
    let deep = "use super::super::super::render::text;";
    assert_eq!(wrong(&[("collect/a/b.rs", deep)]), ["collect/a/b.rs uses render"]);
    // What a parent imports, a child can name through it.
    let files =
        [("collect/mod.rs", "use crate::render;"), ("collect/a.rs", "use super::render::X;")];
    assert_eq!(wrong(&files), ["collect/a.rs uses render", "collect/mod.rs uses render"]);
}

#[test]
fn what_is_no_code_is_not_seen() {
    for text in [
        "// use crate::render;",
        "/* crate::render::text() */",
        "//! [`crate::render`] does that.",
        "/// [`crate::render`] does that.\nfn f() {}",
        "const X: &str = \"use crate::render;\";",
        "const X: &str = r#\"crate::render::text()\"#;",
        "use super::collect::render; mod render {}",
        "use other::crates::render;",
        "fn f() { x.render.text() }",
    ] {
        assert_eq!(wrong(&[("collect/mod.rs", text)]), [""; 0], "{text}");
    }
}

#[test]
fn a_leaf_is_for_all_and_files_of_tests_look_from_above() {
    assert_eq!(wrong(&[("collect/a.rs", "use crate::units::Span;")]), [""; 0]);
    assert_eq!(wrong(&[("units.rs", "use crate::snapshot::Sa;")]), ["units.rs uses snapshot"]);
    let declares = ("collect/mod.rs", "#[cfg(test)] mod tests;");
    assert_eq!(wrong(&[declares, ("collect/tests.rs", "use crate::render::text;")]), [""; 0]);
}

#[test]
fn a_module_without_a_place_is_found() {
    assert_eq!(wrong(&[("extra/mod.rs", "")]), ["extra is in no layer"]);
}

#[test]
fn two_files_that_import_each_other_are_a_circle() {
    let (a, b) = (("m/a.rs", "use super::b::B;"), ("m/b.rs", "fn f() { super::a::g() }"));
    assert_eq!(
        found(&[("lib.rs", ""), ("m/mod.rs", "mod a; mod b;"), a, b]),
        ["m/a.rs -> m/b.rs -> m/a.rs"]
    );
    let b = ("m/b.rs", "#[cfg(test)] mod tests { use super::super::a::A; }");
    assert_eq!(found(&[("lib.rs", ""), ("m/mod.rs", "mod a; mod b;"), a, b]), [""; 0]);
}

#[test]
fn a_circle_of_three_modules_is_found() {
    let files = [
        ("lib.rs", ""),
        ("a.rs", "use crate::b;\nfn f() { b::g() }"),
        ("b.rs", "use crate::c::C;"),
        ("c.rs", "macro_rules! m { () => { $crate::a::f() } }"),
    ];
    assert_eq!(found(&files), ["a.rs -> b.rs -> c.rs -> a.rs"]);
}

#[test]
fn a_folder_and_its_head_are_two_files() {
    // The child uses what the head defines, and the head only hands the child on.
    let child = ("m/a.rs", "use super::Shared; pub fn a(_: Shared) {}");
    let only = [("lib.rs", ""), ("m/mod.rs", "mod a; pub use a::a; pub struct Shared;"), child];
    assert_eq!(found(&only), [""; 0]);
    // Or also uses it itself.
    let used =
        [("lib.rs", ""), ("m/mod.rs", "mod a; pub use a::a; pub fn f() { a(Shared) }"), child];
    assert_eq!(found(&used), ["m/a.rs -> m/mod.rs -> m/a.rs"]);
}

#[test]
fn a_re_export_leads_to_the_file_behind_it() {
    let files = [
        ("lib.rs", ""),
        ("m/mod.rs", "mod a; mod b; pub use a::A; pub use b::B as C;"),
        ("m/a.rs", "use super::C;"),
        ("m/b.rs", "use crate::m::A;"),
    ];
    assert_eq!(found(&files), ["m/a.rs -> m/b.rs -> m/a.rs"]);
}

#[test]
fn files_for_tests_are_left_out() {
    let files = [
        ("lib.rs", ""),
        ("a.rs", "use crate::b::B; #[cfg(test)] #[path = \"a_tests.rs\"] mod tests;"),
        ("a_tests.rs", "use super::*;"),
        ("b/mod.rs", "#[cfg(test)] mod tests;"),
        ("b/tests.rs", "use crate::a::A; use super::B;"),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn a_listed_import_must_close_a_circle() {
    let folder =
        tree(&[("lib.rs", ""), ("a.rs", "use crate::b::B;"), ("b.rs", "use crate::a::A;")]);
    let program = Program::read(folder.path());
    let mut imports = program.imports();
    assert_eq!(without(&mut imports, &[("a.rs", "b.rs")]), [""; 0]);
    assert_eq!(circles(&imports), [""; 0]);
    assert_eq!(without(&mut imports, &[("b.rs", "a.rs")]), ["b.rs -> a.rs"]);
    assert_eq!(without(&mut imports, &[("b.rs", "gone.rs")]), ["b.rs -> gone.rs"]);
}

const TABLE: &str = "//! # Layers
//!
//! | module          | may use               | never       |
//! |-----------------|-----------------------|-------------|
//! | `a`, `b`        | std, `c`              | I/O, `d`    |
//! | `c`             | std                   | all of ours |
//! | `d`             | all                   | anything    |
";

#[test]
fn a_row_that_differs_is_found() {
    let list: &[(&str, &[&str])] = &[("a", &["c"]), ("b", &["c"]), ("c", &[]), ("d", &["all"])];
    assert_eq!(differences(&listed(list), &parse(TABLE)), [""; 0]);
    let more = TABLE.replace("std, `c`", "`c`, `d`").replace("I/O, `d`", "I/O");
    let differs = ["a: list: c; table: c, d", "b: list: c; table: c, d"];
    assert_eq!(differences(&listed(list), &parse(&more)), differs);
    assert_eq!(differences(&listed(&list[1..]), &parse(TABLE)), ["a: list: no row; table: c"]);
    let less = TABLE.replace("//! | `d` ", "//! ");
    assert_eq!(differences(&listed(list), &parse(&less)), ["d: list: all; table: no row"]);
}

#[test]
#[should_panic(expected = "may use c, and never")]
fn a_row_that_contradicts_itself_is_found() {
    parse(&TABLE.replace("I/O, `d`", "`c`"));
}
