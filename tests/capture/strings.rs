//! The texts of a tree of JSON, each with the place where it is. It knows nothing of captures.

use serde_json::Value;

/// Calls `visit` for each string under `value` with its path: keys, without the indices of lists (`snapshots.links.seen.name`).
pub fn for_each_string(value: &mut Value, path: &str, visit: &mut impl FnMut(&str, &mut String)) {
    match value {
        Value::String(text) => visit(path, text),
        Value::Array(list) => list.iter_mut().for_each(|v| for_each_string(v, path, visit)),
        Value::Object(map) => {
            for (key, value) in map {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                for_each_string(value, &path, visit);
            }
        }
        _ => {}
    }
}
