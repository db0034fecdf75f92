//! What serde's kinds of values are in YAML: scalars, lists, and maps; a variant with data is a map of one key. How these are laid out, it does
//! not know.

use super::{Entries, Error, Node};
use serde::ser::{self, Serialize, Serializer};
use serde_yaml::Number;

macro_rules! numbers {
    ($($method:ident($type:ty))*) => {
        $(fn $method(self, value: $type) -> Result<(), Error> {
            self.display(value)
        })*
    };
}

impl<'w> Serializer for Node<'w> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Entries<'w>;
    type SerializeTuple = Entries<'w>;
    type SerializeTupleStruct = Entries<'w>;
    type SerializeTupleVariant = Entries<'w>;
    type SerializeMap = Entries<'w>;
    type SerializeStruct = Entries<'w>;
    type SerializeStructVariant = Entries<'w>;

    numbers! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64) serialize_u8(u8) serialize_u16(u16)
        serialize_u32(u32) serialize_u64(u64)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        self.display(Number::from(value))
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        self.display(Number::from(value))
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.string(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.string(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Error> {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.scalar("null")
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.string(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self.variant(variant)?)
    }

    fn serialize_seq(self, _length: Option<usize>) -> Result<Entries<'w>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple(self, _length: usize) -> Result<Entries<'w>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple_struct(
        self,
        _name: &'static str,
        _length: usize,
    ) -> Result<Entries<'w>, Error> {
        Ok(self.list())
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Entries<'w>, Error> {
        Ok(self.variant(variant)?.list())
    }

    fn serialize_map(self, _length: Option<usize>) -> Result<Entries<'w>, Error> {
        Ok(self.map())
    }

    fn serialize_struct(self, _name: &'static str, _length: usize) -> Result<Entries<'w>, Error> {
        Ok(self.map())
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _length: usize,
    ) -> Result<Entries<'w>, Error> {
        Ok(self.variant(variant)?.map())
    }
}

macro_rules! entries {
    ($($trait:ident::$method:ident)*) => {
        $(impl ser::$trait for Entries<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.entry(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        })*
    };
}
entries! {
    SerializeSeq::serialize_element SerializeTuple::serialize_element SerializeTupleStruct::serialize_field
    SerializeTupleVariant::serialize_field
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value_of_key(value)
    }

    fn end(self) -> Result<(), Error> {
        self.finish()
    }
}

macro_rules! fields {
    ($($trait:ident)*) => {
        $(impl ser::$trait for Entries<'_> {
            type Ok = ();
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Error> {
                self.key(name)?;
                self.value_of_key(value)
            }

            fn end(self) -> Result<(), Error> {
                self.finish()
            }
        })*
    };
}
fields! { SerializeStruct SerializeStructVariant }
