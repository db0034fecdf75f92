//! Where texts are taken from: the string literals of the sources without tests and comments, paragraphs of files, golden files. It judges
//! none of them.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::fs;
use std::path::{Path, PathBuf};

pub struct Text {
    /// File, and line in it.
    pub place: String,
    /// On one line.
    pub text: String,
    /// As it is wrapped; empty where it is a literal.
    pub lines: String,
}

fn files(folder: &Path, suffixes: &[&str], into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, suffixes, into);
        } else if suffixes.iter().any(|s| path.to_string_lossy().ends_with(s)) {
            into.push(path);
        }
    }
}

/// Every string literal that a user may see; a test is no text, and neither is a comment for contributors. Help texts are comments that
/// clap reads, and count.
pub fn of_sources(folder: &Path) -> Vec<Text> {
    let mut paths = Vec::new();
    files(folder, &[".rs"], &mut paths);
    let mut texts = Vec::new();
    for path in paths.iter().filter(|path| !path.to_string_lossy().ends_with("_tests.rs")) {
        let source = fs::read_to_string(path).unwrap();
        let place = path.strip_prefix(folder).unwrap().display().to_string();
        let tokens: TokenStream = source.parse().unwrap_or_else(|e| panic!("{place}: {e}"));
        let help = place == "cli.rs" || place.starts_with("cli/");
        literals(&place, tokens, help, &mut texts);
    }
    texts
}

fn literals(place: &str, stream: TokenStream, help: bool, into: &mut Vec<Text>) {
    let mut tokens = stream.into_iter().peekable();
    // After `#[cfg(test)]` the next item with braces, or the next `;`, is of the tests.
    let mut test = false;
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(p) if p.as_char() == '#' => {
                let inner =
                    matches!(tokens.peek(), Some(TokenTree::Punct(p)) if p.as_char() == '!');
                if inner {
                    tokens.next();
                }
                let Some(TokenTree::Group(group)) = tokens.next() else { continue };
                let text = group.stream().to_string().replace(' ', "");
                test |= text.starts_with("cfg(test)");
                let is_doc = text.starts_with("doc=");
                // `reason` of lints and what tells serde are for the compiler.
                let is_help = is_doc && help && !inner;
                if is_help
                    || text.starts_with("command(")
                    || text.starts_with("arg(")
                    || text.starts_with("error(")
                {
                    literals(place, group.stream(), help, into);
                }
            }
            TokenTree::Punct(p) if p.as_char() == ';' => test = false,
            TokenTree::Group(group) => {
                if !test {
                    literals(place, group.stream(), help, into);
                } else if group.delimiter() == Delimiter::Brace {
                    test = false;
                }
            }
            TokenTree::Literal(literal) if !test => {
                if let Some(text) = value(&literal.to_string()) {
                    let line = literal.span().start().line;
                    // A single word is a name: of a field, a file, an argument.
                    if !text.trim().contains(' ') {
                        continue;
                    }
                    into.push(Text {
                        place: format!("src/{place}:{line}"),
                        text,
                        lines: String::new(),
                    });
                }
            }
            _ => {}
        }
    }
}

/// What a string literal says: escapes of quotes and line ends are enough to read it.
fn value(literal: &str) -> Option<String> {
    if let Some(raw) = literal.strip_prefix('r') {
        return Some(raw.trim_matches('#').trim_matches('"').to_owned());
    }
    let text = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut plain = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, rest.peek()) {
            ('\\', Some('\n')) => while rest.next_if(|c| c.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                rest.next();
                plain.push('\n');
            }
            ('\\', Some('"')) => {}
            _ => plain.push(c),
        }
    }
    // A word may stand on both sides of a line's end.
    Some(plain.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A file's paragraphs, each as one line.
pub fn paragraphs(root: &Path, name: &str) -> Vec<Text> {
    let text = super::man::read(&root.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut line = 1;
    let mut texts = Vec::new();
    for paragraph in text.split("\n\n") {
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        texts.push(Text {
            place: format!("{name}:{line}"),
            text: words,
            lines: paragraph.to_owned(),
        });
        line += paragraph.matches('\n').count() + 2;
    }
    texts
}

/// What the program said in tests.
pub fn of_goldens(folder: &Path) -> Vec<Text> {
    let mut paths = Vec::new();
    files(folder, &[".txt.snap", ".snap"], &mut paths);
    let mut texts = Vec::new();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        let said = paragraphs(folder, &name);
        // Its head names the test and the capture, not what was said.
        let said = said.into_iter().map(|t| match t.text.strip_prefix("--- ") {
            Some(head) => {
                Text { text: head.split_once(" --- ").map_or("", |(_, text)| text).to_owned(), ..t }
            }
            None => t,
        });
        texts.extend(said);
    }
    texts
}
