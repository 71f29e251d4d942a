//! The corpora of `tests/fuzz`, as they are and spoiled: what a fuzzer found once is never lost again.
#![allow(clippy::unwrap_used)]

use super::TARGETS;
use proptest::{
    prelude::any,
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, TestRunner},
};
use std::{fs, path::Path};

/// How often each file is spoiled.
const ROUNDS: usize = 100;

#[test]
fn no_file_of_a_corpus_and_no_spoiled_one_does_harm() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    let mut runner = TestRunner::new_with_rng(Config::default(), super_seed());
    for (name, target) in TARGETS {
        let mut files: Vec<_> = fs::read_dir(corpora.join(name))
            .unwrap_or_else(|error| panic!("no corpus for {name}: {error}"))
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "an empty corpus for {name}");
        for file in files {
            let bytes = fs::read(file).unwrap();
            target(&bytes);
            for _ in 0..ROUNDS {
                target(&spoiled(&mut runner, bytes.clone()));
            }
        }
    }
}

fn super_seed() -> proptest::test_runner::TestRng {
    let algorithm = proptest::test_runner::RngAlgorithm::ChaCha;
    proptest::test_runner::TestRng::from_seed(algorithm, &[7; 32])
}

/// Some bytes changed, cut out, doubled, or cut off.
fn spoiled(runner: &mut TestRunner, mut bytes: Vec<u8>) -> Vec<u8> {
    let edits = (1..4_usize, any::<[(u8, u16, u8); 4]>());
    let (count, edits) = edits.new_tree(runner).unwrap().current();
    for (kind, place, value) in edits.into_iter().take(count) {
        if bytes.is_empty() {
            bytes.push(value);
            continue;
        }
        let place = usize::from(place) % bytes.len();
        match kind % 5 {
            0 => bytes[place] = value,
            1 => bytes[place] ^= 1 << (value % 8),
            2 => bytes.truncate(place),
            3 => drop(bytes.drain(place..(place + usize::from(value)).min(bytes.len()))),
            _ => bytes.insert(place, value),
        }
    }
    bytes
}
