//! Any serializer of serde, with each text shown to somebody first, who may put another in its place. It knows where a text stands, and not
//! what is right there; it builds no tree, and keeps no text.

use serde::ser::{
    Error, Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant,
    SerializeTuple, SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use std::borrow::Cow;
use std::cell::RefCell;

/// Who looks at the texts.
pub(super) trait Change {
    /// What stands for the text at `key` of `object`; none where it stays. Entries of a list are where the list is. `seen` only says
    /// that a value was read: what is in it has for its object the field that was read.
    ///
    /// # Errors
    /// The text may not be passed on.
    fn change(&mut self, text: &str, object: &str, key: &str) -> Result<Option<String>, String>;
}

type Name = Cow<'static, str>;

/// Serializes a value with the texts that `change` says.
pub(super) fn serialize<S: Serializer, C: Change>(
    value: &impl Serialize,
    serializer: S,
    change: &mut C,
) -> Result<S::Ok, S::Error> {
    let change = RefCell::new(change);
    let context = Context { change: &change, object: "".into(), key: "".into() };
    context.with(value).serialize(serializer)
}

/// Where a value stands, and who looks at it.
struct Context<'c, C> {
    change: &'c RefCell<&'c mut C>,
    object: Name,
    key: Name,
}

// By hand: derived, it would want the same of `C`.
impl<C> Clone for Context<'_, C> {
    fn clone(&self) -> Self {
        Self { change: self.change, object: self.object.clone(), key: self.key.clone() }
    }
}

impl<'c, C> Context<'c, C> {
    /// The context of what stands at `key` of the value of this context.
    fn at(&self, key: impl Into<Name>) -> Self {
        let object = if self.key == "seen" { &self.object } else { &self.key };
        Self { change: self.change, object: object.clone(), key: key.into() }
    }

    fn with<'v, T: ?Sized>(&self, value: &'v T) -> Value<'v, 'c, T, C> {
        Value { value, context: self.clone() }
    }
}

/// A value where it stands.
struct Value<'v, 'c, T: ?Sized, C> {
    value: &'v T,
    context: Context<'c, C>,
}

impl<T: Serialize + ?Sized, C: Change> Serialize for Value<'_, '_, T, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Texts { inner: serializer, context: self.context.clone() })
    }
}

/// A part of serde's conversation, where it stands.
struct Texts<'c, S, C> {
    inner: S,
    context: Context<'c, C>,
}

impl<C: Change, S: Serializer> Texts<'_, S, C> {
    fn changed(&self, text: &str) -> Result<Option<String>, S::Error> {
        let Context { change, object, key } = &self.context;
        change.borrow_mut().change(text, object, key).map_err(S::Error::custom)
    }
}

macro_rules! as_it_is {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

impl<'c, S: Serializer, C: Change> Serializer for Texts<'c, S, C> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Texts<'c, S::SerializeSeq, C>;
    type SerializeTuple = Texts<'c, S::SerializeTuple, C>;
    type SerializeTupleStruct = Texts<'c, S::SerializeTupleStruct, C>;
    type SerializeTupleVariant = Texts<'c, S::SerializeTupleVariant, C>;
    type SerializeMap = Texts<'c, S::SerializeMap, C>;
    type SerializeStruct = Texts<'c, S::SerializeStruct, C>;
    type SerializeStructVariant = Texts<'c, S::SerializeStructVariant, C>;

    as_it_is! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_i128(i128) serialize_u8(u8)
        serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_u128(u128) serialize_f32(f32) serialize_f64(f64)
        serialize_bytes(&[u8]) serialize_unit_struct(&'static str)
    }

    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, text: &str) -> Result<S::Ok, S::Error> {
        match self.changed(text)? {
            Some(other) => self.inner.serialize_str(&other),
            None => self.inner.serialize_str(text),
        }
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.serialize_some(&self.context.with(value))
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    /// The name of a variant is a text like others.
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        match self.changed(variant)? {
            Some(other) => self.inner.serialize_str(&other),
            None => self.inner.serialize_unit_variant(name, index, variant),
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_struct(name, &self.context.with(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = self.context.at(variant).with(value);
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Texts { inner: self.inner.serialize_seq(length)?, context: self.context })
    }

    fn serialize_tuple(self, length: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Texts { inner: self.inner.serialize_tuple(length)?, context: self.context })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        let inner = self.inner.serialize_tuple_struct(name, length)?;
        Ok(Texts { inner, context: self.context })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let inner = self.inner.serialize_tuple_variant(name, index, variant, length)?;
        Ok(Texts { inner, context: self.context.at(variant) })
    }

    fn serialize_map(self, length: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        // Its keys come one by one: the context is that of a value, once there is one.
        Ok(Texts { inner: self.inner.serialize_map(length)?, context: self.context.at("") })
    }

    fn serialize_struct(
        self,
        name: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        let inner = self.inner.serialize_struct(name, length)?;
        Ok(Texts { inner, context: self.context })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let inner = self.inner.serialize_struct_variant(name, index, variant, length)?;
        Ok(Texts { inner, context: self.context.at(variant) })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! entries {
    ($($trait:ident::$method:ident)*) => {
        $(impl<S: $trait, C: Change> $trait for Texts<'_, S, C> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.inner.$method(&self.context.with(value))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}
entries! {
    SerializeSeq::serialize_element SerializeTuple::serialize_element SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

impl<S: SerializeMap, C: Change> SerializeMap for Texts<'_, S, C> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        // As JSON has keys.
        self.context.key = match serde_json::to_value(key).map_err(S::Error::custom)? {
            serde_json::Value::String(text) => text.into(),
            other => other.to_string().into(),
        };
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.inner.serialize_value(&self.context.with(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {
        $(impl<S: $trait, C: Change> $trait for Texts<'_, S, C> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                self.inner.serialize_field(name, &self.context.at(name).with(value))
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}
fields! { SerializeStruct SerializeStructVariant }

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Serialize;

    #[derive(Serialize)]
    struct Root {
        plain: &'static str,
        list: Vec<Entry>,
        read: Observed,
    }

    #[derive(Serialize)]
    struct Observed {
        seen: Vec<Entry>,
    }

    #[derive(Serialize)]
    struct Entry {
        #[serde(flatten)]
        kind: Kind,
        word: Word,
        texts: Option<(&'static str, u8)>,
    }

    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Kind {
        A { inner: &'static str },
    }

    #[derive(Serialize)]
    enum Word {
        One,
        Other(&'static str),
        Two(&'static str, u8),
        Fields { name: &'static str },
    }

    /// Writes down each place, and says "x" of one text.
    struct Places(Vec<String>);

    impl Change for Places {
        fn change(
            &mut self,
            text: &str,
            object: &str,
            key: &str,
        ) -> Result<Option<String>, String> {
            self.0.push(format!("{object}.{key} {text}"));
            match text {
                "refused" => Err(format!("{object}.{key} is refused")),
                "a" => Ok(Some("x".into())),
                _ => Ok(None),
            }
        }
    }

    fn entry(word: Word) -> Entry {
        Entry { kind: Kind::A { inner: "a" }, word, texts: Some(("b", 1)) }
    }

    #[test]
    fn each_text_has_the_place_that_it_has_in_a_tree() {
        let root = Root {
            plain: "a",
            list: vec![entry(Word::One), entry(Word::Other("c"))],
            read: Observed {
                seen: vec![entry(Word::Two("d", 1)), entry(Word::Fields { name: "e" })],
            },
        };
        let mut places = Places(Vec::new());
        let value = serialize(&root, serde_json::value::Serializer, &mut places).unwrap();
        let mut expected = serde_json::to_value(&root).unwrap();
        expected["plain"] = "x".into();
        for list in ["/list", "/read/seen"] {
            for entry in expected.pointer_mut(list).unwrap().as_array_mut().unwrap() {
                entry["inner"] = "x".into();
            }
        }
        assert_eq!(value, expected);
        let of_entry = |object: &str, word: &str| {
            [
                format!("{object}.kind A"),
                format!("{object}.inner a"),
                word.to_owned(),
                format!("{object}.texts b"),
            ]
        };
        let all = [
            vec![".plain a".to_owned()],
            of_entry("list", "list.word One").into(),
            of_entry("list", "word.Other c").into(),
            of_entry("read", "word.Two d").into(),
            of_entry("read", "Fields.name e").into(),
        ];
        assert_eq!(places.0, all.concat());
    }

    #[test]
    fn a_text_that_is_refused_ends_it() {
        let error = serialize(&["refused"], serde_json::value::Serializer, &mut Places(vec![]));
        assert_eq!(error.unwrap_err().to_string(), ". is refused");
    }
}
