//! How the program speaks, held by reading what it can say: no text that reaches a user has a word of `tests/words/banned.rs`, and no number
//! stands before a noun of the wrong number. Texts are the string literals of the sources, the files for people, and the golden files.
//! Whether a text is right is not its question.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failure here is a failed test"
)]

#[path = "words/banned.rs"]
mod banned;
#[path = "readme/man.rs"]
mod man;
#[path = "words/texts.rs"]
mod texts;

use banned::Banned;
use std::path::Path;
use texts::Text;
use vti_diagnostics::code::Code;
use vti_diagnostics::snapshot::Source;

/// Files for people that are not made from the sources.
const FOR_PEOPLE: &[&str] = &[
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "src/man/vti-diagnostics.8",
    "src/man/vti-diagnostics-recorder.8",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Each use of a banned word, where it stands, and what to say instead.
fn found(texts: &[Text]) -> Vec<String> {
    let banned = Banned::all();
    let of = |text: &Text| {
        let said = without_sources(text, &without_names(&text.text));
        let each = banned.iter().filter_map(|b| Some((b, b.found(&said)?)));
        each.map(|(b, word)| format!("{}: {}: say {}", text.place, around(&said, &word), b.instead))
            .collect::<Vec<_>>()
    };
    texts.iter().flat_map(of).collect()
}

/// The word with what stands around it.
fn around(text: &str, word: &str) -> String {
    let (before, after) = text.split_once(word).unwrap_or((text, ""));
    let before = before.chars().rev().take(40).collect::<Vec<_>>().into_iter().rev();
    let after = after.chars().take(40);
    before.chain("[".chars()).chain(word.chars()).chain("]".chars()).chain(after).collect()
}

/// Names that are a contract with programs, and names of captures, stay as they are.
fn without_names(text: &str) -> String {
    let is_name = |word: &str| {
        let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        Code::ALL.iter().any(|code| code.name() == word) || word.ends_with(".yaml")
    };
    text.split(' ').filter(|word| !is_name(word)).collect::<Vec<_>>().join(" ")
}

/// Names of sources are a contract with programs, too: they stand in their table, in JSON and in labels of metrics alone.
fn without_sources(text: &Text, said: &str) -> String {
    let has_names = ["json", "src/snapshot/observed.rs", "replay/snapshots/", "metrics/snapshots/"];
    if !has_names.iter().any(|place| text.place.contains(place)) {
        return said.to_owned();
    }
    let names = Source::ALL.iter().filter(|source| source.name() != source.words());
    names.fold(said.to_owned(), |said, source| said.replace(source.name(), ""))
}

fn assert_none(texts: &[Text]) {
    let found = found(texts);
    assert!(found.is_empty(), "{} banned words:\n{}", found.len(), found.join("\n"));
}

#[test]
fn no_literal_of_the_sources_has_a_banned_word() {
    let texts = texts::of_sources(&root().join("src"));
    assert!(texts.len() > 1500, "{} literals", texts.len());
    assert_none(&texts);
}

#[test]
fn no_file_for_people_has_a_banned_word() {
    let texts: Vec<Text> =
        FOR_PEOPLE.iter().flat_map(|name| texts::paragraphs(root(), name)).collect();
    assert!(texts.len() > 100);
    assert_none(&texts);
}

#[test]
fn no_report_has_a_banned_word_or_a_wrong_number() {
    let texts = texts::of_goldens(&root().join("tests"));
    assert!(texts.len() > 300, "{} paragraphs", texts.len());
    assert_none(&texts);
    let wrong: Vec<String> = texts
        .iter()
        .flat_map(|text| text.lines.lines().map(|line| (&text.place, line)))
        .filter_map(|(place, line)| {
            let wrong = banned::wrong_number(line)?;
            Some(format!("{place}: {}", around(line, &wrong)))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The test itself finds what it is for.
#[test]
fn planted_words_are_found() {
    let all = Banned::all();
    for (text, word) in banned::PLANTED {
        let found = all.iter().find_map(|b| b.found(text));
        assert_eq!(found.as_deref(), Some(*word), "{text}");
    }
    for text in banned::GOOD {
        assert_eq!(all.iter().find_map(|b| b.found(text)), None, "{text}");
        assert_eq!(banned::wrong_number(text), None, "{text}");
    }
    for text in banned::WRONG_NUMBERS {
        assert!(banned::wrong_number(text).is_some(), "{text}");
    }
}
