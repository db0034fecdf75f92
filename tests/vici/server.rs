//! A VICI socket in a temporary directory with whatever answers on it. The threads end with the test process.

use super::answers::Answers;
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use tempfile::TempDir;

/// A socket and its directory, which goes when this does.
pub struct Server {
    _directory: TempDir,
    pub socket: PathBuf,
}

impl Server {
    /// Each connection is left to `talk`; it is closed when that returns, and what it returns does not matter: clients may go at any time.
    pub fn new(talk: impl Fn(UnixStream) -> io::Result<()> + Clone + Send + 'static) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("charon.vici");
        let listener = UnixListener::bind(&socket).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let talk = talk.clone();
                thread::spawn(move || talk(stream.unwrap()));
            }
        });
        Self { _directory: directory, socket }
    }

    /// As a charon that gives these answers.
    pub fn answering(answers: Answers) -> Self {
        Self::new(move |stream| converse(&answers, stream, usize::MAX))
    }

    /// As a charon that answers everything with one packet, of which the length is right.
    pub fn packet(packet: &[u8]) -> Self {
        let packet = packet.to_vec();
        Self::new(move |mut stream| {
            loop {
                request(&mut stream)?;
                stream.write_all(&with_length(&packet))?;
            }
        })
    }
}

/// The type and the name of the next request.
pub fn request(stream: &mut UnixStream) -> io::Result<(u8, String)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut packet = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut packet)?;
    let name = &packet[2..2 + usize::from(packet[1])];
    Ok((packet[0], String::from_utf8_lossy(name).into_owned()))
}

pub fn with_length(packet: &[u8]) -> Vec<u8> {
    [&u32::try_from(packet.len()).unwrap().to_be_bytes(), packet].concat()
}

/// Answers as charon does, until `limit` bytes were sent; then the connection is closed.
pub fn converse(answers: &Answers, mut stream: UnixStream, limit: usize) -> io::Result<()> {
    let mut left = limit;
    loop {
        let (kind, name) = request(&mut stream)?;
        let bytes = match kind {
            // An event is registered or unregistered.
            3 | 4 => with_length(&[5]),
            _ => answers.0[&name].iter().flat_map(|packet| with_length(packet)).collect(),
        };
        let sent = bytes.len().min(left);
        stream.write_all(&bytes[..sent])?;
        left -= sent;
        if sent < bytes.len() {
            return Ok(());
        }
    }
}
