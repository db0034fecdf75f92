//! The errors that the laboratory must notice (`tests/vm/mutations`) still fit the sources: the line that each one changes is in its file,
//! once. Whether the laboratory notices them is `tests/vm/mutate`'s question.

use std::fs;
use std::path::Path;

/// What each error changes: name, file, line as it is, line as it becomes.
fn errors(list: &str) -> Vec<[&str; 4]> {
    let mut lines = list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut errors = Vec::new();
    while let Some(name) = lines.next() {
        let mut part = |mark: &str| {
            let line = lines.next().unwrap_or_else(|| panic!("{name}: cut off"));
            line.strip_prefix(mark)
                .unwrap_or_else(|| panic!("{name}: '{line}' begins without '{mark}'"))
        };
        errors.push([name, part(""), part("-"), part("+")]);
    }
    errors
}

#[test]
fn each_error_of_the_laboratory_changes_one_line_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = fs::read_to_string(root.join("tests/vm/mutations")).unwrap();
    let errors = errors(&list);
    assert!(errors.len() >= 10);
    for [name, file, old, new] in errors {
        let text = fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("{name}: {file}: {error}"));
        assert_eq!(text.lines().filter(|line| *line == old).count(), 1, "{name}: {file}");
        assert_ne!(old, new, "{name}");
    }
}
