//! The table of layers at the head of `src/main.rs`: `//! | modules | may use | never |`. Names of ours stand in it between backticks.

use std::collections::{BTreeMap, BTreeSet};

/// Stands for every module of ours.
pub const ALL: &str = "all";

/// Each module and the modules that it may use.
pub type Layers = BTreeMap<String, BTreeSet<String>>;

/// The layers that a list in a test says.
pub fn listed(list: &[(&str, &[&str])]) -> Layers {
    let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    list.iter().map(|(module, uses)| ((*module).to_owned(), words(uses))).collect()
}

/// The layers that the table in a text says.
pub fn parse(text: &str) -> Layers {
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! |")?.strip_suffix('|'));
    let mut layers = Layers::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let &[modules, uses, never] = cells.as_slice() else { panic!("not three cells: {row}") };
        let mut uses_names = names(uses);
        if uses == ALL {
            uses_names.insert(ALL.to_owned());
        }
        if let Some(both) = names(never).intersection(&uses_names).next() {
            panic!("{modules} may use {both}, and never: {row}");
        }
        for module in names(modules) {
            let twice = layers.insert(module.clone(), uses_names.clone());
            assert!(twice.is_none(), "{module} has two rows");
        }
    }
    layers
}

/// What stands between backticks.
fn names(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What the two say differently, a line each.
pub fn differences(list: &Layers, table: &Layers) -> Vec<String> {
    let modules: BTreeSet<&String> = list.keys().chain(table.keys()).collect();
    let differ = modules.into_iter().filter(|module| list.get(*module) != table.get(*module));
    let said = |uses: Option<&BTreeSet<String>>| match uses {
        Some(uses) => uses.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        None => "no row".to_owned(),
    };
    let line = |module: &String| {
        format!("{module}: list: {}; table: {}", said(list.get(module)), said(table.get(module)))
    };
    differ.map(line).collect()
}
