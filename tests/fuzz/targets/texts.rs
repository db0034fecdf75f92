//! Texts that commands printed (`show --text`): from the bytes of a file to the report on them.

use super::{Target, two};
use crate::mutate::{Random, bytes, text as form};
use std::path::Path;
use vti_diagnostics::capture;
use vti_diagnostics::diagnose::{self, Observation, assumed};
use vti_diagnostics::render::text;
use vti_diagnostics::text::{self as texts, Text};

pub const TARGET: Target = Target { name: "texts", inputs: (200_000, 300), seeds, mutate, run };

fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/texts");
    let folders = [folder.clone(), folder.join("formats")];
    let entries = folders.iter().flat_map(|folder| {
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    });
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let read = |path: &std::path::PathBuf| {
        std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let mut seeds: Vec<Vec<u8>> = files.iter().map(read).collect();
    // In a text of some hundred kilobytes few changes meet them: each by itself.
    let of_one: Vec<Vec<u8>> = seeds.iter().flat_map(|text| rare(text)).collect();
    seeds.extend(of_one);
    let archive = folder.join("formats/vyos-debug-archive.tar.bz2");
    let texts = capture::load_archive(&archive).unwrap_or_else(|error| panic!("{error}"));
    seeds.extend(texts.into_iter().map(|text| text.text.into_bytes()));
    seeds.extend([CHARON, VYOS].map(|text| text.as_bytes().to_vec()));
    seeds
}

/// What `ip -j` and the like printed in a text of the laboratory.
fn rare(text: &[u8]) -> Vec<Vec<u8>> {
    const COMMANDS: [&str; 4] = ["ip -j address", "ip -j route", "ip -j rule", "ip -j neighbour"];
    let text = String::from_utf8_lossy(text);
    let parts = text.split("root@router:~# ");
    parts
        .filter(|part| COMMANDS.iter().any(|command| part.starts_with(command)))
        .map(|part| format!("root@router:~# {part}root@router:~#\n").into_bytes())
        .collect()
}

/// In the form of strongSwan 5.9.8 (list_sas.c, list_conns.c), with the values of the laboratory's tunnel.
const CHARON: &str = "\
root@router:~# swanctl --list-sas
AZURE: #1, ESTABLISHED, IKEv2, 0123456789abcdef_i* fedcba9876543210_r
  local  '192.0.2.1' @ 192.0.2.1[500]
  remote '192.0.2.2' @ 192.0.2.2[500]
  AES_GCM_16-128/PRF_HMAC_SHA2_256/MODP_2048
  established 17s ago, rekeying in 13432s
  AZURE-vti: #1, reqid 1, INSTALLED, TUNNEL, ESP:AES_GCM_16-128
    installed 17s ago, rekeying in 3200s, expires in 3943s
    in  00000102 (0x7/0xffffffff|-),    780 bytes,     5 packets,     1s ago
    out 00000101 (0x7/0xffffffff|-),    640 bytes,     5 packets,     1s ago
    local  0.0.0.0/0 ::/0
    remote 0.0.0.0/0 ::/0
root@router:~# swanctl --list-conns
AZURE: IKEv2, no reauthentication, rekeying every 14400s
  local:  192.0.2.1
  remote: 192.0.2.2
  local pre-shared key authentication:
    id: 192.0.2.1
  remote pre-shared key authentication:
    id: 192.0.2.2
  AZURE-vti: TUNNEL, rekeying every 3600s
    local:  0.0.0.0/0 ::/0
    remote: 0.0.0.0/0 ::/0
root@router:~#
";

/// In the form of VyOS 1.4.
const VYOS: &str = "\
vyos@gw1:~$ show version
Version:          VyOS 1.4.2
Release train:    sagitta
Built by:         release@vyos.io
Architecture:     x86_64
vyos@gw1:~$ show configuration commands
set interfaces vti vti7 address '10.9.1.1/32'
set vpn ipsec site-to-site peer AZURE remote-address '192.0.2.2'
set vpn ipsec site-to-site peer AZURE connection-type 'initiate'
set vpn ipsec site-to-site peer AZURE ike-group 'AZURE'
set vpn ipsec site-to-site peer AZURE vti bind 'vti7'
set vpn ipsec ike-group AZURE ikev2-reauth
vyos@gw1:~$
";

fn mutate(random: &mut Random, seeds: &[Vec<u8>]) -> Vec<u8> {
    let (seed, other) = two(random, seeds);
    let mut text = seed.to_vec();
    // What is left of some is nothing that is recognised.
    if random.one_in(16) {
        text.truncate(random.below(16));
    }
    loop {
        match random.one_in(4) {
            true => bytes::mutate(random, &mut text, other),
            false => form::mutate(random, &mut text, other),
        }
        if !random.one_in(3) {
            return text;
        }
    }
}

fn run(input: &[u8]) -> bool {
    let given = Text {
        name: "text".to_owned(),
        text: texts::text_of(input),
        is_whole: input.len() % 2 == 0,
    };
    let Ok(mut reading) = texts::read(&[given]) else { return false };
    reading.snapshots.iter_mut().for_each(assumed::name_commands);
    let Some(now) = reading.snapshots.last() else { return false };
    let earlier = reading.snapshots.len().checked_sub(2).and_then(|at| reading.snapshots.get(at));
    let mut report = diagnose::run(&Observation { now, earlier }, None).expect("a report");
    reading.input.next = assumed::most_useful(now);
    report.input = Some(reading.input);
    assert!(!text::report(&report, 80, text::Shown::Detail).is_empty());
    true
}
