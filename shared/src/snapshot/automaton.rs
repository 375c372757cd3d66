//! Serialized sparse automata of regular expressions, searched where they lie.

use regex_automata::Input;
use regex_automata::dfa::{Automaton, sparse};

/// Whether bytes are an automaton that [`matches`] can search with.
pub fn fits(bytes: &[u8]) -> bool {
    sparse::DFA::from_bytes(bytes).is_ok_and(|(_, read)| read == bytes.len())
}

/// Whether the pattern is found anywhere in the text.
pub fn matches(automaton: &[u8], text: &str) -> bool {
    let Ok((dfa, _)) = sparse::DFA::from_bytes(automaton) else {
        return false;
    };
    matches!(
        dfa.try_search_fwd(&Input::new(text).earliest(true)),
        Ok(Some(_))
    )
}
