//! A rule of nft's output as steps: each of its words is taken, or the rule is undecided from there on, and only how it may end is looked
//! for. What nft leaves out because the kernel's expressions follow from it (a protocol before its ports) is added.

use super::action;
use super::matching;
use super::reader::{Lost, Reader};
use super::selector::{Asked, Selector, asked, together};
use super::set::RawElement;
use super::tokens::{Cursor, Token};
use super::verdict::{self, chain};
use crate::snapshot::filter::{Counter, Field, Rule, Step, TableFamily, Translation, Verdict};
use crate::text::words::number;

const TCP: u8 = 6;

/// A rule, and what it needs of sets.
pub(super) struct Read {
    pub rule: Rule,
    /// The sets of the table that it looks something up in, by what it asks.
    pub uses: Vec<(String, Vec<Selector>)>,
    /// The sets without a name that it has, in their order.
    pub inline: Vec<Vec<RawElement>>,
}

/// Reads a rule. `numbered` is how many sets without a name the table has before it, `unnumbered` its number where nft printed none.
pub(super) fn read(
    tokens: &[Token<'_>],
    family: TableFamily,
    numbered: usize,
    unnumbered: u64,
) -> Read {
    let mut reader = Reader::new(family, numbered);
    let mut cursor = Cursor::new(tokens);
    while cursor.peek().is_some() {
        let rest = cursor.clone();
        if let Err(Lost(name)) = next(&mut reader, &mut cursor) {
            lost(&mut reader, name, rest.rest());
            break;
        }
    }
    let Reader { steps, uses, inline, comment, handle, .. } = reader;
    Read { rule: Rule { handle: handle.unwrap_or(unnumbered), comment, steps }, uses, inline }
}

/// One condition or statement.
fn next(reader: &mut Reader, cursor: &mut Cursor<'_, '_>) -> Result<(), Lost> {
    match asked(cursor) {
        Asked::Field(selector) => {
            // `ct mark set`, `ip dscp set`.
            if cursor.eat("set") {
                reader.require(selector.family, selector.protocol);
                return action::assign(reader, cursor, selector.parts.first());
            }
            let all = together(cursor, selector).map_err(Lost)?;
            matching::condition(reader, cursor, all)
        }
        // `meta priority set 1:10`, `tcp option maxseg size set rt mtu`: nothing that is asked of a packet changes.
        Asked::Other(name @ ("meta" | "ct")) if cursor.eat("set") => {
            match action::expression(cursor) {
                Some(_) => Ok(()),
                None => Err(Lost(name)),
            }
        }
        Asked::Other("exthdr") if action::is_segment_size(cursor) => Ok(()),
        Asked::Other("meta") if matching::skip_value(cursor) => {
            reader.undecided("meta");
            Ok(())
        }
        Asked::Flags => {
            reader.require(None, Some(TCP));
            matching::skip_flags(cursor);
            reader.undecided("payload");
            Ok(())
        }
        Asked::Other(name) => Err(Lost(name)),
        Asked::No => statement(reader, cursor),
    }
}

fn statement(reader: &mut Reader, cursor: &mut Cursor<'_, '_>) -> Result<(), Lost> {
    let word = match cursor.next() {
        Some(Token::Word(word)) => word,
        Some(Token::End) => return Ok(()),
        _ => return Err(Lost("other")),
    };
    if let Some(verdict) = verdict::plain(word) {
        reader.steps.push(Step::Verdict(verdict));
        return Ok(());
    }
    match word {
        "jump" | "goto" => {
            let chain = chain(cursor).ok_or(Lost("other"))?;
            let verdict = if word == "jump" { Verdict::Jump(chain) } else { Verdict::Goto(chain) };
            reader.steps.push(Step::Verdict(verdict));
        }
        "counter" => counter(reader, cursor),
        "comment" => {
            if let Some(Token::Quoted(text)) = cursor.next() {
                text.clone_into(&mut reader.comment);
            }
        }
        // `# handle 5` is the last that nft prints.
        "#" if cursor.eat("handle") => reader.handle = cursor.word().and_then(number),
        "#" => return Err(Lost("other")),
        "notrack" => reader.steps.push(Step::Untracked),
        "log" => action::log(cursor),
        "limit" | "quota" => return action::rate(reader, cursor, word),
        "ct" => return action::connections(reader, cursor),
        "add" | "update" | "delete" => {
            reader.undecided("dynset");
            let is_set = cursor.word().is_some_and(|set| set.starts_with('@'));
            cursor.braces().filter(|_| is_set).ok_or(Lost("dynset"))?;
        }
        "last" => {
            let _ = cursor.eat("used") && cursor.word().is_some();
        }
        "reject" => action::reject(reader, cursor)?,
        "queue" => {
            reader.steps.push(Step::Verdict(Verdict::Queue));
            reader.end(cursor);
        }
        "snat" => action::nat(reader, cursor, Translation::Source)?,
        "dnat" => action::nat(reader, cursor, Translation::Destination)?,
        "masquerade" => action::nat(reader, cursor, Translation::Masquerade)?,
        "redirect" => action::nat(reader, cursor, Translation::Redirect)?,
        "flow" => {
            let _ = (cursor.word(), cursor.word());
        }
        "xt" => return action::iptables(reader, cursor),
        "fwd" | "tproxy" | "synproxy" => {
            reader.undecided(word);
            reader.steps.push(Step::Verdict(Verdict::Target(word.to_owned())));
            reader.end(cursor);
        }
        _ => return Err(Lost("other")),
    }
    Ok(())
}

fn counter(reader: &mut Reader, cursor: &mut Cursor<'_, '_>) {
    if cursor.eat("name") {
        cursor.next();
        return;
    }
    // `nft -s` prints no numbers: then none is known.
    if !cursor.eat("packets") {
        return;
    }
    let packets = cursor.word().and_then(number);
    cursor.eat("bytes");
    let bytes = cursor.word().and_then(number);
    if let (Some(packets), Some(bytes)) = (packets, bytes) {
        reader.steps.push(Step::Counter(Counter { packets, bytes }));
    }
}

/// The rest of a rule is not understood: what it may do to a packet that meets it is looked for, and whether one meets it is not
/// decided.
fn lost(reader: &mut Reader, name: &str, rest: &[Token<'_>]) {
    reader.undecided(name);
    let words: Vec<&str> = rest
        .iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(*word),
            _ => None,
        })
        .collect();
    let has = |word: &str| words.contains(&word);
    if has("set") && !has("maxseg") {
        reader.steps.push(Step::SetUnknownMark);
        let changed = [Field::Tos, Field::Class, Field::HopLimit].to_vec();
        reader.steps.push(Step::Rewrite(changed));
    }
    if has("notrack") {
        reader.steps.push(Step::Untracked);
    }
    let mut cursor = Cursor::new(rest);
    let mut verdict = None;
    while let Some(token) = cursor.next() {
        let Token::Word(word) = token else { continue };
        let plain = verdict::plain(word);
        match word {
            "jump" => verdict = chain(&mut cursor).map(Verdict::Jump),
            "goto" => verdict = chain(&mut cursor).map(Verdict::Goto),
            "reject" => verdict = Some(Verdict::Reject),
            "queue" => verdict = Some(Verdict::Queue),
            "comment" => {
                if let Some(Token::Quoted(text)) = cursor.next() {
                    text.clone_into(&mut reader.comment);
                }
            }
            "handle" => reader.handle = cursor.word().and_then(number),
            _ if plain.is_some() => verdict = plain,
            _ => {}
        }
    }
    let translates = [("snat", Translation::Source), ("dnat", Translation::Destination)];
    let translates = translates
        .into_iter()
        .chain([("masquerade", Translation::Masquerade), ("redirect", Translation::Redirect)])
        .find(|(word, _)| has(word));
    // A map of verdicts, or what is newer than this program.
    let may_do_anything = has("vmap") || matches!(name, "other" | "lookup");
    match (translates, verdict) {
        (Some((_, what)), _) => reader.steps.push(action::unknown(what)),
        (None, Some(verdict)) if !may_do_anything => reader.steps.push(Step::Verdict(verdict)),
        _ if may_do_anything => {
            reader.steps.push(Step::Verdict(Verdict::Target(name.to_owned())));
        }
        _ => {}
    }
}
