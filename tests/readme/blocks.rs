//! The blocks of a page of Markdown, fenced or indented, and what their marks say: where the text of a block comes from. A block without a
//! mark has commands alone: of the programs below, or scripts of the tests that exist. Nothing is run here.

use std::ops::Range;
use std::path::Path;

/// Where the text of a block comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The program says it when it is run with these words.
    Output(Vec<String>),
    /// A golden file of a test.
    Golden(String),
}

#[derive(Debug)]
pub struct Block {
    pub mark: Option<Mark>,
    /// The lines of the page that it takes, without its fences.
    pub lines: Range<usize>,
    /// Its lines without the indent.
    pub text: Vec<String>,
    pub fenced: bool,
}

impl Block {
    /// The command above the output, if the block shows it.
    pub fn command(&self) -> Option<&str> {
        self.text.first().and_then(|line| line.strip_prefix("$ "))
    }

    /// What is printed.
    pub fn output(&self) -> &[String] {
        &self.text[usize::from(self.command().is_some())..]
    }
}

/// First words of the commands that the pages show and do not run.
const PROGRAMS: &[&str] = &[
    "vti-diagnostics",
    "show",
    "journalctl",
    "systemctl",
    "ip",
    "dpkg",
    "dpkg-buildpackage",
    "apt",
    "apt-get",
    "add",
    "cargo",
    "curl",
    "jq",
    "wget",
    "gpg",
    "install",
    "tee",
    "echo",
    "cd",
    "debian/apt-repository",
    "git",
    "rustup",
    "[",
];

/// A page between these comments shows a commit, which no test makes again.
const EXAMPLE: [&str; 2] = ["BEGIN worked example", "END worked example"];

/// Its blocks in their order, and what is wrong with their marks.
pub fn blocks(page: &str) -> (Vec<Block>, Vec<String>) {
    let lines: Vec<&str> = page.lines().collect();
    let (mut blocks, mut wrong) = (Vec::new(), Vec::new());
    let (mut mark, mut example, mut n): (Option<(usize, Mark)>, bool, usize) = (None, false, 0);
    while let Some(line) = lines.get(n).copied() {
        let begins = n == 0 || lines[n - 1].trim().is_empty() || lines[n - 1].starts_with("<!--");
        let fenced = line.starts_with("```");
        if fenced || (begins && line.starts_with("    ")) {
            let (first, end) = if fenced { fence(&lines, n) } else { indented(&lines, n) };
            let indent = if fenced { 0 } else { 4 };
            let text = lines[first..end].iter().map(|l| l.get(indent..).unwrap_or("").to_owned());
            let (mark, text) = (mark.take().map(|(_, mark)| mark), text.collect::<Vec<_>>());
            if mark.is_none() && !example {
                wrong.extend(no_commands(&text).map(|(at, line)| {
                    format!("{}: no command of this page, and no mark: {line}", first + at + 1)
                }));
            }
            blocks.push(Block { mark, lines: first..end, text, fenced });
            n = if fenced { end + 1 } else { end };
            continue;
        }
        if let Some(comment) = line.strip_prefix("<!--") {
            let comment = comment.trim_end_matches("-->").trim();
            if EXAMPLE.contains(&comment) {
                example = comment == EXAMPLE[0];
            } else if let Some(read) = read(comment) {
                if let Some((at, _)) = mark.replace((n, read)) {
                    wrong.push(format!("{}: a mark without a block", at + 1));
                }
            } else {
                wrong.push(format!("{}: an unknown mark: {comment}", n + 1));
            }
        } else if let Some((at, _)) = mark.take_if(|_| !line.trim().is_empty()) {
            wrong.push(format!("{}: a mark without a block", at + 1));
        }
        n += 1;
    }
    wrong.extend(mark.map(|(at, _)| format!("{}: a mark without a block", at + 1)));
    (blocks, wrong)
}

fn read(comment: &str) -> Option<Mark> {
    let (kind, of) = comment.split_once(": ")?;
    match kind {
        "output" => Some(Mark::Output(of.split(' ').map(str::to_owned).collect())),
        "golden" => Some(Mark::Golden(of.to_owned())),
        _ => None,
    }
}

fn fence(lines: &[&str], from: usize) -> (usize, usize) {
    let behind = lines[from + 1..].iter().position(|line| line.starts_with("```"));
    (from + 1, behind.map_or(lines.len(), |n| from + 1 + n))
}

/// An indented block ends before the first line that is not; blank lines at its end are not of it.
fn indented(lines: &[&str], from: usize) -> (usize, usize) {
    let behind = lines[from..].iter().position(|l| !l.starts_with("    ") && !l.is_empty());
    let end = behind.map_or(lines.len(), |n| from + n);
    let blanks = lines[from..end].iter().rev().take_while(|line| line.is_empty()).count();
    (from, end - blanks)
}

/// Lines that are neither a command nor the rest of one.
fn no_commands(text: &[String]) -> impl Iterator<Item = (usize, &String)> {
    let goes_on = |line: &String| line.ends_with('\\') || line.ends_with('|');
    text.iter().enumerate().filter(move |(n, line)| {
        let rest = *n > 0 && goes_on(&text[n - 1]);
        !rest && !line.is_empty() && !is_command(line)
    })
}

fn is_command(line: &str) -> bool {
    let is_set = |word: &&str| {
        word.split_once('=')
            .is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
    };
    let first = line.split(' ').find(|word| *word != "sudo" && !is_set(word)).unwrap_or_default();
    let is_script = || Path::new(env!("CARGO_MANIFEST_DIR")).join(first).is_file();
    PROGRAMS.contains(&first) || (first.starts_with("tests/") && is_script())
}
