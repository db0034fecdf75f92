//! Op-mode XML → a tree of nodes. It accepts what our own definition uses and rejects the rest of VyOS's schema, so that nothing is lost
//! silently. The schemas are checked in the tests.

use crate::error::{Error, Result};
use roxmltree::{Document, Node as Element};

/// The kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A fixed word, alone or with words after it.
    Node,
    /// A fixed word and a value.
    Tag,
    /// A fixed word at the end.
    Leaf,
}

impl Kind {
    /// The element's name in the XML.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Node => "node",
            Kind::Tag => "tagNode",
            Kind::Leaf => "leafNode",
        }
    }
}

/// One word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its kind.
    pub kind: Kind,
    /// The word.
    pub name: String,
    /// One line for the operator.
    pub help: Option<String>,
    /// Of a tag node: a command that prints the possible values.
    pub completion: Option<String>,
    /// The command to run, with `"$N"` for the N-th word. A node without one is VyOS's own.
    pub command: Option<String>,
    /// The words that may follow.
    pub children: Vec<Node>,
}

/// The nodes at the top of a definition.
///
/// # Errors
/// `IncorrectValue`: no XML, or an unknown element.
pub fn parse(xml: &str) -> Result<Vec<Node>> {
    let document = Document::parse(xml)
        .map_err(|error| refused(&format!("the op-mode definition is not XML: {error}")))?;
    let root = document.root_element();
    if !root.has_tag_name("interfaceDefinition") {
        return Err(unknown(root));
    }
    root.children().filter(Element::is_element).map(node).collect()
}

fn node(element: Element) -> Result<Node> {
    let kind = [Kind::Node, Kind::Tag, Kind::Leaf].into_iter();
    let Some(kind) = kind.clone().find(|kind| element.has_tag_name(kind.name())) else {
        return Err(unknown(element));
    };
    let name = element.attribute("name").ok_or_else(|| refused("a node has no name"))?;
    let mut node = Node {
        kind,
        name: name.to_string(),
        help: None,
        completion: None,
        command: None,
        children: Vec::new(),
    };
    for part in element.children().filter(Element::is_element) {
        match part.tag_name().name() {
            "properties" => properties(part, &mut node)?,
            "command" => node.command = Some(text(part)),
            "children" => {
                let children = part.children().filter(Element::is_element).map(self::node);
                node.children = children.collect::<Result<_>>()?;
            }
            _ => return Err(unknown(part)),
        }
    }
    Ok(node)
}

/// Help and completion. Completion is by scripts only: lists from VyOS's configuration are compiled differently in each release.
fn properties(element: Element, node: &mut Node) -> Result<()> {
    for property in element.children().filter(Element::is_element) {
        let script = property.children().find(|child| child.has_tag_name("script"));
        match (property.tag_name().name(), script) {
            ("help", _) => node.help = Some(text(property)),
            ("completionHelp", Some(script)) => node.completion = Some(text(script)),
            _ => return Err(unknown(property)),
        }
    }
    Ok(())
}

fn text(element: Element) -> String {
    element.text().unwrap_or_default().trim().to_string()
}

fn unknown(element: Element) -> Error {
    let name = element.tag_name().name();
    refused(&format!("the op-mode definition has an unknown element: {name}"))
}

fn refused(what: &str) -> Error {
    Error::IncorrectValue(what.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_definition_is_understood() {
        let nodes = parse(crate::opmode::XML).unwrap();
        let [show] = nodes.as_slice() else { panic!("{nodes:?}") };
        assert_eq!(
            (show.kind, show.name.as_str(), show.command.as_ref()),
            (Kind::Node, "show", None)
        );
        let vpn = &show.children[0];
        let ours = &vpn.children[0];
        assert_eq!(
            ours.command.as_deref(),
            Some("sudo ${vyos_op_scripts_dir}/vti_diagnostics show")
        );
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let inside = |part: &str| {
            parse(&format!(
                "<interfaceDefinition><node name=\"a\">{part}</node></interfaceDefinition>"
            ))
        };
        assert!(inside("").is_ok());
        for part in [
            "<standalone/>",
            "<children><virtualTagNode/></children>",
            "<children><node/></children>",
            "<properties><constraint/></properties>",
            "<properties><completionHelp><path>vpn</path></completionHelp></properties>",
        ] {
            assert!(inside(part).is_err(), "{part}");
        }
        assert!(parse("").is_err());
        assert!(parse("<other/>").is_err());
    }
}
