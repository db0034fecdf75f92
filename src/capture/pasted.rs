//! The text of `/proc/net/dev` and `/proc/net/xfrm_stat` as people paste it into tickets: with prompts, quote marks, lost headers.
//! It brings the rows into the kernel's form and leaves their parsing to the reader of the live files. A row that is not whole is an
//! error, never left out.

use crate::collect::proc;
use crate::error::{Error, Result};
use crate::snapshot::{DeviceColumns, Host, KernelCounter, Reason, Snapshot};
use crate::text::{Text, text_of};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Above this it is no table of interfaces. In bytes.
const LARGEST: u64 = 1 << 20;

/// Texts of one host are not larger together. In bytes.
const LARGEST_TEXTS: u64 = 16 << 20;

/// The two lines that the kernel prints above the rows.
const HEADER: &str = "Inter-|   Receive  |  Transmit\n face |bytes    packets\n";

/// Numbers in a row: eight of receive, eight of transmit (`dev_seq_printf_stats()`).
const COLUMNS: usize = 16;

/// So many numbers in a line are a row, or what is left of one.
const ROW_LIKE: usize = 8;

/// IFNAMSIZ less the final zero.
const LONGEST_NAME: usize = 15;

/// What is said of a second row of the same name.
const TWICE: &str = "comes twice: give the table of one moment only";

/// Why a text is not what it must be: words for the sentence that names the file.
type Fault = String;

/// The rows of a pasted `/proc/net/dev`, in the order of the text. Lines that are no rows (prompts, headers, blank lines) are passed
/// over.
///
/// # Errors
/// `IncorrectValue`, naming the line: a row that is not whole, an interface that comes twice (two tables), no row at all.
pub fn net_dev(text: &str) -> Result<Vec<DeviceColumns>> {
    rows(text).map_err(Error::IncorrectValue)
}

/// The counters of a pasted `/proc/net/xfrm_stat`, in the order of the text.
///
/// # Errors
/// As for [`net_dev`].
pub fn xfrm_stat(text: &str) -> Result<Vec<KernelCounter>> {
    counters(text).map_err(Error::IncorrectValue)
}

/// A snapshot of which only these texts are known; `-` reads one of them from standard input. Its rows are in the order of the text.
///
/// # Errors
/// One sentence that names the file: not there, a directory, larger than 1 MiB, not UTF-8, or not such a text (see [`net_dev`]).
pub fn load_text(net_dev: &Path, xfrm_stat: Option<&Path>) -> Result<Snapshot> {
    let is_stdin = |path: &Path| path == Path::new("-");
    if is_stdin(net_dev) && xfrm_stat.is_some_and(is_stdin) {
        return Err(Error::IncorrectValue(
            "cannot read both /proc/net/dev and /proc/net/xfrm_stat from standard input".to_owned(),
        ));
    }
    let host = Host {
        hostname: String::new(),
        kernel_release: String::new(),
        vyos_version: None,
        pluto: false,
    };
    let only = "only the text of /proc/net/dev was given";
    let mut snapshot = Snapshot::unread(0, host, Reason::Skipped, only);
    snapshot.proc_net_dev = Ok(load(net_dev, rows)?);
    if let Some(path) = xfrm_stat {
        snapshot.xfrm_statistics = Ok(load(path, counters)?);
    }
    Ok(snapshot)
}

/// Texts that commands printed, for [`crate::text`]; `-` is standard input until its end.
///
/// # Errors
/// One sentence that names the file: not there, a directory, or all of them larger than 16 MiB.
pub fn load_texts(paths: &[impl AsRef<Path>]) -> Result<Vec<Text>> {
    let mut left = LARGEST_TEXTS;
    let mut texts = Vec::new();
    for path in paths {
        let (name, bytes) = bytes_of(path.as_ref(), left, LARGEST_TEXTS)?;
        left -= bytes.len() as u64;
        texts.push(Text { name, text: text_of(&bytes), is_whole: false });
    }
    Ok(texts)
}

/// The name and the bytes of a file, or of standard input for `-`: at most `left` of them, of what may be `most` in all.
fn bytes_of(path: &Path, left: u64, most: u64) -> Result<(String, Vec<u8>)> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let read = |file: &mut dyn Read| read(file, left);
    let bytes = if is_stdin {
        read(&mut io::stdin().lock())
    } else {
        File::open(path).and_then(|mut file| read(&mut file))
    };
    let bytes = bytes.map_err(|error| unreadable(&name, &error))?;
    if bytes.len() as u64 > left {
        return Err(Error::InsufficientResources(format!(
            "cannot read {name}: it is larger than {} MiB",
            most >> 20
        )));
    }
    Ok((name, bytes))
}

/// Reads a file, or standard input for `-`, and what is in it.
fn load<T>(path: &Path, parse: impl Fn(&str) -> std::result::Result<T, Fault>) -> Result<T> {
    let (name, text) = bytes_of(path, LARGEST, LARGEST)?;
    let text = String::from_utf8(text)
        .map_err(|_| Error::IncorrectValue(format!("cannot read {name}: it is not UTF-8 text")))?;
    parse(&text).map_err(|fault| Error::IncorrectValue(format!("cannot read {name}: {fault}")))
}

/// At most one byte more than may be.
fn read(file: &mut dyn Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

pub(super) fn unreadable(name: &str, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::DataUnavailable(format!("cannot read {name}: no such file")),
        ErrorKind::PermissionDenied => {
            Error::PermissionDenied(format!("cannot read {name}: permission denied"))
        }
        kind => Error::DataUnavailable(format!("cannot read {name}: {kind}")),
    }
}

fn rows(text: &str) -> std::result::Result<Vec<DeviceColumns>, Fault> {
    let mut table = HEADER.to_owned();
    let mut order: HashMap<&str, usize> = HashMap::new();
    for (line, content) in lines(text) {
        let Some((name, numbers)) = row(content).map_err(|fault| at(line, &fault))? else {
            continue;
        };
        if order.insert(name, line).is_some() {
            return Err(at(line, &format!("{name} {TWICE}")));
        }
        table.push_str(&format!("{name}: {}\n", numbers.join(" ")));
    }
    if order.is_empty() {
        return Err("it has no row of /proc/net/dev".to_owned());
    }
    let mut columns = proc::parse_net_dev(&table)
        .filter(|columns| columns.len() == order.len())
        .ok_or("its rows do not have the kernel's form")?;
    columns.sort_by_key(|row| order.get(row.name.as_str()));
    Ok(columns)
}

/// The name and the numbers of a row; none for a line that is no row.
fn row(content: &str) -> std::result::Result<Option<(&str, Vec<&str>)>, Fault> {
    let is_number = |word: &&str| word.bytes().all(|b| b.is_ascii_digit());
    let numbers = content.split_whitespace().filter(is_number).count();
    let parts = content.split_once(':').filter(|(name, _)| is_name(name));
    let Some((name, rest)) = parts else {
        if numbers >= ROW_LIKE {
            return Err(format!(
                "{numbers} numbers without the name of an interface: is the line above wrapped?"
            ));
        }
        return Ok(None);
    };
    let mut words = rest.split_whitespace();
    if !words.clone().next().is_some_and(|first| is_number(&first)) && numbers < ROW_LIKE {
        return Ok(None);
    }
    let columns: Vec<&str> = words.by_ref().take(COLUMNS).collect();
    // parse() alone would also take a sign.
    if let Some(word) = columns.iter().find(|w| !is_number(w) || w.parse::<u64>().is_err()) {
        return Err(format!("{name}: {word:.24} is not a number of 64 bits"));
    }
    if columns.len() < COLUMNS {
        return Err(format!(
            "{name} has {} of {COLUMNS} numbers: is the line cut or wrapped?",
            columns.len()
        ));
    }
    match words.find(|word| word.contains(':')) {
        Some(word) => Err(format!("{name} is followed by {word:.24}: give each row its own line")),
        None => Ok(Some((name, columns))),
    }
}

/// What `dev_valid_name()` lets be the name of a device.
fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && !name.contains(|c: char| c == '/' || c.is_whitespace())
}

fn counters(text: &str) -> std::result::Result<Vec<KernelCounter>, Fault> {
    let (mut found, mut seen) = (Vec::new(), HashSet::new());
    for (line, content) in lines(text) {
        let mut words = content.split_whitespace();
        let Some(name) = words.next().filter(|word| word.starts_with("Xfrm")) else { continue };
        let value = words.next().filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
        let Some(value) = value.and_then(|word| word.parse().ok()) else {
            return Err(at(line, &format!("{name:.24} is not followed by a number of 64 bits")));
        };
        if !seen.insert(name) {
            return Err(at(line, &format!("{name:.24} {TWICE}")));
        }
        found.push(KernelCounter { name: name.to_owned(), value });
    }
    if found.is_empty() {
        return Err("it has no counter of /proc/net/xfrm_stat".to_owned());
    }
    Ok(found)
}

/// The lines with their numbers from 1, without what mail and terminals put around them: quote marks, indentation, carriage returns, a
/// byte order mark.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let around = |c: char| c == '>' || c == '\u{feff}' || c.is_whitespace();
    text.lines()
        .enumerate()
        .map(move |(n, line)| (n + 1, line.trim_start_matches(around).trim_end()))
}

fn at(line: usize, fault: &str) -> Fault {
    format!("line {line}: {fault}")
}
