//! One request, timed step by step beside its floors. Also built as Wasm, for `run.mjs`.

pub mod steps;
#[cfg(target_family = "wasm")]
mod wasm;
