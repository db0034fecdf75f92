//! Looks for keys: `lab --keys KEYS TARGET...` fails where the memory of a process (a TARGET that is a number) or a file holds a part of one
//! of the keys that KEYS lists, a line of hexadecimal digits each. Runs in the guest only; it prints where a key is, and never the key.

use crate::Fallible;
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes of a key that are one: chance does not make them, and a key that was written over in part is found, too.
const PART: usize = 8;
/// What is read at a time.
const CHUNK: usize = 1 << 20;

/// True when no target holds a key.
pub fn run(words: &[&str]) -> Fallible<bool> {
    let [keys, targets @ ..] = words else { return Err("--keys needs KEYS and targets".into()) };
    let parts = Parts::of(&crate::guest::read(keys)?)?;
    let mut clean = true;
    for target in targets {
        let places = match target.parse::<u32>() {
            Ok(pid) => in_process(pid, &parts)?,
            Err(_) => in_file(target, &parts)?,
        };
        places.iter().for_each(|place| println!("a key is in {target}, {place}"));
        clean &= places.is_empty();
    }
    Ok(clean)
}

/// All parts of all keys, as the kernel has them and as people write them.
struct Parts {
    raw: BTreeSet<[u8; PART]>,
    written: BTreeSet<[u8; 2 * PART]>,
    /// First bytes of either: nearly all memory begins nothing.
    first: [bool; 256],
}

impl Parts {
    fn of(text: &str) -> Fallible<Self> {
        let mut parts =
            Self { raw: BTreeSet::new(), written: BTreeSet::new(), first: [false; 256] };
        for line in text.lines() {
            let digits = line.trim().trim_start_matches("0x");
            let byte =
                |n: usize| digits.get(2 * n..2 * n + 2).map(|two| u8::from_str_radix(two, 16));
            let bytes = (0..digits.len() / 2).map_while(byte).collect::<Result<Vec<u8>, _>>();
            let key = bytes.map_err(|error| format!("a key of KEYS: {error}"))?;
            if key.len() < PART {
                return Err("a key of KEYS is too short to be searched for".into());
            }
            for part in key.windows(PART) {
                let lower: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
                for written in [lower.to_uppercase(), lower] {
                    parts.written.extend(written.as_bytes().first_chunk::<{ 2 * PART }>());
                }
                parts.raw.extend(part.first_chunk::<PART>());
            }
        }
        if parts.raw.is_empty() {
            return Err("KEYS has no key".into());
        }
        let raw = parts.raw.iter().map(|part| part[0]);
        for byte in raw.chain(parts.written.iter().map(|part| part[0])) {
            if let Some(first) = parts.first.get_mut(usize::from(byte)) {
                *first = true;
            }
        }
        Ok(parts)
    }

    /// Where the first part of a key begins.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let begins = |at: &usize| {
            let rest = bytes.get(*at..).unwrap_or_default();
            rest.first_chunk().is_some_and(|part| self.raw.contains(part))
                || rest.first_chunk().is_some_and(|part| self.written.contains(part))
        };
        let may = |byte: &u8| self.first.get(usize::from(*byte)) == Some(&true);
        bytes.iter().enumerate().filter(|(_, byte)| may(byte)).map(|(at, _)| at).find(begins)
    }
}

fn in_file(path: &str, parts: &Parts) -> Fallible<Vec<String>> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))?;
    Ok(parts
        .find(&bytes)
        .map(|at| format!("at byte {at} of {}", bytes.len()))
        .into_iter()
        .collect())
}

/// Every map that can be read, but those that are the kernel's own.
fn in_process(pid: u32, parts: &Parts) -> Fallible<Vec<String>> {
    let maps = crate::guest::read(&format!("/proc/{pid}/maps"))?;
    let failed = |error: std::io::Error| format!("cannot read the memory of {pid}: {error}");
    let memory = File::open(format!("/proc/{pid}/mem")).map_err(failed)?;
    let (mut places, mut searched) = (Vec::new(), 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        let name = words.nth(3).unwrap_or("memory without a name");
        if !rights.starts_with('r') || ["[vvar]", "[vvar_vclock]", "[vsyscall]"].contains(&name) {
            continue;
        }
        let ends = range
            .split_once('-')
            .map(|(from, to)| (u64::from_str_radix(from, 16), u64::from_str_radix(to, 16)));
        let Some((Ok(from), Ok(to))) = ends else { return Err(format!("a map of {pid}: {line}")) };
        let mut bytes = vec![0; usize::try_from(to - from).map_err(|_| "a map is too large")?];
        for (n, chunk) in bytes.chunks_mut(CHUNK).enumerate() {
            memory.read_exact_at(chunk, from + (n * CHUNK) as u64).map_err(failed)?;
        }
        searched += bytes.len();
        places.extend(
            parts.find(&bytes).map(|at| format!("{name} ({rights}), byte {at} of {}", bytes.len())),
        );
    }
    println!(
        "{searched} bytes of the memory of {pid} were searched for {} parts of keys",
        parts.raw.len()
    );
    Ok(places)
}
