//! What the fuzzers of `shared/fuzz` found worth keeping, and what they begin with, replayed by stable Rust.
//!
//! `SKYFUL_MUTANTS` says how many mutants of each input (1 unless given).

use std::path::Path;

use skyful_tests::fuzz;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../shared/fuzz/corpus").join(target);
    let mut paths: Vec<_> = folder
        .read_dir()
        .expect("a corpus")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path| std::fs::read(path).expect("an input");
    paths.into_iter().map(read).collect()
}

#[test]
fn the_corpora_hold_no_crash_and_still_reach_the_inside() {
    for target in fuzz::TARGETS {
        let inputs = corpus(target);
        let through = inputs.iter().filter(|input| fuzz::run(target, input));
        let (through, inputs) = (through.count(), inputs.len());
        // After a change of the format chunks of before are turned away at the door, and test nothing.
        assert!(
            inputs > 0 && through * 4 > inputs,
            "{target}: {through} of {inputs} inputs are read; run `scripts/fuzz seeds`"
        );
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
        for input in corpus(target) {
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
