//! Lists in the entries of other lists, which mostly have one entry themselves: they are read into as much room as they need. A `Vec` of serde
//! has room for four at once, which is most of what a large capture would take. Nothing else of reading is decided here.

use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// The name under which such a list is asked for: a newtype of it, which every form of text passes over. Who counts what is read knows by
/// it how the list grows: by [`more`].
pub const NAME: &str = "a short list";

/// For how many entries more a short list takes room where another one comes after so many; none where it has room.
pub const fn more(entries: usize) -> usize {
    match entries {
        0 => 1,
        full if full.is_power_of_two() => full,
        _ => 0,
    }
}

/// Reads one, for `deserialize_with`.
pub(super) fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_newtype_struct(NAME, Short(PhantomData))
}

struct Short<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Short<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, list: D) -> Result<Vec<T>, D::Error> {
        list.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(entry) = access.next_element()? {
            list.reserve_exact(more(list.len()));
            list.push(entry);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_the_room_that_is_counted() {
        let mut room = 0;
        for length in 0..70 {
            let text = format!("[{}]", vec!["7"; length].join(","));
            let read: Vec<u64> = list(&mut serde_json::Deserializer::from_str(&text)).unwrap();
            assert_eq!((read.len(), read.capacity()), (length, room));
            room += more(length);
        }
        let empty: Vec<u64> = list(serde_yaml::Deserializer::from_str("[]")).unwrap();
        assert_eq!(empty.capacity(), 0);
        let wrong = list::<u8, _>(&mut serde_json::Deserializer::from_str("{}")).unwrap_err();
        assert!(wrong.to_string().starts_with("invalid type: map, expected a sequence"), "{wrong}");
    }
}
