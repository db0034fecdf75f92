//! Our entry in `/usr/share/vyos/op_cache.json`, from which VyOS (2025-08 and later) runs the commands of operators. The whole file is
//! made while VyOS is built, without a place for additions, so ours is put into the text and taken out of it.
//!
//! A node whose members are not those known here means a runner that is not known either; it reads all nodes or none, so then nothing is
//! changed.

use super::definition::{self, Kind, Node};
use super::node_def;
use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter, Serializer};
// Values that keep the order of their members; those of serde_json do not.
use serde_yaml::{Mapping, Value};
use std::io::{self, Write};

/// Where our commands stand. What we have below `show interfaces vti` is left out: there the value is not the last word, the runner
/// would not check it, and it hands the line to a shell as root.
const PARENT: [&str; 2] = ["show", "vpn"];
const NAME: &str = "vti-diagnostics";
/// The member of a node that is its description.
const DATA: &str = "__node_data";
/// In the description: the XML that a node comes from, which tells our entry from another's.
const FILE: &str = "vti-diagnostics.xml";
/// The runner knows the variable in no other form than this value.
const SCRIPTS: &str = "/usr/libexec/vyos/op_mode";
/// What the runner demands of a value. It is anchored, whether the runner does that too or not.
const VTI: &str = "^vti[0-9]+$";

/// The text with our commands of this version in it, written as the given one is; `None` where it has them already.
///
/// # Errors
/// `IncorrectValue`: no JSON, a shape that is not known, or another's commands of our name.
pub fn install(text: &str) -> Result<Option<String>> {
    let mut cache = parse(text)?;
    let before = cache.clone();
    let entry = entry()?;
    let parent = parent(&mut cache, &entry)?;
    if parent.get(NAME).is_some_and(|present| !is_ours(present)) {
        return Err(unknown("show vpn vti-diagnostics is another's"));
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
/// `IncorrectValue`: no JSON, or a shape that is not known although our commands are in it.
pub fn remove(text: &str) -> Result<Option<String>> {
    let mut cache = parse(text)?;
    let before = cache.clone();
    let present = PARENT.iter().try_fold(&before, |node, word| node.get(word));
    if !present.and_then(|parent| parent.get(NAME)).is_some_and(is_ours) {
        return Ok(None);
    }
    let parent = parent(&mut cache, &entry()?)?;
    // The order of the others stays.
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

/// The node that ours hangs on, if its description has exactly the members that ours has.
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
        return Err(unknown("show vpn is described in another way"));
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
    Error::IncorrectValue(format!("this is no op_cache.json as it is known here: {what}"))
}

/// Our commands as the cache has them.
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

/// The description of a node: all members, in the order in which VyOS writes them.
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

/// A node and those below it. `path` is that of its parent.
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

/// `sudo ${vyos_op_scripts_dir}/x --y="$5"` → `/usr/libexec/vyos/op_mode/x --y={{interface-tag_value}}`: the runner is root already.
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

/// JSON in the form of `like`, so that taking our commands out gives the bytes of before: one line as Python's json.dump writes it, or
/// with indents; DEL and other characters than ASCII as `\uXXXX`.
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
