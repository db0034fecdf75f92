//! Reads charon over its VICI socket: what it has loaded and what is up. It requests no secret, changes nothing, and never waits longer than
//! its time limit, whatever charon does.

use super::failure::Failure;
use crate::snapshot::ike::Ike;
use crate::snapshot::{Observed, Reason, Source};
use crate::units::BYTE;
use crate::wire::ike;
use crate::wire::vici::{Budget, Kind, LARGEST_PACKET, Packet, Section, request};
use nix::errno::Errno;
use nix::sys::socket::{
    self as system, AddressFamily, SockFlag, SockType, UnixAddr, getsockopt, sockopt,
};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// The time limit for all requests together.
const PATIENCE: Duration = Duration::from_millis(1900);
/// The most bytes that are read from a daemon: some ten thousand IKE_SAs.
const MOST: usize = 32 * 1024 * 1024;

/// Asks charon at `path`.
pub(super) fn ike(path: &Path) -> Observed<Ike> {
    let read = || {
        let mut daemon = Daemon::connect(path)?;
        let version = daemon.ask("version")?;
        let stats = daemon.ask("stats")?;
        let word = |section: &Section, name| section.value(name).unwrap_or_default().to_owned();
        let mut found = Ike {
            daemon: format!("{} {}", word(&version, "daemon"), word(&version, "version")),
            since: stats.section("uptime").map_or_else(String::new, |uptime| word(uptime, "since")),
            ..Ike::default()
        };
        daemon.stream("list-conns", &[], "list-conn", |e| {
            found.connections.extend(ike::connections(e))
        })?;
        daemon.stream("list-sas", &[], "list-sa", |e| found.sas.extend(ike::ike_sas(e)))?;
        daemon.stream("list-policies", &["trap"], "list-policy", |e| {
            found.traps.extend(ike::traps(e))
        })?;
        found.connections.sort_by(|a, b| a.name.cmp(&b.name));
        found.sas.sort_by_key(|a| a.unique_id);
        found.traps.sort();
        Ok(found)
    };
    read().map_err(|failure: Failure| {
        failure.in_operation(&format!("ask charon at {}", path.display())).missing(Source::Charon)
    })
}

/// A connection to the daemon, and what is left of its limits of time, bytes and values.
struct Daemon {
    stream: UnixStream,
    deadline: Instant,
    left: usize,
    budget: Budget,
}

impl Daemon {
    fn connect(path: &Path) -> Result<Self, Failure> {
        let deadline = Instant::now() + PATIENCE;
        // Without waiting: a stopped daemon with a full backlog would block connect() forever.
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = system::socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
        match system::connect(socket.as_raw_fd(), &UnixAddr::new(path)?) {
            Err(Errno::EAGAIN) => return Err(Errno::ETIMEDOUT.into()),
            Err(Errno::ECONNREFUSED) => {
                return Err(Failure::new(Reason::Failed, "no process listens on it"));
            }
            result => result?,
        }
        // A process of another user could create a socket here and send anything.
        let owner = getsockopt(&socket, sockopt::PeerCredentials)?.uid();
        if owner != 0 && owner != nix::unistd::geteuid().as_raw() {
            let detail = format!("the socket belongs to user {owner}, not to root: ignored");
            return Err(Failure::new(Reason::Denied, detail));
        }
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(false)?;
        Ok(Self { stream, deadline, left: MOST, budget: Budget::default() })
    }

    /// One command with one answer.
    fn ask(&mut self, command: &str) -> Result<Section, Failure> {
        self.send(&request(Kind::Request, command, &[]))?;
        let bytes = self.receive()?;
        let packet = Packet::decode(&bytes)?;
        match packet.kind {
            Kind::Response => Ok(Section::decode(packet.message, &mut self.budget)?),
            kind => Err(unexpected(command, kind)),
        }
    }

    /// One command whose answer comes as events.
    fn stream(
        &mut self,
        command: &str,
        flags: &[&str],
        event: &str,
        mut take: impl FnMut(&Section),
    ) -> Result<(), Failure> {
        self.send(&request(Kind::Register, event, &[]))?;
        let bytes = self.receive()?;
        match Packet::decode(&bytes)?.kind {
            Kind::Confirm => {}
            kind => return Err(unexpected(event, kind)),
        }
        self.send(&request(Kind::Request, command, flags))?;
        loop {
            let bytes = self.receive()?;
            let packet = Packet::decode(&bytes)?;
            match packet.kind {
                Kind::Event if packet.name == event.as_bytes() => {
                    take(&Section::decode(packet.message, &mut self.budget)?)
                }
                // An event of an earlier request.
                Kind::Event => {}
                Kind::Response => return Ok(()),
                kind => return Err(unexpected(command, kind)),
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.set_write_timeout(Some(self.remaining()?))?;
        self.stream.write_all(bytes).map_err(or_timed_out)
    }

    /// The next packet, without the length before it.
    fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LARGEST_PACKET {
            let detail = format!("a packet of {} is larger than any answer", BYTE.of(length));
            return Err(Failure::new(Reason::Malformed, detail));
        }
        self.left = self.left.checked_sub(length).ok_or_else(|| {
            Failure::new(
                Reason::Malformed,
                format!("its answers are longer than {}", BYTE.of(MOST)),
            )
        })?;
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// `read_exact()` that checks the deadline after each part.
    fn fill(&mut self, mut bytes: &mut [u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            self.stream.set_read_timeout(Some(self.remaining()?))?;
            match self.stream.read(bytes) {
                Ok(0) => return Err(Failure::new(Reason::Failed, "it closed the connection")),
                Ok(read) => bytes = bytes.get_mut(read..).unwrap_or_default(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(or_timed_out(error)),
            }
        }
        Ok(())
    }

    fn remaining(&self) -> Result<Duration, Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Errno::ETIMEDOUT.into()) } else { Ok(left) }
    }
}

/// A socket with a time limit returns EAGAIN when the time is over.
fn or_timed_out(error: std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Errno::ETIMEDOUT.into(),
        _ => error.into(),
    }
}

fn unexpected(what: &str, kind: Kind) -> Failure {
    match kind {
        Kind::Unknown | Kind::UnknownEvent => {
            // A daemon that is there is not absent: what it has is unknown.
            Failure::new(Reason::Malformed, format!("it does not know {what}"))
        }
        kind => Failure::new(Reason::Malformed, format!("unexpected answer to {what}: {kind:?}")),
    }
}
