//! One YAML document as values: serde's data model in front of granit-parser's events. It builds nothing by itself, and knows nothing of
//! captures or limits.
//!
//! Captures come from strangers, so the text meets safe Rust alone (serde_yaml's parser is libyaml, translated from C), and an event at a
//! time: no tree and no list of events. What no capture has is refused instead of being expanded or passed over: anchors and aliases,
//! merge keys, tags but those of YAML itself, directives, a second document. Enums with data are maps of one key.

use super::fault::Fault;
use super::scalar::{is_null, scalar, words};
use granit_parser::{Event, Options, Parser, ScalarStyle, StrInput, Tag};
use serde::de::value::CowStrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use std::borrow::Cow;

type Result<T> = std::result::Result<T, Fault>;

/// What stands next in the text.
enum Node<'t> {
    /// A text, and whether it stands without quotes: then it may be a number.
    Scalar(Cow<'t, str>, bool),
    List,
    Map,
    /// Of a list or a map, of the document, or of all.
    End,
}

/// A YAML text, read from its beginning.
pub(super) struct Document<'t> {
    parser: Parser<'t, StrInput<'t>>,
    /// The next node and its line, if it was looked at.
    next: Option<(Node<'t>, usize)>,
}

impl<'t> Document<'t> {
    /// At the beginning of a text.
    pub fn new(text: &'t str) -> Self {
        let mut options = Options::default();
        options.disallow_directives = true;
        // More than the parser looks ahead: who reads the values has a limit of its own, and says so.
        (options.flow_nesting_limit, options.block_nesting_limit) = (2048, 2048);
        Self { parser: Parser::new_from_str_with_options(text, options), next: None }
    }

    /// Checks that nothing follows the value.
    pub fn end(mut self) -> Result<()> {
        loop {
            let (event, line) = self.event()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentEnd => {}
                Event::DocumentStart(..) => {
                    return Err(Fault::custom("it has more than one document").at(line));
                }
                _ => return Err(Fault::custom("more text follows after its end").at(line)),
            }
        }
    }

    fn event(&mut self) -> Result<(Event<'t>, usize)> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line())),
            Some(Err(error)) => Err(error.into()),
            None => Ok((Event::StreamEnd, 0)),
        }
    }

    fn take(&mut self) -> Result<(Node<'t>, usize)> {
        match self.next.take() {
            Some(next) => Ok(next),
            None => self.read(),
        }
    }

    fn peek(&mut self) -> Result<&(Node<'t>, usize)> {
        let next = self.take()?;
        Ok(self.next.insert(next))
    }

    fn read(&mut self) -> Result<(Node<'t>, usize)> {
        loop {
            let (event, line) = self.event()?;
            let refused = |why: &str| Err(Fault::custom(why).at(line));
            let node = match event {
                Event::Scalar(_, _, 1.., _)
                | Event::SequenceStart(_, 1.., _)
                | Event::MappingStart(_, 1.., _)
                | Event::Alias(_) => {
                    return refused(
                        "it has a YAML anchor or alias (&name, *name), which no capture has",
                    );
                }
                Event::Scalar(text, style, _, tag) => {
                    let is_text = makes_a_text(tag).map_err(|fault| fault.at(line))?;
                    Node::Scalar(text, style == ScalarStyle::Plain && !is_text)
                }
                Event::SequenceStart(_, _, tag) => {
                    makes_a_text(tag).map_err(|fault| fault.at(line))?;
                    Node::List
                }
                Event::MappingStart(_, _, tag) => {
                    makes_a_text(tag).map_err(|fault| fault.at(line))?;
                    Node::Map
                }
                Event::SequenceEnd | Event::MappingEnd | Event::DocumentEnd | Event::StreamEnd => {
                    Node::End
                }
                _ => continue,
            };
            return Ok((node, line));
        }
    }

    /// A value in the form that it has.
    fn any<V: Visitor<'t>>(&mut self, visitor: V) -> Result<V::Value> {
        let (node, line) = self.take()?;
        let value = match node {
            Node::Scalar(text, is_plain) => scalar(text, is_plain, visitor),
            Node::List => self.inside(|access| visitor.visit_seq(access)),
            Node::Map => self.inside(|access| visitor.visit_map(access)),
            Node::End => Err(Fault::custom("a value is missing")),
        };
        value.map_err(|fault| fault.at(line))
    }

    /// What is in a list or a map, after its beginning; `read` must read all of it.
    fn inside<T>(&mut self, read: impl FnOnce(&mut Access<'_, 't>) -> Result<T>) -> Result<T> {
        let mut access = Access::new(self);
        let value = read(&mut access)?;
        access.finish()?;
        Ok(value)
    }

    /// A text, also where it could be a number without quotes.
    fn text<V: Visitor<'t>>(&mut self, visitor: V) -> Result<V::Value> {
        if !matches!(self.peek()?.0, Node::Scalar(..)) {
            return self.any(visitor);
        }
        match self.take()? {
            (Node::Scalar(text, _), line) => {
                words(text, visitor).map_err(|fault: Fault| fault.at(line))
            }
            (_, line) => Err(Fault::custom("a text is missing").at(line)),
        }
    }

    /// A value that may be left empty: `key:`.
    fn or_empty<V: Visitor<'t>>(
        &mut self,
        visitor: V,
        empty: impl FnOnce(V) -> Result<V::Value>,
    ) -> Result<V::Value> {
        match self.peek()? {
            (Node::Scalar(text, true), _) if text.is_empty() => {
                let (_, line) = self.take()?;
                empty(visitor).map_err(|fault| fault.at(line))
            }
            _ => self.any(visitor),
        }
    }
}

/// Whether a tag makes a text of what could be a number.
///
/// # Errors
/// It is none of YAML itself.
fn makes_a_text(tag: Option<Cow<'_, Tag>>) -> Result<bool> {
    let Some(tag) = tag else { return Ok(false) };
    match tag.core_suffix() {
        Some("str") => Ok(true),
        Some("null" | "bool" | "int" | "float" | "seq" | "map") => Ok(false),
        _ => Err(Fault::custom(format_args!("it has the YAML tag {tag}, which no capture has"))),
    }
}

impl<'de> Deserializer<'de> for &mut Document<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.any(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.text(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.text(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.text(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.peek()? {
            (Node::Scalar(text, true), _) if is_null(text) => {
                self.take()?;
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let none = || std::iter::empty::<()>();
        self.or_empty(visitor, |visitor| visitor.visit_seq(de::value::SeqDeserializer::new(none())))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        // A structure of serde can be a list of its fields; in a capture it is not.
        if let (Node::List, line) = self.peek()? {
            let line = *line;
            return Err(Fault::invalid_type(Unexpected::Seq, &visitor).at(line));
        }
        let none = || std::iter::empty::<((), ())>();
        self.or_empty(visitor, |visitor| visitor.visit_map(de::value::MapDeserializer::new(none())))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_map(visitor)
    }

    /// The name of a variant, or a map of its name alone.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let (node, line) = self.take()?;
        let value = match node {
            Node::Scalar(text, _) => visitor.visit_enum(CowStrDeserializer::new(text)),
            Node::Map => visitor.visit_enum(Access::new(self)),
            Node::List => Err(Error::invalid_type(Unexpected::Seq, &visitor)),
            Node::End => Err(Fault::custom("a value is missing")),
        };
        value.map_err(|fault| fault.at(line))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bytes byte_buf unit unit_struct tuple tuple_struct ignored_any
    }
}

/// A list or a map that is being read.
struct Access<'d, 't> {
    document: &'d mut Document<'t>,
    index: usize,
    ended: bool,
    /// The key of the value that comes next.
    key: Option<Cow<'t, str>>,
}

impl<'d, 't> Access<'d, 't> {
    /// After its beginning.
    fn new(document: &'d mut Document<'t>) -> Self {
        Self { document, index: 0, ended: false, key: None }
    }

    /// Whether it ends here.
    fn has_ended(&mut self) -> Result<bool> {
        if !self.ended && matches!(self.document.peek()?.0, Node::End) {
            self.document.take()?;
            self.ended = true;
        }
        Ok(self.ended)
    }

    /// Checks that all of it was read.
    fn finish(&mut self) -> Result<()> {
        if self.has_ended()? { Ok(()) } else { Err(Fault::custom("it has too many entries")) }
    }

    /// Reads a key, and remembers it for what is said of its value.
    fn key<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value> {
        let (node, line) = self.document.peek()?;
        let (line, key) = match node {
            Node::Scalar(text, is_plain) if !(*is_plain && text == "<<") => (*line, text.clone()),
            Node::Scalar(..) => {
                let why = "it has a YAML merge key (<<), which no capture has";
                return Err(Fault::custom(why).at(*line));
            }
            _ => return Err(Fault::custom("a key is not a text").at(*line)),
        };
        self.key = Some(key);
        seed.deserialize(&mut *self.document).map_err(|fault| fault.at(line))
    }

    fn within(&mut self, fault: Fault) -> Fault {
        fault.under(self.key.take().unwrap_or_default().into_owned())
    }

    /// The value of a variant, which must be all that the map has.
    fn only<T>(mut self, read: impl FnOnce(&mut Document<'t>) -> Result<T>) -> Result<T> {
        let value = read(self.document).map_err(|fault| self.within(fault))?;
        self.finish()?;
        Ok(value)
    }
}

impl<'t> SeqAccess<'t> for &mut Access<'_, 't> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.has_ended()? {
            return Ok(None);
        }
        let value = seed.deserialize(&mut *self.document);
        let value = value.map_err(|fault| fault.under(format!("[{}]", self.index)))?;
        self.index += 1;
        Ok(Some(value))
    }
}

impl<'t> MapAccess<'t> for &mut Access<'_, 't> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        if self.has_ended()? { Ok(None) } else { self.key(seed).map(Some) }
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(&mut self, seed: S) -> Result<S::Value> {
        seed.deserialize(&mut *self.document).map_err(|fault| self.within(fault))
    }
}

impl<'t> EnumAccess<'t> for Access<'_, 't> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'t>>(mut self, seed: S) -> Result<(S::Value, Self)> {
        if self.has_ended()? {
            return Err(Fault::custom("expected a map of one key, the name of the variant"));
        }
        let name = self.key(seed)?;
        Ok((name, self))
    }
}

impl<'t> VariantAccess<'t> for Access<'_, 't> {
    type Error = Fault;

    fn unit_variant(self) -> Result<()> {
        self.only(|document| <()>::deserialize(document))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'t>>(self, seed: S) -> Result<S::Value> {
        self.only(|document| seed.deserialize(document))
    }

    fn tuple_variant<V: Visitor<'t>>(self, _length: usize, visitor: V) -> Result<V::Value> {
        self.only(|document| document.deserialize_seq(visitor))
    }

    fn struct_variant<V: Visitor<'t>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.only(|document| document.deserialize_map(visitor))
    }
}
