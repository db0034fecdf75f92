//! The commands of this program that a page names, in blocks and in code between words, parsed with the program's own command line.

use super::blocks::Block;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::collections::BTreeSet;
use vti_diagnostics::cli::Arguments;

/// The commands and options that the command line does not take, and how many were tried.
pub fn wrong(page: &str, blocks: &[Block]) -> (usize, Vec<String>) {
    let (mut count, mut wrong) = (0, Vec::new());
    for block in blocks {
        for (n, command) in commands(block) {
            let Some(words) = words(&command) else { continue };
            count += 1;
            if let Err(error) = Arguments::try_parse_from(words) {
                let line = block.lines.start + n + 1;
                wrong.push(format!("{line}: {command}: {}", first(&error.to_string())));
            }
        }
    }
    let known = names();
    for (line, code) in spans(page, blocks) {
        let (begin, rest) = code.split_once(' ').unwrap_or((&code, ""));
        let option = begin.strip_prefix("--").map(|name| name.split('=').next().unwrap_or(name));
        let words = match words(&code) {
            Some(words) => words,
            // `show --detail`: a command of ours by its own name, with an option.
            None if known.0.contains(begin) && rest.contains("--") => {
                ["vti-diagnostics"].into_iter().chain(code.split(' ')).map(str::to_owned).collect()
            }
            None if option.is_some_and(|name| !known.1.contains(name)) => {
                wrong.push(format!("{line}: {code}: no option of vti-diagnostics"));
                continue;
            }
            None => continue,
        };
        count += 1;
        if let Err(error) = Arguments::try_parse_from(words) {
            // A sentence may name the first words of a command, without a value.
            let begun = [ErrorKind::MissingRequiredArgument, ErrorKind::MissingSubcommand];
            let said = error.to_string();
            if !begun.contains(&error.kind()) && !said.contains("a value is required") {
                wrong.push(format!("{line}: {code}: {}", first(&said)));
            }
        }
    }
    (count, wrong)
}

fn first(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Names of the commands, and of their options.
fn names() -> (BTreeSet<String>, BTreeSet<String>) {
    fn below(command: &clap::Command, of: &mut (BTreeSet<String>, BTreeSet<String>)) {
        for sub in command.get_subcommands() {
            of.0.insert(sub.get_name().to_owned());
            of.1.extend(sub.get_arguments().filter_map(|a| a.get_long()).map(str::to_owned));
            below(sub, of);
        }
    }
    let mut of = (BTreeSet::new(), BTreeSet::from(["help".to_owned(), "version".to_owned()]));
    below(&Arguments::command(), &mut of);
    of
}

/// The lines of a block that may be commands: without comments, and with the line that goes on.
fn commands(block: &Block) -> Vec<(usize, String)> {
    if block.mark.is_some() {
        return block.command().map(|command| (0, command.to_owned())).into_iter().collect();
    }
    let mut commands: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (n, line) in block.text.iter().enumerate() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let part = line.trim_end_matches('\\').trim();
        match commands.last_mut().filter(|_| goes_on) {
            Some((_, command)) => *command += &format!(" {part}"),
            None => commands.push((n, part.to_owned())),
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// The words of a command line of ours; none where it is another program's.
fn words(command: &str) -> Option<Vec<String>> {
    let command = command.strip_prefix("sudo ").unwrap_or(command);
    let words = match command.strip_prefix("cargo run ") {
        Some(cargo) => format!("vti-diagnostics {}", cargo.split_once("-- ")?.1),
        None => command.to_owned(),
    };
    words
        .starts_with("vti-diagnostics ")
        .then(|| words.split_whitespace().map(str::to_owned).collect())
}

/// Code between words, each with the line that its paragraph begins at.
fn spans(page: &str, blocks: &[Block]) -> Vec<(usize, String)> {
    let is_block = |n: usize| blocks.iter().any(|block| block.lines.contains(&n));
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut begins = true;
    for (n, line) in page.lines().enumerate() {
        let ends = line.trim().is_empty() || line.starts_with("```") || is_block(n);
        if !ends {
            match paragraphs.last_mut().filter(|_| !begins) {
                Some((_, text)) => *text += &format!(" {}", line.trim()),
                None => paragraphs.push((n + 1, line.to_owned())),
            }
        }
        begins = ends;
    }
    let of = |(n, text): &(usize, String)| {
        let codes = text.split('`').skip(1).step_by(2).map(str::to_owned);
        codes.map(|code| (*n, code)).collect::<Vec<_>>()
    };
    paragraphs.iter().flat_map(of).collect()
}
