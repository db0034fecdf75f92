//! Values as YAML text, for captures and reports: block style, the same for readers of YAML 1.2 and of YAML 1.1 (PyYAML). It is a serializer of
//! serde that writes each value as it comes: it builds no tree and keeps no text, for the captures of large routers are large. Where the
//! text goes, it does not know. `serializer` says what serde's kinds of values are in YAML, `scalar` which texts need quotes.
//!
//! serde_yaml writes plain what YAML 1.2 takes for a string, and PyYAML reads some of that as a number, a boolean, a time or a date (`no`,
//! `1_000`, `2001:1:2:3:4:5:6:7`). It also leaves characters as they are that cannot be seen, or that a terminal acts on; here all but
//! printable ASCII is escaped, and reads back as it was. Enums with data are maps of one key (`other: 9`), not tags (`!other 9`), which other
//! programs refuse.

#![deny(clippy::disallowed_methods)]

mod scalar;
mod serializer;

use scalar::{is_plain, quote};
use serde::ser::{self, Serialize};
use std::fmt::{self, Write};

/// Writes a value as a document, with a line end.
///
/// # Errors
/// `out` takes no more, or a value says that it cannot be written.
pub fn write(value: &(impl Serialize + ?Sized), out: &mut dyn Write) -> Result<(), Error> {
    value.serialize(Node { out, depth: 0, follows: Follows::Nothing })?;
    out.write_char('\n')?;
    Ok(())
}

/// A value as a document.
///
/// # Errors
/// A value says that it cannot be written.
pub fn text(value: &(impl Serialize + ?Sized)) -> Result<String, Error> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

/// Why a value could not be written.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(why: T) -> Self {
        Self(why.to_string())
    }
}

impl From<fmt::Error> for Error {
    fn from(_: fmt::Error) -> Self {
        Self("the text cannot be written any further".into())
    }
}

/// What stands before a value on its line.
#[derive(Clone, Copy)]
enum Follows {
    /// Nothing, or `- ` of a list: the value goes on there.
    Nothing,
    /// `key:`
    Key,
}

/// A place for one value. `depth` is the column of the keys or dashes that it may write; after a key, the column of that key.
struct Node<'w> {
    out: &'w mut dyn Write,
    depth: usize,
    follows: Follows,
}

impl<'w> Node<'w> {
    /// A value on its line.
    fn scalar(self, text: &str) -> Result<(), Error> {
        if let Follows::Key = self.follows {
            self.out.write_char(' ')?;
        }
        Ok(self.out.write_str(text)?)
    }

    fn display(self, value: impl fmt::Display) -> Result<(), Error> {
        if let Follows::Key = self.follows {
            self.out.write_char(' ')?;
        }
        Ok(write!(self.out, "{value}")?)
    }

    fn string(self, string: &str) -> Result<(), Error> {
        if is_plain(string) {
            return self.scalar(string);
        }
        if let Follows::Key = self.follows {
            self.out.write_char(' ')?;
        }
        Ok(quote(self.out, string)?)
    }

    fn list(self) -> Entries<'w> {
        // Dashes stand below the key, not behind it.
        Entries { node: self, any: false, empty: "[]" }
    }

    fn map(mut self) -> Entries<'w> {
        if let Follows::Key = self.follows {
            self.depth += 2;
        }
        Entries { node: self, any: false, empty: "{}" }
    }

    /// A map of one key, in which a list or a map is to be.
    fn variant(self, name: &str) -> Result<Node<'w>, Error> {
        let mut map = self.map();
        map.key(name)?;
        let Node { out, depth, .. } = map.node;
        Ok(Node { out, depth, follows: Follows::Key })
    }
}

/// A list or a map that is being written. An empty one is only known at its end.
struct Entries<'w> {
    node: Node<'w>,
    any: bool,
    empty: &'static str,
}

impl Entries<'_> {
    /// Goes to where the next entry begins.
    fn next(&mut self) -> fmt::Result {
        if self.any || matches!(self.node.follows, Follows::Key) {
            new_line(self.node.out, self.node.depth)?;
        }
        self.any = true;
        Ok(())
    }

    fn value(
        &mut self,
        value: &(impl Serialize + ?Sized),
        depth: usize,
        follows: Follows,
    ) -> Result<(), Error> {
        value.serialize(Node { out: &mut *self.node.out, depth, follows })
    }

    fn entry(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.next()?;
        self.node.out.write_str("- ")?;
        self.value(value, self.node.depth + 2, Follows::Nothing)
    }

    fn key(&mut self, key: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.next()?;
        self.value(key, self.node.depth, Follows::Nothing)?;
        Ok(self.node.out.write_char(':')?)
    }

    fn value_of_key(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        self.value(value, self.node.depth, Follows::Key)
    }

    fn finish(self) -> Result<(), Error> {
        if self.any { Ok(()) } else { self.node.scalar(self.empty) }
    }
}

fn new_line(out: &mut dyn Write, depth: usize) -> fmt::Result {
    write!(out, "\n{:depth$}", "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    enum Choice {
        Nothing,
        One(u8),
        Two(u8, String),
        Fields { a: Vec<u8>, b: Option<u8> },
    }

    #[derive(Serialize)]
    struct All {
        name: &'static str,
        lists: Vec<Vec<Vec<u8>>>,
        none: Vec<u8>,
        map: BTreeMap<u8, f64>,
        no_map: BTreeMap<u8, f64>,
        choices: Vec<Choice>,
        choice: Choice,
        other: Choice,
    }

    #[test]
    fn what_is_written_is_what_serde_yaml_reads_from_its_own_text() {
        let choices = || {
            vec![
                Choice::Nothing,
                Choice::One(9),
                Choice::Two(1, "no\u{202e}\n".into()),
                Choice::Fields { a: vec![], b: None },
                Choice::Fields { a: vec![1, 2], b: Some(3) },
            ]
        };
        let all = All {
            name: "vti1",
            lists: vec![vec![vec![1, 2], vec![]], vec![], vec![vec![3]]],
            none: vec![],
            map: BTreeMap::from([(1, 0.5), (2, f64::INFINITY), (3, 1e300)]),
            no_map: BTreeMap::new(),
            choices: choices(),
            choice: Choice::Two(7, String::new()),
            other: Choice::Fields { a: vec![1], b: Some(1) },
        };
        let tree = serde_yaml::with::singleton_map_recursive::serialize(
            &all,
            serde_yaml::value::Serializer,
        );
        let ours = text(&all).unwrap();
        assert_eq!(
            serde_yaml::from_str::<serde_yaml::Value>(&ours).unwrap(),
            tree.unwrap(),
            "{ours}"
        );
        for (value, expected) in [
            (text(&choices()[1]), "One: 9\n"),
            (text(&[[0_u8; 2]; 2]), "- - 0\n  - 0\n- - 0\n  - 0\n"),
            (text(&BTreeMap::from([("a", [()])])), "a:\n- null\n"),
            (text(&BTreeMap::from([("a", BTreeMap::from([("b", "1.0")]))])), "a:\n  b: \"1.0\"\n"),
            (text(&[BTreeMap::from([("a", [0_u8; 0]), ("b", [])])]), "- a: []\n  b: []\n"),
            (text(&[0_u8; 0]), "[]\n"),
        ] {
            assert_eq!(value.unwrap(), expected);
        }
    }

    #[test]
    fn whoever_takes_no_more_ends_it() {
        struct Full;
        impl Write for Full {
            fn write_str(&mut self, _: &str) -> fmt::Result {
                Err(fmt::Error)
            }
        }
        assert!(write(&[1], &mut Full).is_err());
    }
}
