//! An index that borrows nothing: positions in a list, ordered by the key of its entries. It is kept beside its list; entries are found by
//! binary search.

use std::cmp::Ordering;

/// So many entries with one key are counted one by one.
const FEW: usize = 2;

/// Positions in one list, in the order of a key; entries with equal keys stay in the order of the list.
#[derive(Default)]
pub(super) struct Order(Vec<u32>);

impl Order {
    /// The order of a list by `key`.
    pub fn by<'l, T, K: Ord>(list: &'l [T], key: impl Fn(&'l T) -> K) -> Self {
        Self::among(list, |_| true, key)
    }

    /// The order by `key`, of only those entries that can be looked up by it.
    pub fn among<'l, T, K: Ord>(
        list: &'l [T],
        is_one: impl Fn(&T) -> bool,
        key: impl Fn(&'l T) -> K,
    ) -> Self {
        // The position is part of the sort key, so entries with equal keys stay in the order of the list.
        let mut keyed: Vec<(K, u32)> = list
            .iter()
            .zip(0..)
            .filter(|(entry, _)| is_one(entry))
            .map(|(entry, position)| (key(entry), position))
            .collect();
        keyed.sort_unstable();
        Self(keyed.into_iter().map(|(_, position)| position).collect())
    }

    /// The entries for which `compare` returns equal; it must compare by the same key.
    pub fn find<'l, T>(&'l self, list: &'l [T], compare: impl Fn(&T) -> Ordering) -> Group<'l, T> {
        let compare = |position: &u32| at(list, *position).map_or(Ordering::Less, &compare);
        let start = self.0.partition_point(|position| compare(position) == Ordering::Less);
        let rest = self.0.get(start..).unwrap_or_default();
        // Most keys have one entry or none: a few comparisons tell, where a search among all that follow takes as many as the first one.
        let is_equal = |position: &u32| compare(position) == Ordering::Equal;
        let few = rest.iter().take(FEW).take_while(|position| is_equal(position)).count();
        let more = if few == FEW { rest.get(few..).unwrap_or_default() } else { &[] };
        let count = few + more.partition_point(is_equal);
        Group { list, positions: rest.get(..count).unwrap_or_default() }
    }
}

fn at<T>(list: &[T], position: u32) -> Option<&T> {
    list.get(usize::try_from(position).ok()?)
}

/// Entries of a list with the same key.
pub struct Group<'l, T> {
    list: &'l [T],
    positions: &'l [u32],
}

impl<'l, T> Group<'l, T> {
    /// How many.
    pub const fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The entries in the order of the index.
    pub fn iter(&self) -> Entries<'l, T> {
        Entries { list: self.list, positions: self.positions.iter() }
    }
}

impl<T> Clone for Group<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Group<'_, T> {}

impl<T> Default for Group<'_, T> {
    fn default() -> Self {
        Self { list: &[], positions: &[] }
    }
}

impl<'l, T> IntoIterator for Group<'l, T> {
    type Item = &'l T;
    type IntoIter = Entries<'l, T>;

    fn into_iter(self) -> Entries<'l, T> {
        self.iter()
    }
}

/// The entries of a [`Group`].
#[derive(Clone)]
pub struct Entries<'l, T> {
    list: &'l [T],
    positions: std::slice::Iter<'l, u32>,
}

impl<'l, T> Iterator for Entries<'l, T> {
    type Item = &'l T;

    fn next(&mut self) -> Option<&'l T> {
        self.positions.find_map(|position| at(self.list, *position))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.positions.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_with_one_key_are_found_in_the_order_of_the_list() {
        let list = [(2, 'a'), (1, 'b'), (2, 'c'), (3, 'd')];
        let order = Order::by(&list, |entry| entry.0);
        let found = |key: u8| -> String {
            order.find(&list, |entry| entry.0.cmp(&key)).into_iter().map(|entry| entry.1).collect()
        };
        assert_eq!([0, 1, 2, 3, 4].map(found), ["", "b", "ac", "d", ""]);
        assert_eq!(order.find(&list, |entry| entry.0.cmp(&2)).len(), 2);
    }

    #[test]
    fn another_list_gives_other_entries_and_no_panic() {
        let order = Order::by(&[3, 1, 2], |number| *number);
        assert_eq!(order.find(&[1], |number: &i32| number.cmp(&1)).iter().count(), 1);
    }
}
