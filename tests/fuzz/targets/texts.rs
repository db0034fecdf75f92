//! Texts that commands printed (`show --text`): from the bytes of a file to the report on them.

use super::{Target, two};
use crate::mutate::{Random, bytes, text as form};
use std::path::Path;
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
    files
        .iter()
        .map(|path| {
            std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        })
        .collect()
}

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
