//! Circles of imports: files that cannot be read, tested or moved one without the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// Which file imports something of which.
pub type Imports<'a> = BTreeMap<&'a Path, BTreeSet<&'a Path>>;

/// Each file that one reaches along imports, and the file before it on the shortest way.
fn reached<'a>(imports: &Imports<'a>, from: &'a Path) -> BTreeMap<&'a Path, &'a Path> {
    let mut before = BTreeMap::new();
    let mut waiting = VecDeque::from([from]);
    while let Some(file) = waiting.pop_front() {
        for &next in imports.get(file).into_iter().flatten() {
            if !before.contains_key(next) {
                before.insert(next, file);
                waiting.push_back(next);
            }
        }
    }
    before
}

/// The circles of imports, the shortest of each knot of files, as `a -> b -> a`.
pub fn circles(imports: &Imports<'_>) -> Vec<String> {
    let mut left: BTreeSet<&Path> = imports.keys().copied().collect();
    let mut found = Vec::new();
    while let Some(file) = left.pop_first() {
        let reached_from_it = reached(imports, file);
        let reaches_it = |other: &&Path| reached(imports, other).contains_key(file);
        let knot: BTreeSet<&Path> = reached_from_it.into_keys().filter(reaches_it).collect();
        found.extend(knot.iter().map(|file| circle(imports, file)).min_by_key(Vec::len));
        left.retain(|file| !knot.contains(file));
    }
    let names = |circle: &Vec<&Path>| {
        let names: Vec<String> = circle.iter().map(|file| file.display().to_string()).collect();
        names.join(" -> ")
    };
    found.iter().map(names).collect()
}

/// The shortest circle through a file that is in one.
fn circle<'a>(imports: &Imports<'a>, file: &'a Path) -> Vec<&'a Path> {
    let before = reached(imports, file);
    let mut circle = vec![file];
    let mut at = before[file];
    while at != file {
        circle.push(at);
        at = before[at];
    }
    circle.push(file);
    circle.reverse();
    circle
}

/// Takes the imports of a list away. Says which of them are in no circle, and so have no place in the list.
pub fn without<'a>(imports: &mut Imports<'a>, allowed: &[(&str, &str)]) -> Vec<String> {
    let mut idle = Vec::new();
    let all = imports.clone();
    for (from, to) in allowed.iter().map(|(from, to)| (Path::new(from), Path::new(to))) {
        let (from_key, to_key) = (all.get_key_value(from), all.get_key_value(to));
        let is_import = from_key.is_some_and(|(_, targets)| targets.contains(to));
        let is_circle = to_key.is_some_and(|(to, _)| reached(&all, to).contains_key(from));
        if !is_import || !is_circle {
            idle.push(format!("{} -> {}", from.display(), to.display()));
        }
        if let Some(targets) = imports.get_mut(from) {
            targets.remove(to);
        }
    }
    idle
}
