//! No text makes the check panic.

use proptest::prelude::*;
use proptest::sample::Index;

use super::{EXAMPLE, run};

#[derive(Clone, Debug)]
enum Edit {
    Delete(Index, usize),
    Insert(Index, String),
    Replace(Index, u8),
    /// Copies a piece elsewhere.
    Copy(Index, usize, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let words = prop_oneof![
        Just("null"),
        Just("[]"),
        Just("{}"),
        Just("-1"),
        Just("\n"),
        Just("  "),
        Just(": "),
        Just("&a "),
        Just("*a "),
        Just("!!str "),
        Just("$ref: '#'"),
        Just("default"),
        Just("\""),
        Just("'"),
        Just(", "),
        Just("x-localizable: true, "),
        Just("{all: ["),
        Just("0x1"),
    ];
    prop_oneof![
        (any::<Index>(), 1..40_usize).prop_map(|(at, n)| Edit::Delete(at, n)),
        (any::<Index>(), words).prop_map(|(at, word)| Edit::Insert(at, word.to_owned())),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (any::<Index>(), 1..60_usize, any::<Index>()).prop_map(|(a, n, b)| Edit::Copy(a, n, b)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_documents_are_answered(edits in prop::collection::vec(edit(), 1..6)) {
        let mut text = EXAMPLE.as_bytes().to_vec();
        for edit in edits {
            match edit {
                Edit::Delete(at, n) => {
                    let from = at.index(text.len());
                    let to = (from + n).min(text.len() - 1);
                    text.drain(from.min(to)..to);
                }
                Edit::Insert(at, word) => {
                    let at = at.index(text.len());
                    text.splice(at..at, word.bytes());
                }
                Edit::Replace(at, byte) => {
                    let at = at.index(text.len());
                    text[at] = byte;
                }
                Edit::Copy(from, n, to) => {
                    let from = from.index(text.len());
                    let piece = text[from..(from + n).min(text.len())].to_vec();
                    let to = to.index(text.len());
                    text.splice(to..to, piece);
                }
            }
        }
        // `run` asserts what holds of every answer.
        run(&text);
    }

    #[test]
    fn any_bytes_are_answered(text in prop::collection::vec(any::<u8>(), 0..200)) {
        run(&text);
    }

    #[test]
    fn any_yaml_like_text_is_answered(text in "[a-c:\\-\\[\\]{},&*!|>'\"#\n 0-9.~?%@]{0,120}") {
        run(text.as_bytes());
    }
}
