//! What the fuzzers of `shared/fuzz` found worth keeping, replayed by stable Rust, and what they begin with.
//!
//! `SKYFUL_MUTANTS` says how many mutants of each seed (4 unless given).

use std::path::Path;

use skyful_tests::fuzz::{self, seeds::seeds};

/// Inputs of a target, and how many of them got past the door.
fn replay(target: &str) -> (usize, usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/fuzz/corpus").join(target);
    let (mut inputs, mut through) = (0, 0);
    for entry in folder.read_dir().expect("a corpus") {
        let input = std::fs::read(entry.expect("an entry").path()).expect("an input");
        inputs += 1;
        through += usize::from(fuzz::run(target, &input));
    }
    (inputs, through)
}

#[test]
fn the_corpora_hold_no_crash_and_still_reach_the_inside() {
    for target in fuzz::TARGETS {
        let (inputs, through) = replay(target);
        // After a change of the format chunks of before are turned away at the door, and test nothing.
        assert!(
            inputs > 0 && through * 4 > inputs,
            "{target}: {through} of {inputs} inputs are read; run `scripts/fuzz seeds`"
        );
    }
}

#[test]
fn every_seed_is_read() {
    for (name, input) in seeds() {
        let (target, _) = name.split_once('/').expect("a target");
        let fine = fuzz::run(target, &input);
        assert!(fine || name.starts_with("request/"), "{name}");
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
fn mutants_of_the_seeds_are_refused_or_answer() {
    let rounds = std::env::var("SKYFUL_MUTANTS").map_or(4, |text| text.parse().expect("a number"));
    let mut through = 0;
    for (name, input) in seeds() {
        let (target, _) = name.split_once('/').expect("a target");
        for round in 0..rounds {
            let mut buffer = vec![0; 96 << 10];
            buffer[..input.len()].copy_from_slice(&input);
            let seed = round ^ (input.len() as u32) << 16;
            let fallback = &mut one_byte(seed.wrapping_mul(0x9e37_79b9));
            let size = fuzz::mutate(target, &mut buffer, input.len(), seed, fallback);
            through += usize::from(fuzz::run(target, &buffer[..size]));
        }
    }
    assert!(through > 0);
}
