//! Reads a capture from a file or standard input, and says in one sentence why one cannot be used.
//! It holds the limits of what is read; the form of the text is in `yaml`.

use super::limits::{MAX_SIZE, size};
use super::{Capture, yaml};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The capture in this file, of at most [`MAX_SIZE`].
///
/// # Errors
/// As [`load_within`].
pub fn load(path: &Path) -> Result<Capture> {
    load_within(path, MAX_SIZE)
}

/// The capture in this file, of at most `max_size` bytes; `-` is standard input.
///
/// # Errors
/// One sentence with the file's name: `DataUnavailable` or `PermissionDenied` where it cannot be read, `InsufficientResources` where it is
/// larger, `IncorrectValue` where it is no capture, or one of a later version, or costs more than its size allows.
pub fn load_within(path: &Path, max_size: u64) -> Result<Capture> {
    let (name, bytes) = if path == Path::new("-") {
        ("standard input".to_string(), read_into(Vec::new(), io::stdin().lock(), max_size))
    } else {
        let bytes = File::open(path).and_then(|file| read_file(file, max_size));
        (path.display().to_string(), bytes)
    };
    let bytes = bytes.map_err(|error| {
        let sentence = format!("cannot read {name}: {}", in_words(&error, max_size));
        match error.kind() {
            ErrorKind::PermissionDenied => Error::PermissionDenied(sentence),
            ErrorKind::FileTooLarge => Error::InsufficientResources(sentence),
            _ => Error::DataUnavailable(sentence),
        }
    })?;
    let refused = |why: &str| Error::IncorrectValue(format!("cannot read {name}: {why}"));
    let text = text(&bytes).map_err(refused)?;
    yaml::parse(text, max_size).map_err(|why| refused(&why))
}

/// Reads a file into as much room as it needs: room that grows is twice as much.
fn read_file(file: File, max_size: u64) -> io::Result<Vec<u8>> {
    let length = file.metadata().map_or(0, |metadata| metadata.len());
    let room = usize::try_from(length.min(max_size)).unwrap_or(0);
    read_into(Vec::with_capacity(room + 1), file, max_size)
}

fn read_into(mut bytes: Vec<u8>, source: impl Read, max_size: u64) -> io::Result<Vec<u8>> {
    source.take(max_size.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_size { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

fn in_words(error: &io::Error, max_size: u64) -> String {
    match error.kind() {
        ErrorKind::FileTooLarge => {
            format!(
                "it is larger than {}, the most that is read; --max-size raises it",
                size(max_size)
            )
        }
        ErrorKind::NotFound => "no such file".to_string(),
        ErrorKind::PermissionDenied => "permission denied".to_string(),
        ErrorKind::IsADirectory => "it is a directory".to_string(),
        _ => error.to_string(),
    }
}

/// The bytes as text, if they can be a capture at all.
fn text(bytes: &[u8]) -> std::result::Result<&str, &'static str> {
    const BINARY: &str = "it is binary, not a capture";
    let text = std::str::from_utf8(bytes).map_err(|_| BINARY)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains('\0') {
        return Err(BINARY);
    }
    if text.trim().is_empty() {
        return Err("it is empty");
    }
    if text.starts_with("Inter-|") {
        return Err("it is a /proc/net/dev, not a capture; use --proc-net-dev");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_capture_is_named() {
        for (bytes, expected) in [
            (&b"\x1f\x8b\x08\x00"[..], "binary"),
            (b"schema: 1\0", "binary"),
            (b"", "empty"),
            (b"\xef\xbb\xbf \n", "empty"),
            (b"Inter-|   Receive", "--proc-net-dev"),
        ] {
            let why = text(bytes).unwrap_err();
            assert!(why.contains(expected), "{bytes:?}: {why}");
        }
        assert_eq!(text(b"\xef\xbb\xbfschema: 1"), Ok("schema: 1"));
    }

    #[test]
    fn more_than_the_limit_is_refused_and_not_read_to_its_end() {
        let read = |source: &mut dyn Read| read_into(Vec::new(), source, 1 << 20);
        let error = read(&mut io::repeat(b' ')).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::FileTooLarge);
        assert_eq!(
            in_words(&error, 1 << 20),
            "it is larger than 1M, the most that is read; --max-size raises it"
        );
        assert_eq!(read(&mut io::repeat(b' ').take(1 << 20)).unwrap().len(), 1 << 20);
    }
}
