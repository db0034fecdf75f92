//! The texts of an archive: VyOS's `generate ipsec debug-archive` (a tar file in bzip2), the same in gzip or xz or not compressed, a report of sos,
//! or a folder that one was unpacked into. Files are read, and none is written. What is decompressed is bounded, and so is its memory.

use super::pasted::unreadable;
use crate::error::{Error, Result};
use crate::text::{Text, command_of, text_of};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

/// Compressed, an archive of texts is smaller. In bytes.
const LARGEST_FILE: u64 = 64 << 20;
/// Of all that is in an archive, so much is read. In bytes.
const LARGEST_CONTENT: u64 = 256 << 20;
/// Of the texts in it, so much is kept. In bytes.
const LARGEST_TEXTS: usize = 16 << 20;
/// A file that is larger has no output of a command that is of use here. In bytes.
const LARGEST_TEXT: u64 = 4 << 20;
/// A report of sos has several thousand files.
const MOST_FILES: usize = 50_000;
/// Folders in folders.
const DEEPEST: usize = 12;
/// Memory for xz, in KiB: its highest preset needs 65 MiB.
const XZ_MEMORY: u32 = 96 << 10;

/// The texts of an archive or a folder, in the order of their names.
///
/// # Errors
/// One sentence that names the archive: it cannot be read, it is no tar file, or it has no text.
pub fn load_archive(path: &Path) -> Result<Vec<Text>> {
    let name = path.display().to_string();
    let failed = |error: io::Error| unreadable(&name, &error);
    let mut texts = Texts::default();
    if path.is_dir() {
        texts.folder(path, 0).map_err(failed)?;
    } else {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
            .map_err(failed)?;
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(Error::InsufficientResources(format!(
                "cannot read {name}: it is larger than {} MiB",
                LARGEST_FILE >> 20
            )));
        }
        return texts_of_archive(&name, &bytes);
    }
    texts.finish(&name)
}

/// The texts of the bytes of an archive.
///
/// # Errors
/// As those of [`load_archive`].
pub fn texts_of_archive(name: &str, bytes: &[u8]) -> Result<Vec<Text>> {
    let broken = |error: io::Error| {
        Error::IncorrectValue(format!("cannot read {name}: it is no whole archive: {error}"))
    };
    let mut texts = Texts::default();
    match bytes {
        [b'B', b'Z', b'h', ..] => texts.tar(bzip2_rs::DecoderReader::new(Cursor::new(bytes))),
        [0x1f, 0x8b, ..] => texts.tar(flate2::read::MultiGzDecoder::new(bytes)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            texts.tar(lzma_rust2::XzReader::new_mem_limit(Cursor::new(bytes), true, XZ_MEMORY))
        }
        _ if bytes.get(257..262) == Some(b"ustar") => texts.tar(bytes),
        _ => {
            return Err(Error::IncorrectValue(format!(
                "cannot read {name}: it is no folder and no tar, tar.gz, tar.xz or tar.bz2 file; texts are read with --text"
            )));
        }
    }
    .map_err(broken)?;
    texts.finish(name)
}

/// The texts of an archive, as they are found.
#[derive(Default)]
struct Texts {
    found: Vec<Text>,
    size: usize,
    files: usize,
}

impl Texts {
    /// The regular files of a tar file.
    fn tar(&mut self, reader: impl Read) -> io::Result<()> {
        let mut archive = tar::Archive::new(reader.take(LARGEST_CONTENT));
        for entry in archive.entries()? {
            let entry = entry?;
            if !entry.header().entry_type().is_file() || entry.size() > LARGEST_TEXT {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if !self.take(name, entry)? {
                break;
            }
        }
        Ok(())
    }

    /// The regular files of a folder; links are not followed.
    fn folder(&mut self, folder: &Path, depth: usize) -> io::Result<()> {
        let mut entries: Vec<_> = std::fs::read_dir(folder)?.collect::<io::Result<_>>()?;
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let (kind, path) = (entry.file_type()?, entry.path());
            if kind.is_dir() && depth < DEEPEST {
                self.folder(&path, depth + 1)?;
            } else if kind.is_file() && entry.metadata()?.len() <= LARGEST_TEXT {
                let name = path.display().to_string();
                if !self.take(name, File::open(&path)?)? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Keeps a file that is text; false where no more are kept.
    fn take(&mut self, name: String, file: impl Read) -> io::Result<bool> {
        self.files += 1;
        if self.files > MOST_FILES {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        file.take(LARGEST_TEXT).read_to_end(&mut bytes)?;
        // A program or a picture has a zero byte soon; text in UTF-16 begins with its mark.
        let start = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
        let is_utf16 = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
        // A command that printed nothing said something.
        let is_nothing = bytes.is_empty() && command_of(&name).is_none();
        if is_nothing || (start.contains(&0) && !is_utf16) {
            return Ok(true);
        }
        self.size += bytes.len();
        if self.size > LARGEST_TEXTS {
            return Ok(false);
        }
        self.found.push(Text { name, text: text_of(&bytes), is_whole: true });
        Ok(true)
    }

    fn finish(mut self, name: &str) -> Result<Vec<Text>> {
        if self.found.is_empty() {
            return Err(Error::IncorrectValue(format!("cannot read {name}: it has no texts")));
        }
        self.found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(self.found)
    }
}
