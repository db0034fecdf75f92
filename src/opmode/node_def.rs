//! Nodes → node.def files, the tree that VyOS's shell walks in every release: one directory for each word, `node.tag` for a value.
//! Only nodes with a command are written: the others are owned by VyOS's packages, and dpkg refuses a package that ships them too.

use super::definition::{Kind, Node};
use crate::error::{Error, Result};

/// The files of these nodes: path below the tree of templates, and text.
///
/// # Errors
/// `IncorrectValue`: one of our nodes has no help.
pub fn files(nodes: &[Node]) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for node in nodes {
        write(node, "", &mut files)?;
    }
    Ok(files)
}

/// `directory` is empty or ends with a slash.
fn write(node: &Node, directory: &str, files: &mut Vec<(String, String)>) -> Result<()> {
    let word = format!("{directory}{}/", node.name);
    let below = match node.kind {
        Kind::Tag => format!("{word}node.tag/"),
        Kind::Node | Kind::Leaf => word.clone(),
    };
    if let Some(command) = &node.command {
        let help = node.help.as_ref().ok_or_else(|| {
            Error::IncorrectValue(format!("the op-mode node {word} has a command but no help"))
        })?;
        let help = format!("help: {help}\n");
        if node.kind == Kind::Tag {
            files.push((format!("{word}node.def"), help.clone()));
        }
        let allowed = node.completion.as_ref().map(|script| format!("allowed: {script}\n"));
        let text = format!("{help}{}run: {command}\n", allowed.unwrap_or_default());
        files.push((format!("{below}node.def"), text));
    }
    node.children.iter().try_for_each(|child| write(child, &below, files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opmode::definition;

    fn compiled(xml: &str) -> Vec<(String, String)> {
        let xml = format!("<interfaceDefinition>{xml}</interfaceDefinition>");
        files(&definition::parse(&xml).unwrap()).unwrap()
    }

    #[test]
    fn a_word_is_one_file_with_help_and_run() {
        let xml =
            "<node name=\"a\"><properties><help>H</help></properties><command>c</command></node>";
        assert_eq!(compiled(xml), [("a/node.def".to_string(), "help: H\nrun: c\n".to_string())]);
    }

    #[test]
    fn a_value_has_a_file_for_its_word_and_one_for_itself() {
        let xml = "<tagNode name=\"a\"><properties><help>H</help><completionHelp><script>s</script>\
                   </completionHelp></properties><command>c \"$2\"</command></tagNode>";
        let expected = [
            ("a/node.def", "help: H\n"),
            ("a/node.tag/node.def", "help: H\nallowed: s\nrun: c \"$2\"\n"),
        ];
        assert_eq!(compiled(xml), expected.map(|(p, t)| (p.to_string(), t.to_string())));
    }

    #[test]
    fn nodes_without_a_command_are_only_a_way_to_ours() {
        let xml = "<tagNode name=\"a\"><properties><help>theirs</help></properties><children><leafNode name=\"b\">\
                   <properties><help>H</help></properties><command>c</command></leafNode></children></tagNode>";
        let paths: Vec<String> = compiled(xml).into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["a/node.tag/b/node.def"]);
    }

    #[test]
    fn a_command_without_help_is_refused() {
        let nodes = definition::parse(
            "<interfaceDefinition><node name=\"a\"><command>c</command></node></interfaceDefinition>",
        );
        assert!(files(&nodes.unwrap()).is_err());
    }
}
