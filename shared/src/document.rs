//! From text to a tree in which every value knows where it stands: YAML 1.2 core schema, of which
//! JSON is a part. Lacks any knowledge of what a workspace is.

mod build;
mod scalar;
mod written;

use std::borrow::Cow;
use std::rc::Rc;

use crate::limits;
use crate::problem::{Problem, Problems, Severity};

pub use written::{json, yaml};

/// Where something begins. Both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

#[derive(Clone, Debug)]
pub struct Node {
    pub value: Value,
    pub place: Place,
}

/// Collections are shared, so that an alias costs nothing, however often it stands.
#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Bool(bool),
    /// The literal as written; [`json_number`] makes a JSON one of it.
    Number(Rc<str>),
    Text(Rc<str>),
    List(Rc<Vec<Node>>),
    Map(Rc<Vec<Entry>>),
    /// Something that was already reported. Readers pass it over in silence.
    Unusable,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: Rc<str>,
    pub place: Place,
    pub value: Node,
}

/// Reads one document, bytes first: they must be UTF-8 and within the limits. None if there is
/// nothing to go on with; what is wrong has then been added to `problems`.
pub fn read(bytes: &[u8], problems: &mut Problems) -> Option<Node> {
    if bytes.len() > limits::DOCUMENT_BYTES {
        problems.push(problem(
            "limit",
            Place::default(),
            format!(
                "the document has {} bytes; at most {} (DOCUMENT_BYTES) are read",
                bytes.len(),
                limits::DOCUMENT_BYTES
            ),
        ));
        return None;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => build::tree(text.strip_prefix('\u{feff}').unwrap_or(text), problems),
        Err(e) => {
            let good = bytes.get(..e.valid_up_to()).unwrap_or_default();
            problems.push(problem(
                "encoding",
                place_after(&String::from_utf8_lossy(good)),
                "the document is not UTF-8".to_owned(),
            ));
            None
        }
    }
}

/// A YAML 1.2 number as a JSON literal: without `+`, leading zeros, or a bare point.
pub fn json_number(literal: &str) -> Cow<'_, str> {
    scalar::json_number(literal)
}

fn place_after(text: &str) -> Place {
    let line = text.bytes().filter(|b| *b == b'\n').count();
    let column = text
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count());
    Place {
        line: small(line.saturating_add(1)),
        column: small(column.saturating_add(1)),
    }
}

fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn problem(code: &'static str, place: Place, message: String) -> Problem {
    Problem {
        severity: Severity::Error,
        code,
        path: String::new(),
        line: place.line,
        column: place.column,
        message,
        hint: None,
    }
}

/// One step of a JSON Pointer (RFC 6901).
pub(crate) fn push_pointer(path: &mut String, step: &str) {
    path.push('/');
    for c in step.chars() {
        match c {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            c => path.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Listed = (&'static str, u32, u32, String);

    fn read_text(text: &str) -> (Option<Node>, Vec<Listed>) {
        let mut problems = Problems::default();
        let node = read(text.as_bytes(), &mut problems);
        let listed = problems.finish().0;
        let listed = listed
            .into_iter()
            .map(|p| (p.code, p.line, p.column, p.path))
            .collect();
        (node, listed)
    }

    fn show(node: &Node) -> String {
        match &node.value {
            Value::Null => "null".into(),
            Value::Bool(b) => b.to_string(),
            Value::Number(n) => json_number(n).into_owned(),
            Value::Text(t) => format!("{t:?}"),
            Value::Unusable => "?".into(),
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(show).collect();
                format!("[{}]", items.join(","))
            }
            Value::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|e| format!("{}:{}", e.key, show(&e.value)))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    #[test]
    fn plain_scalars_follow_the_core_schema_and_quoted_ones_are_text() {
        for (text, expected) in [
            (
                "[NO, on, yes, y, 09:00, 2026-01-01]",
                r#"["NO","on","yes","y","09:00","2026-01-01"]"#,
            ),
            (
                "[~, null, Null, NULL, nULL]",
                r#"[null,null,null,null,"nULL"]"#,
            ),
            (
                "[true, True, TRUE, tRUE, false]",
                r#"[true,true,true,"tRUE",false]"#,
            ),
            (
                "[1, +1, -0, 007, 1., .5, -.5e3, 1e9, 1.5E-2]",
                "[1,1,-0,7,1,0.5,-0.5e3,1e9,1.5E-2]",
            ),
            (
                "['1', \"true\", '', \"\\ud83d\\ude00\"]",
                "[\"1\",\"true\",\"\",\"😀\"]",
            ),
            (
                "[1.2.3, 1_000, 1e, +, ., .e1, 0b1, 0o8, 0xg]",
                r#"["1.2.3","1_000","1e","+",".",".e1","0b1","0o8","0xg"]"#,
            ),
            ("a: &x {b: 1}\nc: *x\n", "{a:{b:1},c:{b:1}}"),
            (
                "[!!str 1, !!int '2', !!float '3', !!null '', !!bool 'true', !!seq [], !!map {}]",
                r#"["1",2,3,null,true,[],{}]"#,
            ),
            ("\u{feff}a: |\n  x\n  y\n", "{a:\"x\\ny\\n\"}"),
            ("", "null"),
            ("# nothing\n", "null"),
            (
                r#"{"a": [1, {"b": null}], "c": "\u00e9"}"#,
                "{a:[1,{b:null}],c:\"é\"}",
            ),
        ] {
            let (node, problems) = read_text(text);
            assert_eq!(problems, [], "{text}");
            assert_eq!(node.as_ref().map(show).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_the_tree_cannot_hold_is_reported_where_it_stands() {
        for (text, expected) in [
            (
                "a: 1\nb:\n  c: 2\n  c: 3\na: 4\n",
                vec![
                    ("duplicate_key", 4, 3, "/b/c"),
                    ("duplicate_key", 5, 1, "/a"),
                ],
            ),
            (
                "a: 0x1f\nb: [.inf, .NaN]\n",
                vec![
                    ("unusual_number", 1, 4, "/a"),
                    ("unusual_number", 2, 5, "/b/0"),
                    ("unusual_number", 2, 11, "/b/1"),
                ],
            ),
            ("a: !mine x\n", vec![("unknown_tag", 1, 10, "/a")]),
            ("a: !!int x\n", vec![("unknown_tag", 1, 10, "/a")]),
            (
                "x: &x {a: 1}\ny:\n  <<: *x\n",
                vec![("merge_key", 3, 3, "/y/<<")],
            ),
            ("? [a]\n: 1\n", vec![("invalid_key", 1, 3, "")]),
            (
                "1: a\ntrue: b\n",
                vec![("quote_it", 1, 1, "/1"), ("quote_it", 2, 1, "/true")],
            ),
            ("a: 1\n---\nb: 2\n", vec![("several_documents", 2, 1, "")]),
            ("a: &x [*x]\n", vec![("circular_alias", 1, 8, "/a/0")]),
        ] {
            let (_, problems) = read_text(text);
            let found: Vec<_> = problems
                .iter()
                .map(|(code, line, column, path)| (*code, *line, *column, path.as_str()))
                .collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_one_problem() {
        for (text, code, line) in [
            ("a: [1, 2\nb: 3\n", "syntax", 2),
            ("a:\n\t- b\n", "syntax", 2),
            ("a: 'x\n", "syntax", 1),
            ("a: *nowhere\n", "syntax", 1),
            ("a: b: c\n", "syntax", 1),
            (r#"{"a": "\ud83d"}"#, "syntax", 1),
        ] {
            let (node, problems) = read_text(text);
            assert!(node.is_none(), "{text}");
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert_eq!((problems[0].0, problems[0].1), (code, line), "{text}");
        }
        let mut problems = Problems::default();
        assert!(read(b"a: 1\nb: \xff\n", &mut problems).is_none());
        let problem = problems.finish().0.remove(0);
        assert_eq!(
            (problem.code, problem.line, problem.column),
            ("encoding", 2, 4)
        );
    }

    #[test]
    fn depth_and_alias_bombs_stop_early() {
        let deep = format!("a: {}1{}", "[".repeat(10_000), "]".repeat(10_000));
        let (node, problems) = read_text(&deep);
        assert!(node.is_none());
        assert_eq!(problems.len(), 1);
        assert_eq!((problems[0].0, problems[0].1), ("limit", 1));

        let mut block = String::new();
        for depth in 0..10_000 {
            block.push_str(&" ".repeat(depth));
            block.push_str("a:\n");
        }
        let (node, problems) = read_text(&block);
        assert!(node.is_none());
        assert_eq!(problems[0].0, "limit");

        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..12 {
            let alias = format!("*a{}", i - 1);
            let list = vec![alias; 10].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{list}]\n"));
        }
        let (node, problems) = read_text(&bomb);
        assert!(node.is_none());
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].0, "limit");

        let mut tall = String::from("a0: &a0 [x]\n");
        for i in 1..200 {
            tall.push_str(&format!("a{i}: &a{i} [*a{}]\n", i - 1));
        }
        let (node, problems) = read_text(&tall);
        assert!(node.is_none());
        assert_eq!(problems[0].0, "limit");
    }
}
