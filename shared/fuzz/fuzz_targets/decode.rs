#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use skyful_tests::fuzz::decode::{mutate, run};

fuzz_target!(|data: &[u8]| {
    run(data);
});
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate(data, size, max_size, seed, &mut fuzzer_mutate)
});
