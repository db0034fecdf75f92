//! The paths that one source file names, read from its tokens: neither a comment nor a string literal can be mistaken for code, and what
//! a macro is given is read as well.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

pub type Segments = Vec<String>;
type Tokens = VecDeque<TokenTree>;

/// What a path is named for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Import,
    Reexport,
    Code,
}

/// One path that a file names.
pub struct Mention {
    /// The module in which it stands.
    pub module: Segments,
    pub path: Segments,
    /// What `use` calls it.
    pub name: Option<String>,
    pub kind: Kind,
    /// In `#[cfg(test)]`.
    pub test: bool,
}

#[derive(Default)]
pub struct Source {
    /// The module that the file is, and those in braces in it.
    pub modules: Vec<Segments>,
    pub mentions: Vec<Mention>,
    /// Files that it declares for tests.
    pub test_files: Vec<PathBuf>,
}

/// Where a token stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a Path,
    module: &'a [String],
    test: bool,
}

impl Source {
    /// `path` is below `src`.
    pub fn read(path: &Path, text: &str) -> Self {
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let module = module(path);
        let mut source = Source { modules: vec![module.clone()], ..Source::default() };
        source.tokens(Place { path, module: &module, test: false }, tokens);
        source
    }

    fn tokens(&mut self, place: Place<'_>, stream: TokenStream) {
        let mut tokens: Tokens = stream.into_iter().collect();
        let mut before: Option<TokenTree> = None;
        // Behind a dot stands a method or a field, behind two colons the rest of a type's path.
        let mut continues = false;
        while let Some(token) = tokens.pop_front() {
            let was = std::mem::take(&mut continues);
            match &token {
                TokenTree::Group(_) if is(before.as_ref(), '#') && is_test(&token) => {
                    let item = item(&mut tokens);
                    self.test_files.extend(declared(place.path, &item));
                    self.tokens(Place { test: true, ..place }, item.into_iter().collect());
                }
                TokenTree::Group(group) => self.tokens(place, group.stream()),
                TokenTree::Punct(mark) => {
                    let mark = mark.as_char();
                    let twice = is(tokens.front(), mark);
                    continues = (mark == '.' && !twice) || (mark == ':' && twice);
                    if twice && ['.', ':'].contains(&mark) {
                        tokens.pop_front();
                    }
                }
                TokenTree::Ident(word) if word == "use" && !is(tokens.front(), '<') => {
                    let exported = before.as_ref().is_some_and(is_visibility);
                    let kind = if exported { Kind::Reexport } else { Kind::Import };
                    let end = tokens.iter().position(|token| is(Some(token), ';'));
                    let tree = tokens.drain(..end.unwrap_or(tokens.len())).collect();
                    self.tree(place, kind, &[], tree);
                }
                TokenTree::Ident(word) if word == "mod" => self.module(place, &mut tokens),
                TokenTree::Ident(word) if !was => {
                    let path = path(word.to_string(), &mut tokens);
                    self.mention(place, Kind::Code, path, None);
                }
                _ => {}
            }
            before = Some(token);
        }
    }

    /// A module's name, and what its braces hold if it has any.
    fn module(&mut self, place: Place<'_>, tokens: &mut Tokens) {
        let Some(TokenTree::Ident(name)) = tokens.pop_front() else { return };
        if let Some(TokenTree::Group(group)) = tokens.front() {
            let module = [place.module, &[name.to_string()]].concat();
            let stream = group.stream();
            tokens.pop_front();
            self.tokens(Place { module: &module, ..place }, stream);
            if !place.test {
                self.modules.push(module);
            }
        }
    }

    /// `a::{b, c::{self, D as E}}`, from behind `use` to its semicolon.
    fn tree(&mut self, place: Place<'_>, kind: Kind, prefix: &[String], mut tokens: Tokens) {
        let mut path = prefix.to_vec();
        while let Some(token) = tokens.pop_front() {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    let name = tokens.pop_front().map(|name| name.to_string());
                    self.mention(place, kind, path.clone(), name);
                }
                TokenTree::Ident(word) => {
                    path.push(word.to_string());
                    if tokens.front().is_none_or(|next| is(Some(next), ',')) {
                        if word == "self" {
                            path.pop();
                        }
                        let name = path.last().cloned();
                        self.mention(place, kind, path.clone(), name);
                    }
                }
                TokenTree::Punct(mark) if mark.as_char() == '*' => {
                    let path = [path.as_slice(), &["*".to_owned()]].concat();
                    self.mention(place, kind, path, None);
                }
                TokenTree::Punct(mark) if mark.as_char() == ',' => path = prefix.to_vec(),
                TokenTree::Group(group) => {
                    self.tree(place, kind, &path, group.stream().into_iter().collect());
                }
                _ => {}
            }
        }
    }

    fn mention(&mut self, place: Place<'_>, kind: Kind, path: Segments, name: Option<String>) {
        let (module, test) = (place.module.to_vec(), place.test);
        self.mentions.push(Mention { module, path, name, kind, test });
    }
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`; the heads of library and binary are the root.
fn module(path: &Path) -> Segments {
    let path = path.with_extension("");
    let name = |name: &std::ffi::OsStr| name.to_str().expect("a name in UTF-8").to_owned();
    let mut names: Segments = path.iter().map(name).collect();
    let head = names.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str()));
    if head {
        names.pop();
    }
    names
}

/// The rest of a path in code.
fn path(first: String, tokens: &mut Tokens) -> Segments {
    let mut path = vec![first];
    while is(tokens.front(), ':') && is(tokens.get(1), ':') {
        let Some(TokenTree::Ident(next)) = tokens.get(2) else { break };
        path.push(next.to_string());
        tokens.drain(..3);
    }
    path
}

/// The item behind an attribute, to its semicolon or its braces.
fn item(tokens: &mut Tokens) -> Tokens {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is(Some(token), ';'),
    };
    let end = tokens.iter().position(ends).map_or(tokens.len(), |end| end + 1);
    tokens.drain(..end).collect()
}

/// The file of `mod x;`, if the item is that.
fn declared(path: &Path, item: &Tokens) -> Option<PathBuf> {
    let word = |token: &TokenTree| matches!(token, TokenTree::Ident(word) if word == "mod");
    let at = item.iter().position(word)?;
    let name = item.get(at + 1).filter(|_| is(item.get(at + 2), ';'))?;
    let attributes = item.iter().filter_map(|token| match token {
        TokenTree::Group(group) => Some(group.stream().to_string()),
        _ => None,
    });
    let mut named = attributes.filter_map(|attribute| {
        let (key, value) = attribute.split_once('=')?;
        (key.trim() == "path").then(|| value.trim().trim_matches('"').to_owned())
    });
    let below = module(path).iter().collect::<PathBuf>().join(format!("{name}.rs"));
    Some(named.next().map_or(below, |named| path.with_file_name(named)))
}

fn is(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// `pub`, or the parentheses of `pub(crate)`.
fn is_visibility(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(word) => word == "pub",
        TokenTree::Group(group) => group.delimiter() == Delimiter::Parenthesis,
        _ => false,
    }
}

fn is_test(token: &TokenTree) -> bool {
    token.to_string().replace(' ', "") == "[cfg(test)]"
}
