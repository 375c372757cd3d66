//! The thorough reader is the twin of the quick one: what that accepts, this accepts with the same meaning. (The contexts of
//! the vectors and of the generator are compared in `tests/tests/vectors.rs`.)

use proptest::prelude::*;

use super::{quick, thorough};

/// Whether the quick reader had an answer.
fn check(text: &str) -> bool {
    match quick::read(text) {
        Some(context) => {
            assert_eq!(thorough(text), Ok(context), "{text}");
            true
        }
        None => false,
    }
}

#[test]
fn what_clients_write_is_read_quickly() {
    let unpaired_is_not =
        r#"{"unit":"\ud83d\ude00","attributes":{"a\"b":"\u00e9\n","t":["\\",""]}}"#;
    for text in [
        "{}",
        " {\r\n\t} ",
        unpaired_is_not,
        r#"{"page":"home","unit":null,"device":"","locale":"zh-HK","have":"3.00ff","explain":false}"#,
        r#"{"now":"2026-11-25T01:00:00Z","previous_unit":"u-0"}"#,
        r#"{"attributes" : { "age" : 67 , "a":-0.0E+9, "b":1e999, "c":[], "d":["x" , "y"], "e":null, "f":true } }"#,
        r#"{"attributes":{"中文":"用户-1","a longer name than one word":"a longer text \u0041 than one word"}}"#,
    ] {
        assert!(check(text), "{text}");
    }
}

#[test]
fn what_is_odd_or_wrong_is_left_to_the_thorough_reader() {
    for text in [
        "",
        "[]",
        "null",
        "{",
        "{}{}",
        "{},",
        r#"{"page":"a","page":"a"}"#,
        r#"{"page":"a","p\u0061ge":"a"}"#,
        r#"{"page":1}"#,
        r#"{"page":"a",}"#,
        r#"{"page":"a" "unit":"b"}"#,
        r#"{"page" "a"}"#,
        r#"{page:"a"}"#,
        r#"{"pages":"a"}"#,
        r#"{"unit":"\ud800"}"#,
        r#"{"unit":"\x"}"#,
        r#"{"unit":"\"#,
        r#"{"unit":"a"#,
        "{\"unit\":\"a\tb\"}",
        "{\"unit\":\"12345678\u{1}\"}",
        "{\"unit\":\u{a0}\"a\"}",
        "\u{feff}{}",
        r#"{"now":"yesterday"}"#,
        r#"{"explain":1}"#,
        r#"{"explain":null}"#,
        r#"{"attributes":null}"#,
        r#"{"attributes":[]}"#,
        r#"{"attributes":{"a":1,"a":2}}"#,
        r#"{"attributes":{"a":{"b":1}}}"#,
        r#"{"attributes":{"a":["b",1]}}"#,
        r#"{"attributes":{"a":["b",]}}"#,
        r#"{"attributes":{"a":01}}"#,
        r#"{"attributes":{"a":1.}}"#,
        r#"{"attributes":{"a":.5}}"#,
        r#"{"attributes":{"a":1e}}"#,
        r#"{"attributes":{"a":+1}}"#,
        r#"{"attributes":{"a":-}}"#,
        r#"{"attributes":{"a":truex}}"#,
        r#"{"attributes":{"a":tru}}"#,
        r#"{"attributes":{"a":NaN}}"#,
        r#"{"caps":{}}"#,
    ] {
        assert!(!check(text), "{text}");
    }
}

#[test]
fn names_given_twice_are_found_among_few_and_many() {
    for count in [2, 15, 16, 17, 18, 40, 256, 257] {
        let mut fields: Vec<String> = (0..count).map(|i| format!("\"n{i}\":{i}")).collect();
        let object = |fields: &[String]| format!("{{\"attributes\":{{{}}}}}", fields.join(","));
        assert_eq!(check(&object(&fields)), count <= 256, "{count}");
        for (at, of) in [(count - 1, 0), (count - 1, count - 2), (1, 0)] {
            let kept = core::mem::replace(&mut fields[at], format!("\"n{of}\":null"));
            assert!(!check(&object(&fields)), "{count}");
            fields[at] = kept;
        }
    }
}

const PIECES: [&str; 40] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\n",
    "\"",
    "\\",
    "\\u00e9",
    "\\ud800",
    "\\udc00",
    "é",
    "\u{1}",
    "null",
    "true",
    "false",
    "0",
    "1",
    "-",
    ".",
    "e",
    "E+",
    "\"page\"",
    "\"unit\"",
    "\"locale\"",
    "\"attributes\"",
    "\"a\"",
    "\"b\"",
    "\"now\"",
    "\"2026-11-25T01:00:00Z\"",
    "\"explain\"",
    "\"caps\"",
    "\"seen\"",
    "{\"count\":1}",
    "{\"a\":1}",
    "[\"x\"]",
    "\"a\":",
    ",\"b\":",
];

const BASE: &str = r#"{"page":"home","unit":"u-1","explain":true,"now":"2026-11-25T01:00:00Z","attributes":{"age":67.50e-1,"t":["a","b"],"é":"\n","n":null}}"#;

proptest! {
    #[test]
    fn any_pieces_in_any_order(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24)) {
        check(&pieces.concat());
        check(&format!("{{\"attributes\":{{\"a\":{}}}}}", pieces.concat()));
    }

    #[test]
    fn a_request_with_something_put_in_or_cut_out(
        at in 0..BASE.len(),
        cut in 0..4_usize,
        piece in prop::sample::select(&PIECES[..]),
    ) {
        let before = BASE.get(..at).unwrap_or_default();
        let after = BASE.get(at + cut..).unwrap_or_default();
        check(&format!("{before}{piece}{after}"));
        check(&format!("{before}{after}"));
    }
}
