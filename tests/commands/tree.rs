//! How VyOS's shell finds a command in its tree, word by word: vyatta-op, etc/bash_completion.d/vyatta-op, `_vyatta_op_conv_node_path` and
//! `_vyatta_op_run`; and the tree of configuration, as `set` finds its nodes. It runs nothing.

use std::collections::BTreeMap;
use std::path::Path;

/// Options that `ping` hands to VyOS's script, and whether each takes a value: src/op_mode/ping.py, as far as our commands use them; the same
/// in equuleus, sagitta and current.
const PING: &[(&str, bool)] = &[
    ("audible", false),
    ("adaptive", false),
    ("allow-broadcast", false),
    ("bypass-route", false),
    ("count", true),
    ("deadline", true),
    ("do-not-fragment", false),
    ("flood", false),
    ("interface", true),
    ("interval", true),
    ("mark", true),
    ("numeric", false),
    ("no-loopback", false),
    ("pattern", true),
    ("timestamp", false),
    ("tos", true),
    ("quiet", false),
    ("record-route", false),
    ("size", true),
    ("source-address", true),
    ("ttl", true),
    ("vrf", true),
    ("verbose", false),
];

/// Options that `monitor traffic interface IFACE` hands to VyOS's script: src/op_mode/tcpdump.py of current.
const TRAFFIC: &[(&str, bool)] = &[
    ("dump", false),
    ("hexdump", false),
    ("filter", true),
    ("numeric", false),
    ("save", true),
    ("verbose", false),
];

/// Commands of our own, which the package adds to the tree of operational mode; tests/opmode runs them.
const OURS: &[&str] = &[
    "! show vpn vti-diagnostics",
    "! show vpn vti-diagnostics interface <>",
    "! show vpn vti-diagnostics detail",
    "! show vpn vti-diagnostics detail interface <>",
    "! show vpn vti-diagnostics json",
    "! show vpn vti-diagnostics json interface <>",
    "! show vpn vti-diagnostics history",
    "! show vpn vti-diagnostics history interface <>",
    "! show interfaces vti <> diagnostics",
];

/// A node of a tree.
#[derive(Default)]
struct Node {
    children: BTreeMap<String, Node>,
    /// It has a line to run; in the tree of configuration: it takes a value.
    marked: bool,
    /// It is in the list itself, and not only on the way to another.
    listed: bool,
}

/// The tree of one release, for commands of operational mode or for `set`.
pub struct Tree(Node);

impl Tree {
    /// `kind` is op or set.
    pub fn of(kind: &str, release: &str) -> Self {
        let name = format!("tests/opmode/vyos/commands-{kind}-{release}.txt");
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
        let text = text.unwrap_or_else(|error| panic!("{kind} {release}: {error}"));
        let mut root = Node::default();
        let ours = if kind == "op" { OURS } else { &[] };
        for line in text.lines().chain(ours.iter().copied()) {
            let (mark, words) = line.split_at(2);
            let node = words
                .split(' ')
                .fold(&mut root, |node, word| node.children.entry(word.to_owned()).or_default());
            node.marked |= mark == "! " || mark == "= ";
            node.listed = true;
        }
        Self(root)
    }

    /// Whether the first word is one of the tree, also abbreviated: the shell has an alias for each beginning, but for words of its own.
    pub fn begins(&self, word: &str) -> bool {
        const SHELL: [&str; 9] = ["for", "do", "done", "if", "fi", "case", "while", "tr", ""];
        !SHELL.contains(&word) && self.0.children.keys().any(|name| name.starts_with(word))
    }

    /// Finds a command that can be run.
    pub fn run(&self, words: &[String]) -> Result<(), String> {
        let mut node = &self.0;
        for (at, word) in words.iter().enumerate() {
            let options = node.children.get("<>").filter(|_| at > 1 && repeats(words, at));
            if options.is_some() && !node.children.keys().any(|name| name.starts_with(word)) {
                let known = if words[0] == "ping" { PING } else { TRAFFIC };
                return options_of(known, &words[at..]);
            }
            node = step(node, word)?;
        }
        if node.marked { Ok(()) } else { Err("Incomplete command".into()) }
    }

    /// Finds a node of configuration with its value.
    pub fn set(&self, words: &[String]) -> Result<(), String> {
        let mut node = &self.0;
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if node.marked && !node.children.contains_key("<>") {
                return match rest.next() {
                    Some(more) => Err(format!("Invalid command: [{more}]")),
                    None if node.children.is_empty() => Ok(()),
                    None => Err(format!("Invalid command: [{word}]")),
                };
            }
            node = step(node, word)?;
        }
        if node.marked {
            return Err("requires a value".into());
        }
        if node.listed { Ok(()) } else { Err("Incomplete command".into()) }
    }
}

/// Whether what follows is for a script, whatever it is: vyos-1x, Makefile, links `node.tag` into itself there.
fn repeats(words: &[String], at: usize) -> bool {
    words[0] == "ping" && at == 2 || words[0] == "monitor" && at == 4
}

fn options_of(known: &[(&str, bool)], words: &[String]) -> Result<(), String> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let fits: Vec<_> =
            known.iter().filter(|(name, _)| name.starts_with(word.as_str())).collect();
        match fits.as_slice() {
            [(_, true)] if rest.next().is_none() => {
                return Err(format!("missing argument: {word}"));
            }
            [_] => {}
            _ => return Err(format!("Invalid or ambiguous option: [{word}]")),
        }
    }
    Ok(())
}

/// The one child that a word begins; of several, the one that it names whole; of none, the one for values.
fn step<'a>(node: &'a Node, word: &str) -> Result<&'a Node, String> {
    let names = node.children.iter().filter(|(name, _)| *name != "<>");
    let begun: Vec<_> = names.filter(|(name, _)| name.starts_with(word)).collect();
    match begun.as_slice() {
        [(_, one)] => Ok(one),
        [] => node.children.get("<>").ok_or_else(|| format!("Invalid command: [{word}]")),
        _ => node.children.get(word).ok_or_else(|| format!("Ambiguous command: [{word}]")),
    }
}
