//! What the fuzzers of `shared/fuzz` found worth keeping, and what they begin with, replayed by stable Rust.
//!
//! `SKYFUL_MUTANTS` says how many mutants of each input (1 unless given).

use std::path::Path;

use skyful_tests::fuzz;

/// Names and inputs.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/fuzz/corpus").join(target);
    let entries = folder.read_dir().expect("a corpus").map(|entry| {
        let entry = entry.expect("an entry");
        let input = std::fs::read(entry.path()).expect("an input");
        (entry.file_name().to_string_lossy().into_owned(), input)
    });
    let mut inputs: Vec<_> = entries.collect();
    inputs.sort();
    inputs
}

/// Finds have the name of a digest; most of them are refused at some new place.
fn is_seed(name: &str) -> bool {
    name.len() < 40
}

#[test]
fn the_corpora_hold_no_crash_and_their_seeds_are_read() {
    for target in fuzz::TARGETS {
        let mut seeds = 0;
        for (name, input) in corpus(target) {
            let read = fuzz::run(target, &input);
            seeds += usize::from(is_seed(&name));
            // After a change of the format chunks of before are turned away at the door, and test nothing.
            assert!(
                read || !is_seed(&name) || target == "request",
                "{target}/{name} is not read; run `scripts/fuzz seeds`"
            );
        }
        assert!(seeds > 0, "{target}");
    }
}

/// As libFuzzer would mutate where a target leaves it to that: one byte.
fn one_byte(seed: u32) -> impl FnMut(&mut [u8], usize, usize) -> usize {
    move |data, size, _| {
        if let Some(at) = (seed as usize).checked_rem(size) {
            data[at] ^= 1 << (seed % 8);
        }
        size
    }
}

#[test]
fn mutants_of_the_corpora_are_refused_or_answer() {
    let rounds = std::env::var("SKYFUL_MUTANTS").map_or(1, |text| text.parse().expect("a number"));
    let mut through = 0;
    let mut buffer = vec![0; 96 << 10];
    for target in fuzz::TARGETS {
        for (_, input) in corpus(target) {
            for round in 0..rounds {
                buffer[..input.len()].copy_from_slice(&input);
                let seed = round ^ (input.len() as u32) << 16;
                let fallback = &mut one_byte(seed.wrapping_mul(0x9e37_79b9));
                let size = fuzz::mutate(target, &mut buffer, input.len(), seed, fallback);
                through += usize::from(fuzz::run(target, &buffer[..size]));
            }
        }
    }
    assert!(through > 0);
}
