//! What the fuzz targets of `shared/fuzz` do with bytes. It stands here so that stable Rust replays their corpora
//! (`tests/tests/corpora.rs`), and tests of hostile chunks use the same knife. Knows nothing of libFuzzer: each target
//! has a `run`, and all but `request` a `mutate` that keeps most mutants near what is valid.
//!
//! Nothing hides behind a digest or a signature: both are made anew of whatever the bytes have become.

pub mod choices;
pub mod decode;
pub mod document;
pub mod release;
pub mod request;
pub mod resolve;
pub mod seeds;
pub mod surgery;
pub mod visitor;

/// The named target's treatment of one input; panics are what is looked for. Says whether the input got past the door:
/// decoded, opened, compiled, read.
pub fn run(target: &str, input: &[u8]) -> bool {
    match target {
        "decode" => decode::run(input),
        "resolve" => resolve::run(input),
        "document" => document::run(input),
        "request" => request::run(input),
        other => panic!("there is no target {other}"),
    }
}

/// The named target's own mutation of a buffer's first `size` bytes; afterwards so many count.
pub fn mutate(
    target: &str,
    data: &mut [u8],
    size: usize,
    seed: u32,
    theirs: Fallback<'_>,
) -> usize {
    let most = data.len();
    match target {
        "decode" => decode::mutate(data, size, most, seed, theirs),
        "resolve" => resolve::mutate(data, size, most, seed, theirs),
        "document" => document::mutate(data, size, most, seed, theirs),
        _ => theirs(data, size, most),
    }
}

pub const TARGETS: [&str; 4] = ["decode", "resolve", "document", "request"];

/// A mutator's own mutation of a copy, or what libFuzzer makes of the bytes.
pub(crate) enum Mutant {
    Ours(Vec<u8>),
    /// The bytes from here on are for libFuzzer.
    Theirs(usize),
}

/// libFuzzer's way of mutating: a buffer with room, how much of it counts, and afterwards counts.
pub type Fallback<'a> = &'a mut dyn FnMut(&mut [u8], usize, usize) -> usize;

/// Puts a mutant into libFuzzer's buffer.
pub(crate) fn settle(
    mutant: Mutant,
    data: &mut [u8],
    size: usize,
    max_size: usize,
    theirs: Fallback<'_>,
) -> usize {
    match mutant {
        Mutant::Ours(bytes) if bytes.len() <= max_size => {
            data[..bytes.len()].copy_from_slice(&bytes);
            bytes.len()
        }
        Mutant::Ours(_) => theirs(data, size, max_size),
        Mutant::Theirs(from) => {
            let from = from.min(size);
            if from == max_size {
                return size;
            }
            from + theirs(&mut data[from..], size - from, max_size - from)
        }
    }
}
