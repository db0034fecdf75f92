//! Bytes that are written at one end and read at the other, in pages: they grow without being copied, and a page that was read is given
//! back. So a text that stands between two forms of a capture is in memory once, and only while neither form is whole. What the bytes are,
//! it does not know.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

/// Bytes of a page.
const SIZE: usize = 64 << 10;

/// What was written and not yet read.
#[derive(Default)]
pub(super) struct Pages {
    pages: VecDeque<Vec<u8>>,
    /// So much of the first page was read.
    read: usize,
}

impl Write for Pages {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.pages.back_mut() {
            Some(page) if page.len() < SIZE => {
                let (now, _) = bytes.split_at(bytes.len().min(SIZE - page.len()));
                page.extend_from_slice(now);
                Ok(now.len())
            }
            _ => {
                self.pages.push_back(Vec::with_capacity(SIZE));
                if bytes.is_empty() { Ok(0) } else { self.write(bytes) }
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Pages {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let Some(page) = self.pages.front() else { return Ok(0) };
        let number = page.get(self.read..).unwrap_or_default().read(to)?;
        self.read += number;
        if self.read == page.len() {
            self.pages.pop_front();
            self.read = 0;
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_whatever_the_pieces() {
        let all: Vec<u8> = (0..3 * SIZE + 5).map(|n| n as u8).collect();
        for piece in [1, 7, SIZE - 1, SIZE, SIZE + 1, all.len()] {
            let mut pages = Pages::default();
            for bytes in all.chunks(piece) {
                pages.write_all(bytes).unwrap();
            }
            assert_eq!(pages.pages.len(), 4);
            let (mut read, mut buffer) = (Vec::new(), vec![0; piece]);
            loop {
                match pages.read(&mut buffer).unwrap() {
                    0 => break,
                    number => read.extend_from_slice(&buffer[..number]),
                }
                assert!(pages.pages.len() <= 4 - read.len() / SIZE);
            }
            assert!(read == all, "{piece}");
        }
    }
}
