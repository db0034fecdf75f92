//! Our entry in `/usr/share/vyos/op_cache.json`, from which VyOS (2025-08 and later) runs the commands of operators. The whole file is
//! created while VyOS is built and has no place for additions, so our entry is inserted into its text and removed from it.
//!
//! A node with other members than the known ones belongs to an unknown runner. A runner reads all nodes or none, so then nothing is changed.

use super::definition::{self, Kind, Node};
use super::node_def;
use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
// Values that keep the order of their members, unlike those of serde_json.
use serde_yaml::{Mapping, Value};
use std::io::{self, Write};

/// The parent of our commands. Our command below `show interfaces vti` is left out: there the value is not the last word, so the runner would
/// not check it, but passes the line to a shell as root.
const PARENT: [&str; 2] = ["show", "vpn"];
const NAME: &str = "vti-diagnostics";
/// The member of a node that is its description.
const DATA: &str = "__node_data";
/// In the description: the XML file of a node, which distinguishes our entry from those of others.
const FILE: &str = "vti-diagnostics.xml";
/// The only form of the variable that the runner knows.
const SCRIPTS: &str = "/usr/libexec/vyos/op_mode";
/// The runner's check of a value. It is anchored, whether or not the runner anchors it, too.
const VTI: &str = "^vti[0-9]+$";

/// The text with our commands of this version, in the layout of the given text; `None` where it has them already.
///
/// # Errors
/// `IncorrectValue`: no JSON, an unknown shape, or commands of our name that are not ours.
pub fn install(text: &str) -> Result<Option<String>> {
    let mut cache = parse(text)?;
    let before = cache.clone();
    let entry = entry()?;
    let parent = parent(&mut cache, &entry)?;
    if parent.get(NAME).is_some_and(|present| !is_ours(present)) {
        return Err(unknown("show vpn vti-diagnostics belongs to another package"));
    }
    parent.insert(NAME.into(), entry);
    let children = children(parent)?;
    if !children.iter().any(|child| child == NAME) {
        children.push(NAME.into());
    }
    changed(&before, &cache, text)
}

/// The text without our commands; `None` where it has none.
///
/// # Errors
/// `IncorrectValue`: no JSON, or an unknown shape that contains our commands.
pub fn remove(text: &str) -> Result<Option<String>> {
    let mut cache = parse(text)?;
    let before = cache.clone();
    let present = PARENT.iter().try_fold(&before, |node, word| node.get(word));
    if !present.and_then(|parent| parent.get(NAME)).is_some_and(is_ours) {
        return Ok(None);
    }
    let parent = parent(&mut cache, &entry()?)?;
    // The order of the other members stays.
    parent.shift_remove(NAME);
    children(parent)?.retain(|child| child != NAME);
    changed(&before, &cache, text)
}

fn changed(before: &Value, after: &Value, text: &str) -> Result<Option<String>> {
    if before == after { Ok(None) } else { write(after, text).map(Some) }
}

fn parse(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| unknown(&error.to_string()))
}

/// The parent of our node, if its description has exactly the members that ours has.
fn parent<'a>(cache: &'a mut Value, ours: &Value) -> Result<&'a mut Mapping> {
    let members = |node: &Value| {
        let names = node.get(DATA)?.as_mapping()?.keys().map(|name| name.as_str());
        let mut names = names.map(|name| name.map(str::to_string)).collect::<Option<Vec<_>>>()?;
        names.sort();
        Some(names)
    };
    let node = PARENT.iter().try_fold(cache, |node, word| node.get_mut(word));
    let node = node.ok_or_else(|| unknown("it has no show vpn"))?;
    let path = node.get(DATA).and_then(|data| data.get("path"));
    if members(node) != members(ours) || path != Some(&list(&PARENT)) {
        return Err(unknown("the description of show vpn has other members"));
    }
    node.as_mapping_mut().ok_or_else(|| unknown("show vpn is no object"))
}

/// The names of the words that may follow.
fn children(node: &mut Mapping) -> Result<&mut Vec<Value>> {
    let children = node.get_mut(DATA).and_then(|data| data.get_mut("children"));
    children.and_then(Value::as_sequence_mut).ok_or_else(|| unknown("show vpn has no children"))
}

fn is_ours(node: &Value) -> bool {
    node.get(DATA).and_then(|data| data.get("files")) == Some(&list(&[FILE]))
}

fn list(words: &[&str]) -> Value {
    words.iter().copied().collect()
}

fn unknown(what: &str) -> Error {
    Error::IncorrectValue(format!("this op_cache.json has an unknown form: {what}"))
}

/// Our commands in the form of the cache.
///
/// # Errors
/// `IncorrectValue`: the definition has no node at this place.
pub fn entry() -> Result<Value> {
    let nodes = definition::parse(super::XML)?;
    // Each node of ours has a help.
    node_def::files(&nodes)?;
    let mut level = nodes.as_slice();
    for word in PARENT {
        level = level.iter().find(|n| n.name == word).map_or(&[], |n| n.children.as_slice());
    }
    let ours = level.iter().find(|node| node.name == NAME);
    let ours = ours.ok_or_else(|| unknown("the definition has no commands for it"))?;
    object(ours, &PARENT.map(str::to_string))
}

/// The description of a node: all members, in VyOS's order.
#[derive(Serialize)]
struct Data<'a> {
    name: &'a str,
    node_type: &'a str,
    help_text: Option<&'a str>,
    comp_help: Completion,
    command: Option<String>,
    standalone_help_text: Option<&'a str>,
    standalone_command: Option<&'a str>,
    constraints: Option<Constraints>,
    constraint_error_message: Option<&'a str>,
    path: &'a [String],
    files: [&'a str; 1],
    children: Vec<&'a str>,
}

#[derive(Serialize)]
struct Completion {
    #[serde(skip_serializing_if = "Option::is_none")]
    script: Option<[String; 1]>,
}

#[derive(Serialize)]
struct Constraints {
    regexes: [&'static str; 1],
    validators: [&'static str; 0],
}

/// A node and its descendants. `path` is that of its parent.
fn object(node: &Node, path: &[String]) -> Result<Value> {
    let mut path = [path, std::slice::from_ref(&node.name)].concat();
    let takes_value = node.kind == Kind::Tag;
    if takes_value {
        path.push(format!("{}-tag_value", node.name));
    }
    let data = Data {
        name: &node.name,
        node_type: node.kind.name(),
        help_text: node.help.as_deref(),
        comp_help: Completion { script: node.completion.as_ref().map(|script| [located(script)]) },
        command: node.command.as_ref().map(|command| run_line(command, &path)),
        standalone_help_text: None,
        standalone_command: None,
        constraints: takes_value.then_some(Constraints { regexes: [VTI], validators: [] }),
        constraint_error_message: takes_value.then_some("This is not the name of a VTI"),
        path: &path,
        files: [FILE],
        children: node.children.iter().map(|child| child.name.as_str()).collect(),
    };
    let data = serde_yaml::to_value(data).map_err(|error| unknown(&error.to_string()))?;
    let mut object = Mapping::from_iter([(DATA.into(), data)]);
    for child in &node.children {
        object.insert(child.name.as_str().into(), self::object(child, &path)?);
    }
    Ok(object.into())
}

/// `sudo ${vyos_op_scripts_dir}/x --y="$5"` → `/usr/libexec/vyos/op_mode/x --y={{interface-tag_value}}`: the runner already is root.
fn run_line(command: &str, path: &[String]) -> String {
    let mut line = located(command.strip_prefix("sudo ").unwrap_or(command));
    for (n, word) in path.iter().enumerate() {
        line = line.replace(&format!("\"${}\"", n + 1), &format!("{{{{{word}}}}}"));
    }
    line
}

fn located(command: &str) -> String {
    command.replace("${vyos_op_scripts_dir}", SCRIPTS)
}

/// JSON in the layout of `like`, so that removing our commands restores the original bytes: one line as Python's json.dump writes it, or
/// indented; DEL and other characters than ASCII as `\uXXXX`.
fn write(value: &Value, like: &str) -> Result<String> {
    let mut bytes = Vec::new();
    let written = match like.split_once('\n') {
        Some((_, rest)) if !rest.is_empty() => {
            let indent = " ".repeat(rest.len() - rest.trim_start_matches(' ').len());
            let formatter = PrettyFormatter::with_indent(indent.as_bytes());
            value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        }
        _ => value.serialize(&mut Serializer::with_formatter(&mut bytes, OneLine)),
    };
    written.map_err(|error| unknown(&error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|error| unknown(&error.to_string()))?;
    let mut ascii = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c.is_ascii() && c != '\x7f' {
            ascii.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            ascii.push_str(&format!("\\u{unit:04x}"));
        }
    }
    if like.ends_with('\n') {
        ascii.push('\n');
    }
    Ok(ascii)
}

/// `{"a": [1, 2], "b": null}`
struct OneLine;

impl Formatter for OneLine {
    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
