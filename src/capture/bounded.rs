//! Any deserializer of serde, with each value counted against a [`Budget`] before it is built. It knows no form of text: YAML and JSON are
//! read through it. What the values mean, and their errors, are left as they are.

use super::limits::Budget;
use crate::snapshot::short;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use std::fmt;

/// A part of serde's conversation, counted.
pub(super) struct Bounded<'b, T> {
    inner: T,
    budget: &'b Budget,
    depth: usize,
    /// Entries of a list so far.
    entries: usize,
    /// A text of it is kept: it is no name of a field, and none that nobody reads.
    kept: bool,
    /// It is a list that grows as those of [`short`].
    short: bool,
    /// Of a map: it is a structure, whose fields lie in it.
    fields: bool,
    /// Of a map: the size of the key that was read last.
    key: usize,
}

/// A value from a deserializer, within the budget.
///
/// # Errors
/// Those of the deserializer; a sentence of the limit that was reached.
pub(super) fn value<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
    budget: &Budget,
) -> Result<T, D::Error> {
    T::deserialize(Bounded::new(deserializer, budget, 0))
}

impl<'b, T> Bounded<'b, T> {
    fn new(inner: T, budget: &'b Budget, depth: usize) -> Self {
        Self { inner, budget, depth, entries: 0, kept: true, short: false, fields: false, key: 0 }
    }

    fn with<U>(&self, inner: U) -> Bounded<'b, U> {
        Bounded::new(inner, self.budget, self.depth)
    }

    /// With what is said of the value that is asked for.
    fn same<U>(&self, inner: U) -> Bounded<'b, U> {
        Bounded { short: self.short, fields: self.fields, ..self.with(inner) }
    }

    fn passing<U>(&self, inner: U) -> Bounded<'b, U> {
        Bounded { kept: false, ..self.with(inner) }
    }

    fn text<E: Error>(&self, text: &str) -> Result<(), E> {
        if self.kept { self.budget.text(text.len()) } else { Ok(()) }
    }

    /// The same, and what is in it.
    fn split(self) -> (T, Bounded<'b, ()>) {
        let Self { inner, budget, depth, short, fields, .. } = self;
        (inner, Bounded { short, fields, ..Bounded::new((), budget, depth) })
    }

    fn deeper<U, E: Error>(&self, inner: U) -> Result<Bounded<'b, U>, E> {
        self.budget.depth(self.depth + 1)?;
        Ok(Bounded { depth: self.depth + 1, ..self.same(inner) })
    }
}

macro_rules! deserialize {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            let (inner, context) = self.split();
            inner.$method(context.with(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Bounded<'_, D> {
    type Error = D::Error;

    deserialize! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char deserialize_str
        deserialize_string deserialize_bytes deserialize_byte_buf deserialize_option deserialize_unit deserialize_map
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        inner.deserialize_seq(context.same(visitor))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        inner.deserialize_identifier(context.passing(visitor))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        // serde_json would pass over it without a word to the visitor, however deep it is.
        inner.deserialize_any(context.passing(visitor))
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        inner.deserialize_unit_struct(name, context.with(visitor))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        let visitor = Bounded { short: name == short::NAME, ..context.with(visitor) };
        inner.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        inner.deserialize_tuple(length, context.with(visitor))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        inner.deserialize_tuple_struct(name, length, context.with(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        let visitor = Bounded { fields: true, ..context.with(visitor) };
        inner.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        inner.deserialize_enum(name, variants, context.with(visitor))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visit {
    ($($method:ident($type:ty))*) => {
        $(fn $method<E: Error>(self, value: $type) -> Result<V::Value, E> {
            self.inner.$method(value)
        })*
    };
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Bounded<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    visit! {
        visit_bool(bool) visit_i64(i64) visit_i128(i128) visit_u64(u64) visit_u128(u128) visit_f64(f64) visit_char(char)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.text(text)?;
        self.inner.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.text(text)?;
        self.inner.visit_borrowed_str(text)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<V::Value, E> {
        self.text(&text)?;
        self.inner.visit_string(text)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        inner.visit_some(context.with(deserializer))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<V::Value, D::Error> {
        let (inner, context) = self.split();
        inner.visit_newtype_struct(context.same(deserializer))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let (inner, context) = self.split();
        inner.visit_seq(context.deeper(access)?)
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let (inner, context) = self.split();
        let access = context.deeper(access)?;
        if context.fields {
            return inner.visit_map(access);
        }
        let around = context.budget.enter_map();
        let value = inner.visit_map(access)?;
        context.budget.leave_map(around);
        Ok(value)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        let (inner, context) = self.split();
        inner.visit_enum(context.deeper(access)?)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Bounded<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        let (inner, context) = self.split();
        inner.deserialize(context.with(deserializer))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        // The end of a list is counted as one of its values, too.
        self.budget.value()?;
        let element = self.inner.next_element_seed(Bounded::new(seed, self.budget, self.depth))?;
        if element.is_some() {
            // What is in it was counted as it was read. It has a place once the list has taken room for it, which an empty list never does.
            self.budget.entry(self.entries, size_of::<S::Value>(), self.short)?;
            self.entries += 1;
        }
        Ok(element)
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.budget.value()?;
        self.key = size_of::<S::Value>();
        let seed = self.with(seed);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        // A field lies in its structure, which is counted where it lies; a map of any keys has nodes of its own.
        if !self.fields {
            self.budget.node(self.key.saturating_add(size_of::<S::Value>()))?;
        }
        let seed = self.with(seed);
        self.inner.next_value_seed(seed)
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Bounded<'b, A> {
    type Error = A::Error;
    type Variant = Bounded<'b, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (inner, context) = self.split();
        let (value, variant) = inner.variant_seed(context.with(seed))?;
        Ok((value, context.with(variant)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Bounded<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let (inner, context) = self.split();
        inner.newtype_variant_seed(context.with(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let (inner, context) = self.split();
        inner.tuple_variant(length, context.with(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let (inner, context) = self.split();
        inner.struct_variant(fields, Bounded { fields: true, ..context.with(visitor) })
    }
}
