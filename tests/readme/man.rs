//! A man page's source as the Markdown that says the same, a line for a line, so that one set of checks reads both: bold words are code,
//! examples are indented, and a mark is an HTML comment. It knows the macros that `src/man/` uses, and refuses others.

use std::path::Path;

/// The text of a page for people, as Markdown.
#[allow(dead_code, reason = "one of the tests that share this file needs it")]
pub fn read(path: &Path) -> std::io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    Ok(if path.extension().is_some_and(|ending| ending == "8") { plain(&text) } else { text })
}

/// The source as Markdown.
pub fn plain(source: &str) -> String {
    let (mut plain, mut example) = (String::new(), false);
    for line in source.lines() {
        plain += &match line.split_once(' ').unwrap_or((line, "")) {
            (".EX", _) => {
                example = true;
                String::new()
            }
            (".EE", _) => {
                example = false;
                String::new()
            }
            // The whole width of the terminal for a report, and back.
            (".in", _) => String::new(),
            (".\\\"", mark) if mark.starts_with("output: ") || mark.starts_with("golden: ") => {
                format!("<!-- {mark} -->")
            }
            (".\\\"", _) | (".PP" | ".TP" | ".RS" | ".RE", _) => String::new(),
            _ if example && line.is_empty() => String::new(),
            _ if example => format!("    {}", inline(line)),
            (".SH" | ".SS", heading) => format!("# {}", inline(heading)),
            (".B", words) => format!("`{}`", inline(words.trim_matches('"'))),
            (".I", words) => inline(words.trim_matches('"')),
            (".BR", words) => alternating(words, [true, false]),
            (".RB", words) => alternating(words, [false, true]),
            (".IR" | ".RI", words) => alternating(words, [false, false]),
            (other, _) => {
                assert!(!other.starts_with('.'), "tests/readme/man.rs does not know {line}");
                inline(line)
            }
        };
        plain.push('\n');
    }
    plain
}

/// Words without blanks between, each second one bold.
fn alternating(words: &str, bold: [bool; 2]) -> String {
    let mut parts = Vec::new();
    let mut rest = words.trim();
    while !rest.is_empty() {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        parts.push(word);
        rest = behind.trim_start();
    }
    let of = |(word, bold): (&&str, &bool)| {
        if *bold { format!("`{}`", inline(word)) } else { inline(word) }
    };
    parts.iter().zip(bold.iter().cycle()).map(of).collect()
}

/// Without the escapes of roff.
fn inline(text: &str) -> String {
    let plain = text.replace("\\(aq", "'").replace("\\(ga", "`").replace("\\(ha", "^");
    let plain = plain.replace("\\(ti", "~").replace("\\&", "").replace("\\-", "-");
    assert!(!plain.replace("\\e", "").contains('\\'), "tests/readme/man.rs does not know {text}");
    plain.replace("\\e", "\\")
}

/// A line of an example, so that roff prints it as it is.
#[allow(dead_code, reason = "one of the tests that share this file needs it")]
pub fn escaped(line: &str) -> String {
    let mut escaped = String::new();
    for c in line.chars() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '`' => escaped.push_str("\\(ga"),
            '^' => escaped.push_str("\\(ha"),
            '~' => escaped.push_str("\\(ti"),
            c => escaped.push(c),
        }
    }
    if escaped.starts_with('.') { format!("\\&{escaped}") } else { escaped }
}
