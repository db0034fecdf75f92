//! The files of a program and what each imports. A path is followed through modules, `use` and re-exports to the file that defines what
//! it names, so a re-export in a `mod.rs` is no import of that file.

use super::source::{Kind, Mention, Segments, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the library in its own binary.
const LIBRARY: &str = "vti_diagnostics";
/// Re-exports that name one another would be followed without end.
const LONGEST_WAY: usize = 16;

/// All sources below one folder.
#[derive(Default)]
pub struct Program {
    /// What each file mentions, by its path in the folder.
    files: BTreeMap<PathBuf, Vec<Mention>>,
    /// The file of each module, of those in braces too.
    modules: BTreeMap<Segments, PathBuf>,
    /// Names that `use` brings into each module, and the paths that they stand for.
    uses: BTreeMap<Segments, BTreeMap<String, Segments>>,
    /// Files that only tests compile.
    tests: BTreeSet<PathBuf>,
}

/// What a path leads to.
struct Target<'a> {
    file: &'a Path,
    /// Whether it is a module, of which a further path must say what is used.
    is_module: bool,
    /// The module below the root that the path passes first, if it passes the root.
    top: Option<String>,
}

impl Program {
    pub fn read(src: &Path) -> Self {
        let mut program = Program::default();
        for path in sources(src) {
            let text = fs::read_to_string(&path).expect("a readable source");
            let path = path.strip_prefix(src).expect("a path below src").to_owned();
            let source = Source::read(&path, &text);
            for module in source.modules {
                program.modules.insert(module, path.clone());
            }
            for mention in source.mentions.iter().filter(|mention| !mention.test) {
                if let Some(name) = &mention.name {
                    let names = program.uses.entry(mention.module.clone()).or_default();
                    // A function's own `use` does not take a name from the module's.
                    names.entry(name.clone()).or_insert_with(|| mention.path.clone());
                }
            }
            program.tests.extend(source.test_files);
            program.files.insert(path, source.mentions);
        }
        program
    }

    /// The modules below the root that have files.
    pub fn top_modules(&self) -> BTreeSet<&str> {
        let tops = self.modules.keys().filter_map(|module| module.first());
        let main = self.files.contains_key(Path::new("main.rs")).then_some("main");
        tops.map(String::as_str).chain(main).collect()
    }

    /// Each file with each module below the root that it names, in its test modules too. Files of tests are left out: they may look at a
    /// module from above.
    pub fn used_modules(&self) -> BTreeSet<(&Path, String)> {
        let compiled = self.files.iter().filter(|(path, _)| !self.tests.contains(*path));
        let all = compiled.flat_map(|(path, mentions)| {
            let targets = mentions.iter().filter_map(|m| self.resolve(&m.module, &m.path, 0));
            targets.filter_map(|target| Some((path.as_path(), target.top?)))
        });
        all.collect()
    }

    /// Which file imports something of which, without tests.
    pub fn imports(&self) -> BTreeMap<&Path, BTreeSet<&Path>> {
        let compiled = self.files.iter().filter(|(path, _)| !self.tests.contains(*path));
        let imports = compiled.map(|(path, mentions)| {
            let used = mentions.iter().filter(|m| !m.test && m.kind != Kind::Reexport);
            let targets = used.filter_map(|m| self.resolve(&m.module, &m.path, 0));
            let others = targets.filter(|to| !to.is_module && to.file != path).map(|to| to.file);
            (path.as_path(), others.collect())
        });
        imports.collect()
    }

    /// Follows a path from the module in which it stands. None where it leads out of the program, or names something of that module.
    fn resolve(&self, from: &[String], path: &[String], way: usize) -> Option<Target<'_>> {
        let mut here = from.to_vec();
        let mut rest = path;
        loop {
            match rest.first()?.as_str() {
                "crate" | LIBRARY => here.clear(),
                "super" => drop(here.pop()),
                "self" => {}
                _ => break,
            }
            rest = &rest[1..];
        }
        let in_scope = rest.len() == path.len();
        let mut top = None;
        for (at, name) in rest.iter().enumerate() {
            let mut below = here.clone();
            below.push(name.clone());
            let stands_for = self.uses.get(&here).and_then(|uses| uses.get(name));
            // `pub use lookup::lookup` gives one name to a module and to what is in it.
            let both = at + 1 == rest.len() && stands_for.is_some_and(|path| path.len() > 1);
            if self.modules.contains_key(&below) && !both {
                if here.is_empty() {
                    top.get_or_insert_with(|| name.clone());
                }
                here = below;
                continue;
            }
            if let Some(stands_for) = stands_for.filter(|_| way < LONGEST_WAY) {
                let path = [stands_for.as_slice(), &rest[at + 1..]].concat();
                let found = self.resolve(&here, &path, way + 1)?;
                return Some(Target { top: top.or(found.top), ..found });
            }
            // Neither a module nor imported: of another crate, of the language, or defined here.
            let elsewhere = in_scope && at == 0;
            let file = self.modules.get(&here).filter(|_| !elsewhere)?;
            return Some(Target { file, is_module: false, top });
        }
        Some(Target { file: self.modules.get(&here)?, is_module: true, top })
    }
}

/// All sources in a folder and in the folders below it.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
