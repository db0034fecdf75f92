//! A text that is written piece by piece, because it is too large to be kept: to a file or a stream, with the error of whichever refuses. What
//! the text is, it does not know.

use std::fmt;
use std::io::{self, BufWriter, Write};
use vti_diagnostics::error::{Error, Result};

/// What writes a text that is too large to be kept, piece by piece.
pub trait Pieces: FnOnce(&mut dyn fmt::Write) -> Result<()> {}
impl<F: FnOnce(&mut dyn fmt::Write) -> Result<()>> Pieces for F {}

/// Why a text that is written in pieces ends too early.
pub(super) enum Stopped {
    Write(io::Error),
    Text(Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

impl Stopped {
    pub(super) fn into_error(self, failed: impl FnOnce(io::Error) -> Error) -> Error {
        match self {
            Self::Write(error) => failed(error),
            Self::Text(error) => error,
        }
    }
}

/// Hands pieces of a text to a file, and keeps the error of the system, if there is one.
struct Hand<W: Write> {
    to: BufWriter<W>,
    error: Option<io::Error>,
}

impl<W: Write> fmt::Write for Hand<W> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.to.write_all(piece.as_bytes()).map_err(|error| {
            self.error = Some(error);
            fmt::Error
        })
    }
}

/// Writes the text.
pub(super) fn in_pieces(to: impl Write, text: impl Pieces) -> std::result::Result<(), Stopped> {
    let mut hand = Hand { to: BufWriter::with_capacity(64 << 10, to), error: None };
    let written = text(&mut hand);
    if let Some(error) = hand.error {
        return Err(Stopped::Write(error));
    }
    written.map_err(Stopped::Text)?;
    hand.to.flush().map_err(Stopped::Write)
}
