//! Changes of a tree of JSON: values of the same kind at the ends of what a field can hold, values that no field takes, entries twice,
//! elsewhere and gone, and nesting.

use super::Random;
use serde_json::{Value, json};

/// What a text becomes, by what it looks like.
const ADDRESSES: &[&str] = &[
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "::",
    "::1",
    "ff02::1",
    "fe80::1",
    "::ffff:1.2.3.4",
];
const PREFIXES: &[&str] =
    &["0.0.0.0/0", "::/0", "255.255.255.255/32", "10.0.0.1/32", "::1/127", "0.0.0.0/33"];
const MARKS: &[&str] = &["0x0", "0xffffffff", "0xffffffff/0xffffffff", "0xff/0x0", "0x00000001"];
const TEXTS: &[&str] = &[
    "",
    "true",
    "inet",
    "inet6",
    "unspec",
    "vti",
    "vti6",
    "xfrm",
    "tunnel",
    "beet",
    "out",
    "block",
    "lo",
    "%any",
    "\u{1b}[31m",
    "\u{202e}\u{feff}",
    "\0",
    "\n",
];
const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    32,
    68,
    255,
    256,
    911,
    1280,
    65535,
    65536,
    0x7fff_ffff,
    0xffff_ffff,
    1 << 32,
    u64::MAX >> 1,
    u64::MAX - 1,
    u64::MAX,
];

/// One to some changes.
pub fn mutate(random: &mut Random, tree: &mut Value, other: &Value) {
    loop {
        once(random, tree, other);
        if random.one_in(3) {
            return;
        }
    }
}

fn once(random: &mut Random, tree: &mut Value, other: &Value) {
    let node = node(random, tree);
    match random.below(20) {
        0..13 => like(random, node),
        13 => *node = strange(random),
        14 => *node = pick(random, other).clone(),
        15 | 16 => remove(random, node),
        17 | 18 => again(random, node),
        _ => {
            let most = if random.one_in(8) { 400 } else { 4 };
            for _ in 0..=random.below(most) {
                let inner = node.take();
                *node = if random.one_in(2) { json!([inner]) } else { json!({ "a": inner }) };
            }
        }
    }
}

/// A node of the tree: each step goes down one of the branches, and leaves are likelier than what holds them.
fn node<'a>(random: &mut Random, tree: &'a mut Value) -> &'a mut Value {
    let branches = match tree {
        Value::Array(list) => list.len(),
        Value::Object(map) => map.len(),
        _ => 0,
    };
    if branches == 0 || random.one_in(12) {
        return tree;
    }
    let at = random.below(branches);
    let branch = match tree {
        Value::Array(list) => &mut list[at],
        Value::Object(map) => map.values_mut().nth(at).expect("there are so many"),
        leaf => return leaf,
    };
    node(random, branch)
}

fn pick<'a>(random: &mut Random, mut tree: &'a Value) -> &'a Value {
    loop {
        let stops = random.one_in(6);
        let next = match tree {
            Value::Array(list) if !stops => list.get(random.below(list.len())),
            Value::Object(map) if !stops => map.values().nth(random.below(map.len())),
            _ => None,
        };
        match next {
            Some(inner) => tree = inner,
            None => return tree,
        }
    }
}

/// Another value of the kind that the node has.
fn like(random: &mut Random, node: &mut Value) {
    *node = match node {
        Value::Number(number) if random.one_in(3) => {
            let number = number.as_u64().unwrap_or(0);
            json!(number.wrapping_add(random.below(3) as u64).wrapping_sub(1))
        }
        Value::Number(_) => json!(NUMBERS[random.below(NUMBERS.len())]),
        Value::Bool(value) => json!(!*value),
        Value::String(text) => {
            let list = if text.parse::<std::net::IpAddr>().is_ok() {
                ADDRESSES
            } else if text.starts_with("0x") {
                MARKS
            } else if text.contains('/') {
                PREFIXES
            } else {
                TEXTS
            };
            json!(random.of(list))
        }
        _ => return,
    };
}

/// A value that the field does not take, or hardly.
fn strange(random: &mut Random) -> Value {
    match random.below(8) {
        0 => json!(null),
        1 => json!(-1),
        2 => json!(1e300),
        3 => json!([]),
        4 => json!({}),
        5 => json!("x".repeat(1 << random.below(14))),
        6 => json!({ "missing": { "source": "links", "reason": "denied", "detail": "" } }),
        _ => json!(0.5),
    }
}

fn remove(random: &mut Random, node: &mut Value) {
    match node {
        Value::Array(list) if !list.is_empty() => drop(list.remove(random.below(list.len()))),
        Value::Object(map) if !map.is_empty() => {
            if let Some(key) = map.keys().nth(random.below(map.len())).cloned() {
                map.remove(&key);
            }
        }
        leaf => *leaf = Value::Null,
    }
}

fn again(random: &mut Random, node: &mut Value) {
    if let Value::Array(list) = node
        && let Some(entry) = list.get(random.below(list.len())).cloned()
    {
        let times = if random.one_in(16) { 1 + random.below(100) } else { 1 };
        list.extend(std::iter::repeat_n(entry, times));
    }
}
