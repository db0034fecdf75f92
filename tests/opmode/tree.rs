//! The tree of node.def files on a router: VyOS's own beside ours, and how VyOS's shell finds a command in it, word by word. Written from
//! the described behaviour of that shell, which is bash over directories.

use crate::{Directory, program, vyos};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The releases whose nodes are known.
pub const RELEASES: [&str; 4] = ["1.3", "1.4", "current-2024", "current-2026"];

/// The node.def paths near ours that a release has.
pub fn owned(release: &str) -> Vec<String> {
    let text = fs::read_to_string(vyos(&format!("owned-nodes-{release}.txt"))).unwrap();
    text.lines().map(str::to_string).collect()
}

/// Files of our own, as the package build makes them: path and text.
pub fn ours() -> Vec<(String, String)> {
    let directory = Directory::new();
    compile(&directory.0);
    let mut files = Vec::new();
    collect(&directory.0, &directory.0, &mut files);
    files.sort();
    files
}

fn compile(directory: &Path) {
    let output = Command::new(program())
        .args(["vyos", "node-defs", "--output"])
        .arg(directory)
        .output()
        .unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty());
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_string();
            files.push((name, fs::read_to_string(path).unwrap()));
        }
    }
}

/// Why the shell runs nothing.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    Ambiguous,
    Invalid,
    Incomplete,
}

/// What the shell found.
#[derive(Debug)]
pub struct Found {
    /// The run line, as it stands in the file.
    pub run: String,
    /// The words, written out where they were abbreviated; the first is `args[1]`.
    pub words: Vec<String>,
}

impl Found {
    /// The line that bash evaluates, with `args` an array of the words.
    pub fn line(&self) -> String {
        let mut line = self.run.clone();
        for n in 0..10 {
            line = line.replace(&format!("${n}"), &format!("${{args[{n}]}}"));
        }
        line
    }
}

/// A router's tree.
pub struct Tree {
    _directory: Directory,
    root: PathBuf,
}

impl Tree {
    /// That of a release, with our package installed.
    pub fn of(release: &str) -> Self {
        let directory = Directory::new();
        let root = directory.0.join("templates");
        for path in owned(release) {
            let file = root.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "help: of VyOS\nrun: theirs\n").unwrap();
        }
        compile(&root);
        Self { _directory: directory, root }
    }

    /// A field of a node's file.
    pub fn field(text: &str, name: &str) -> Option<String> {
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.map(|value| value.trim().to_string())
    }

    /// What the shell makes of a command: each word is the one directory that it begins, or the value of a `node.tag`.
    pub fn find(&self, command: &[&str]) -> Result<Found, Refusal> {
        let (mut place, mut words) = (self.root.clone(), Vec::new());
        for word in command {
            let name = expanded(&place, word)?;
            if place.join(&name).join("node.def").is_file() {
                place.push(&name);
            } else if place.join("node.tag/node.def").is_file() {
                place.push("node.tag");
            } else {
                return Err(Refusal::Invalid);
            }
            words.push(if name == "node.tag" { (*word).to_string() } else { name });
        }
        let text = fs::read_to_string(place.join("node.def")).unwrap();
        let run = Self::field(&text, "run").ok_or(Refusal::Incomplete)?;
        Ok(Found { run, words })
    }
}

/// The word in full. A word with slashes looks elsewhere, as completion of paths does.
fn expanded(place: &Path, word: &str) -> Result<String, Refusal> {
    let (directory, prefix) = word.rsplit_once('/').unwrap_or(("", word));
    let entries = fs::read_dir(format!("{}/{directory}", place.display()));
    let entries = entries.into_iter().flatten().flatten().filter(|e| e.path().is_dir());
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    // Hidden ones are completed only where they are asked for.
    let hidden = prefix.starts_with('.');
    let begun: Vec<String> =
        names.filter(|n| n.starts_with(prefix) && n.starts_with('.') == hidden).collect();
    match begun.as_slice() {
        [one] => Ok(one.clone()),
        [] if place.join("node.tag").is_dir() => Ok(word.to_string()),
        [] => Err(Refusal::Invalid),
        _ if place.join(word).is_dir() => Ok(word.to_string()),
        _ => Err(Refusal::Ambiguous),
    }
}
