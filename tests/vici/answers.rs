//! The recorded answers of a real charon, by command, and what they become when parts of them are replaced.

use std::collections::BTreeMap;

pub const VTI: &str = include_str!("recorded/vti.hex");
pub const XFRM: &str = include_str!("recorded/xfrm.hex");

/// The packets that answer each command, without their lengths; the last one of each is the response.
#[derive(Clone, Default)]
pub struct Answers(pub BTreeMap<String, Vec<Vec<u8>>>);

impl Answers {
    pub fn recorded(text: &str) -> Self {
        let mut answers = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (command, digits) = line.split_once(' ').unwrap();
            let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
            let packet = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
            answers.0.entry(command.to_owned()).or_default().push(packet);
        }
        answers
    }

    /// Every packet of every answer.
    pub fn packets(&self) -> Vec<Vec<u8>> {
        self.0.values().flatten().cloned().collect()
    }

    /// The same answers with other bytes for these, in every packet.
    pub fn with(mut self, old: &[u8], new: &[u8]) -> Self {
        for packet in self.0.values_mut().flatten() {
            *packet = replaced(packet, old, new);
        }
        self
    }
}

/// `packet` with each `old` replaced.
pub fn replaced(packet: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut result = Vec::new();
    let mut rest = packet;
    while let Some(at) = rest.windows(old.len()).position(|window| window == old) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    result.extend_from_slice(rest);
    result
}

/// Bytes with their length in one byte before them: a name.
pub fn name(text: &[u8]) -> Vec<u8> {
    [&[u8::try_from(text.len()).unwrap()], text].concat()
}

/// Bytes with their length in two bytes before them: a value.
pub fn value(text: &[u8]) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes()[..], text].concat()
}
