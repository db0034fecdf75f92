//! A table of nft's output: its chains, its sets, and where it ends. It reads no rule itself.

use super::rule;
use super::selector::Selector;
use super::set::{self, Raw};
use super::symbols;
use super::tokens::{self, Cursor, Token};
use crate::snapshot::filter::{Base, Chain, Hook, Kind, Rule, TableFamily};
use crate::text::entry::FilterTable;
use crate::text::lines::Line;
use std::collections::BTreeMap;

/// A line that is this long may have been wrapped, where nothing is indented. In bytes.
const MAY_BE_WRAPPED: usize = 40;
/// Most rules of a table that are read, as `collect::nft` keeps.
const MOST_RULES: usize = 20_000;

/// The family and the name of a table.
pub(super) fn head(line: &str) -> Option<(Option<TableFamily>, &str)> {
    let mut words = line.strip_prefix("table ")?.split_whitespace();
    let (family, name, open) = (words.next()?, words.next()?, words.next()?);
    let is_number = matches!(
        (words.next(), words.next(), words.next()),
        (None, ..) | (Some("#"), Some("handle"), Some(_))
    );
    let family = match family {
        "ip" => Some(TableFamily::Ip),
        "ip6" => Some(TableFamily::Ip6),
        "inet" => Some(TableFamily::Inet),
        "netdev" => Some(TableFamily::Netdev),
        "bridge" => Some(TableFamily::Bridge),
        // Its packets are no IP packets.
        "arp" => None,
        _ => return None,
    };
    (open == "{" && is_number).then_some((family, name))
}

/// Whether a line must have been the first of a table.
pub(in crate::text) fn is_head(line: &str) -> bool {
    line.starts_with("table ") && line.ends_with('{')
}

/// A line and its words.
struct Of<'a> {
    indent: usize,
    length: usize,
    tokens: Vec<Token<'a>>,
}

/// How many lines the table has, and what is in it; none where its end is missing.
pub(super) fn read(
    lines: &[Line<'_>],
    family: Option<TableFamily>,
    name: &str,
    is_terse: bool,
) -> Option<(usize, Option<FilterTable>)> {
    let mut within: Vec<Of<'_>> = Vec::new();
    let mut depth = 1;
    for (taken, line) in (1..).zip(lines).skip(1) {
        // Tables are not within each other: one whose end is missing is not searched to the end of the text.
        // `ip saddr …` looks like a command without a prompt.
        let is_prompt = line.typed.is_some_and(|typed| typed != line.text);
        if is_prompt || is_head(line.text) {
            return None;
        }
        let tokens = tokens::of(line.text)?;
        depth += tokens::depth(&tokens);
        if depth <= 0 {
            return (depth == 0)
                .then(|| (taken, family.map(|family| table(family, name, &within, is_terse))))
                .and_then(|(lines, table)| match table {
                    Some(None) => None,
                    Some(table) => Some((lines, table)),
                    None => Some((lines, None)),
                });
        }
        within.push(Of { indent: line.indent, length: line.text.len(), tokens });
    }
    None
}

fn table(family: TableFamily, name: &str, lines: &[Of<'_>], is_terse: bool) -> Option<FilterTable> {
    let mut rest = lines;
    let mut reader = Reader {
        family,
        name,
        is_terse,
        chains: Vec::new(),
        sets: BTreeMap::new(),
        uses: BTreeMap::new(),
        inline: 0,
        rules: 0,
    };
    let mut is_dormant = false;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        let mut cursor = Cursor::new(&first.tokens);
        let Some(word) = cursor.word() else { continue };
        let opens = tokens::depth(&first.tokens) > 0;
        if !opens {
            is_dormant |= word == "flags" && first.tokens.contains(&Token::Word("dormant"));
            is_dormant |= word == "flags" && first.tokens.iter().any(|token| {
                matches!(token, Token::Word(list) if list.split(',').any(|flag| flag == "dormant"))
            });
            continue;
        }
        let (block, behind) = block(first, rest)?;
        rest = behind;
        match (word, cursor.next()) {
            ("chain", Some(Token::Word(name) | Token::Quoted(name))) => {
                reader.chain(name, block)?
            }
            ("set" | "map", Some(Token::Word(name) | Token::Quoted(name))) => {
                reader.set(name, block)
            }
            _ => {}
        }
    }
    let mut table = reader.finish();
    if is_dormant {
        table.chains.clear();
        table.sets.clear();
    }
    Some(table)
}

/// The lines of a block, and those behind it.
fn block<'l, 'a>(first: &Of<'a>, lines: &'l [Of<'a>]) -> Option<(&'l [Of<'a>], &'l [Of<'a>])> {
    let mut depth = tokens::depth(&first.tokens);
    for (at, line) in lines.iter().enumerate() {
        depth += tokens::depth(&line.tokens);
        if depth <= 0 {
            return Some((lines.get(..at)?, lines.get(at + 1..)?));
        }
    }
    None
}

struct Reader<'a> {
    family: TableFamily,
    name: &'a str,
    /// The elements of sets with names are not in the text.
    is_terse: bool,
    chains: Vec<Chain>,
    sets: BTreeMap<String, Raw>,
    /// How rules ask for each set: the first counts.
    uses: BTreeMap<String, Vec<Selector>>,
    /// Sets without a name so far.
    inline: usize,
    rules: usize,
}

impl Reader<'_> {
    fn set(&mut self, name: &str, block: &[Of<'_>]) {
        let tokens: Vec<Token<'_>> = block.iter().flat_map(|line| line.tokens.clone()).collect();
        let at =
            tokens.windows(2).position(|pair| pair == [Token::Word("elements"), Token::Word("=")]);
        let elements = match at.and_then(|at| tokens.get(at + 2..)) {
            Some(rest) => Cursor::new(rest).braces().and_then(set::raw),
            None if self.is_terse => None,
            None => Some(Vec::new()),
        };
        self.sets.insert(name.to_owned(), Raw { name: name.to_owned(), elements });
    }

    /// None where lines of it may have been wrapped, so that it is not known where a rule ends.
    fn chain(&mut self, name: &str, block: &[Of<'_>]) -> Option<()> {
        let mut base = None;
        let mut rules: Vec<Rule> = Vec::new();
        for statement in statements(block)? {
            let mut cursor = Cursor::new(&statement);
            match cursor.word() {
                Some("type") => {
                    base = Some(self.base(&statement)?);
                    continue;
                }
                Some("policy") if base.is_some() => continue,
                Some("comment") if rules.is_empty() && statement.len() < 4 => continue,
                Some("flags") if rules.is_empty() => continue,
                _ => {}
            }
            self.rules += 1;
            if self.rules > MOST_RULES {
                return None;
            }
            let number = Rule::UNNUMBERED + rules.len() as u64 + 1;
            let read = rule::read(&statement, self.family, self.inline, number);
            for elements in read.inline {
                let name = Raw::inline_name(self.inline);
                self.sets.insert(name.clone(), Raw { name, elements: Some(elements) });
                self.inline += 1;
            }
            for (set, asked) in read.uses {
                self.uses.entry(set).or_insert(asked);
            }
            rules.push(read.rule);
        }
        let (family, table, chain) = (self.family, self.name.to_owned(), name.to_owned());
        self.chains.push(Chain { family, table, chain, base, rules });
        Some(())
    }

    /// `type filter hook ingress device "lo" priority -500; policy accept;`. None of a form that is not known.
    fn base(&self, tokens: &[Token<'_>]) -> Option<Base> {
        let mut cursor = Cursor::new(tokens);
        cursor.word()?;
        let kind = match cursor.word()? {
            "filter" => Kind::Filter,
            "nat" => Kind::Nat,
            "route" => Kind::Route,
            _ => return None,
        };
        let hook = cursor.eat("hook").then(|| cursor.word())??;
        let hook = match hook {
            "ingress" => Hook::Ingress,
            "prerouting" => Hook::Prerouting,
            "input" => Hook::Input,
            "forward" => Hook::Forward,
            "output" => Hook::Output,
            "postrouting" => Hook::Postrouting,
            "egress" => Hook::Egress,
            _ => return None,
        };
        let mut devices = Vec::new();
        let name = |token: &Token<'_>| match token {
            Token::Word(name) | Token::Quoted(name) => Some((*name).to_owned()),
            _ => None,
        };
        if cursor.eat("device") {
            devices.extend(cursor.next().as_ref().and_then(name));
        } else if cursor.eat("devices") {
            cursor.eat("=");
            devices.extend(cursor.braces()?.iter().filter_map(name));
        }
        if !cursor.eat("priority") {
            return None;
        }
        let is_bridge = self.family == TableFamily::Bridge;
        let mut priority = symbols::priority(is_bridge, cursor.word()?)?;
        let sign = if cursor.eat("+") {
            1
        } else if cursor.eat("-") {
            -1
        } else {
            0
        };
        if sign != 0 {
            let by: i32 = cursor.word()?.parse().ok()?;
            priority = priority.checked_add(by.checked_mul(sign)?)?;
        }
        let drops =
            tokens.windows(2).any(|pair| pair == [Token::Word("policy"), Token::Word("drop")]);
        devices.sort();
        devices.dedup();
        Some(Base { hook, kind, priority, drops, devices })
    }

    fn finish(self) -> FilterTable {
        let Self { family, name, chains, mut sets, uses, .. } = self;
        let used = uses.into_iter().filter_map(|(set, asked)| {
            let raw = sets.remove(&set)?;
            Some(raw.set(family, name, &asked))
        });
        let sets = used.collect();
        FilterTable { family, name: name.to_owned(), chains, sets }
    }
}

/// The statements of a chain: one a line, unless a brace is open or the line is a wrapped one. None where that cannot be told.
fn statements<'a>(block: &[Of<'a>]) -> Option<Vec<Vec<Token<'a>>>> {
    let indent = block.first().map_or(0, |line| line.indent);
    let mut all: Vec<Vec<Token<'a>>> = Vec::new();
    let (mut open, mut length) = (0, 0);
    for line in block {
        let is_wrapped = line.indent < indent;
        match all.last_mut() {
            Some(last) if open > 0 || is_wrapped => last.extend(&line.tokens),
            last => {
                // Without indentation a long rule without an end may go on in this line.
                let may_go_on =
                    last.is_some_and(|last| length >= MAY_BE_WRAPPED && !is_ended(last));
                if indent == 0 && may_go_on {
                    return None;
                }
                all.push(line.tokens.clone());
            }
        }
        open += tokens::depth(&line.tokens);
        length = line.length;
    }
    Some(all)
}

/// Whether a rule says what becomes of the packet: nothing but a comment can follow.
fn is_ended(tokens: &[Token<'_>]) -> bool {
    let ends = [
        "accept",
        "drop",
        "continue",
        "return",
        "jump",
        "goto",
        "reject",
        "masquerade",
        "snat",
        "dnat",
        "queue",
        "policy",
    ];
    tokens.iter().any(|token| matches!(token, Token::Word(word) if ends.contains(word)))
}
