//! Regular expressions become sparse serialized DFAs, so that an edge only walks bytes.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use regex_automata::dfa::{dense, sparse};
use regex_automata::util::syntax;

use crate::limits;

/// An unanchored search automaton, or why there is none.
pub fn automaton(pattern: &str) -> Result<Vec<u8>, String> {
    if pattern.len() > limits::REGEX_BYTES {
        return Err(format!(
            "a pattern is at most {} bytes",
            limits::REGEX_BYTES
        ));
    }
    // Determinizing can explode; ten times the final limit is room enough for what minimizes well.
    let room = limits::REGEX_DFA_BYTES * 10;
    let dense = dense::Builder::new()
        .configure(
            dense::Config::new()
                .start_kind(regex_automata::dfa::StartKind::Unanchored)
                .dfa_size_limit(Some(room * 8))
                .determinize_size_limit(Some(room * 8))
                .minimize(false),
        )
        .syntax(syntax::Config::new().nest_limit(50))
        .build(pattern)
        .map_err(|e| {
            let cause =
                core::error::Error::source(&e).map_or_else(|| e.to_string(), ToString::to_string);
            format!("not a usable pattern: {}", cause.replace('\n', " "))
        })?;
    let sparse: sparse::DFA<Vec<u8>> = dense.to_sparse().map_err(|e| e.to_string())?;
    let bytes = sparse.to_bytes_little_endian();
    if bytes.len() > limits::REGEX_DFA_BYTES {
        return Err(format!(
            "its automaton takes {} bytes, at most {} are allowed",
            bytes.len(),
            limits::REGEX_DFA_BYTES
        ));
    }
    Ok(bytes)
}
