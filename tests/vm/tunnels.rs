//! Many tunnels of the laboratory's router without a daemon: the lines for `ip` that make their interfaces, policies and SAs, and one `ip` that
//! takes them. By turns xfrm and vti interfaces. It runs nothing of the program.

use crate::{Fallible, guest};
use serde_json::Value;
use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};

/// No cryptography: no packet is sent, and making a cipher is most of what an SA costs.
const ALGORITHM: &str = "auth digest_null \"\" enc ecb(cipher_null) \"\"";

/// The outer interface.
pub const WAN: &str = "ip link add wan type dummy
ip addr add 192.0.2.1/24 dev wan
ip link set wan up
";

/// What selects the SAs and policies of a tunnel.
fn mark_or_if_id(number: usize) -> String {
    let id = number + 1;
    if is_vti(number) { format!("mark {id} mask 0xffffffff") } else { format!("if_id {id}") }
}

const fn is_vti(number: usize) -> bool {
    number % 2 == 1
}

fn peer(number: usize) -> String {
    format!("192.0.2.{}", number + 2)
}

/// A VTI and a route into it.
pub fn interface(number: usize) -> String {
    let (id, peer) = (number + 1, peer(number));
    let kind = if is_vti(number) {
        format!("vti local 192.0.2.1 remote {peer} key {id}")
    } else {
        format!("xfrm dev wan if_id {id}")
    };
    format!(
        "ip link add vti{number} type {kind}\nip link set vti{number} up\nip route add 10.7.{number}.0/24 dev vti{number}\n"
    )
}

/// The SPIs of a generation of SAs, in and out.
fn spis(number: usize, generation: u64) -> [u64; 2] {
    let own = generation % 0x10_0000 * 64 + number as u64;
    [0xc000_0000 + own, 0x4000_0000 + own]
}

/// The new SAs, inbound first, as charon adds them.
pub fn sas(number: usize, generation: u64) -> String {
    let ([inbound, outbound], peer, own) =
        (spis(number, generation), peer(number), mark_or_if_id(number));
    let add = |from: &str, to: &str, spi: u64| {
        let reqid = number + 1;
        format!(
            "xfrm state add src {from} dst {to} proto esp spi {spi:#x} reqid {reqid} mode tunnel {ALGORITHM} {own} flag af-unspec\n"
        )
    };
    add(&peer, "192.0.2.1", inbound) + &add("192.0.2.1", &peer, outbound)
}

/// Deletes the SAs of a generation, outbound first.
pub fn deleted(number: usize, generation: u64) -> String {
    let ([inbound, outbound], peer) = (spis(number, generation), peer(number));
    let mark = if is_vti(number) { mark_or_if_id(number) } else { String::new() };
    let delete = |from: &str, to: &str, spi: u64| {
        format!("xfrm state delete src {from} dst {to} proto esp spi {spi:#x} {mark}\n")
    };
    delete("192.0.2.1", &peer, outbound) + &delete(&peer, "192.0.2.1", inbound)
}

/// The three policies; the outbound template names the SA of the generation, as charon's does.
pub fn policies(verb: &str, number: usize, generation: Option<u64>) -> String {
    let (peer, own, reqid) = (peer(number), mark_or_if_id(number), number + 1);
    let spi = generation.map(|generation| format!("spi {:#x}", spis(number, generation)[1]));
    let policy = |direction: &str, from: &str, to: &str, spi: &str| {
        format!(
            "xfrm policy {verb} src 0.0.0.0/0 dst 0.0.0.0/0 dir {direction} {own} tmpl src {from} dst {to} proto esp {spi} reqid {reqid} mode \
             tunnel\n"
        )
    };
    policy("in", &peer, "192.0.2.1", "")
        + &policy("fwd", &peer, "192.0.2.1", "")
        + &policy("out", "192.0.2.1", &peer, &spi.unwrap_or_default())
}

/// One `ip` that takes line after line: starting one for each would be most of the work.
pub struct Ip {
    process: Child,
    lines: ChildStdin,
}

impl Ip {
    pub fn start() -> Fallible<Self> {
        let failed = |error: std::io::Error| format!("cannot run ip: {error}");
        let errors = std::fs::File::create("/tmp/ip").map_err(failed)?;
        let mut process = Command::new("ip")
            .args(["-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .map_err(failed)?;
        let lines = process.stdin.take().ok_or("ip has no input")?;
        Ok(Self { process, lines })
    }

    pub fn write(&mut self, lines: &str) -> Fallible<()> {
        let written = self.lines.write_all(lines.as_bytes());
        written.map_err(|error| self.said(&error.to_string()))
    }

    /// Waits until it has done all lines.
    pub fn end(mut self) -> Fallible<()> {
        drop(self.lines);
        let status = self.process.wait().map_err(|error| format!("cannot wait for ip: {error}"))?;
        if status.success() {
            return Ok(());
        }
        Err(format!("ip: {status}: {}", guest::read("/tmp/ip")?))
    }

    fn said(&mut self, error: &str) -> String {
        let ended = self.process.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
        format!("ip: {error}: {ended}: {}", guest::read("/tmp/ip").unwrap_or_default())
    }
}

/// The list of this name.
pub fn list<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// The text of this name.
pub fn word<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}
