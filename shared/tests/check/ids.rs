//! Id lists in files.

use skyful::ids::IdKey;
use skyful::model::Segment;
use skyful::problem::Severity;

use super::faults::spliced;
use super::{listed, run_with};

fn file(path: &str, bytes: &[u8]) -> Result<Vec<u64>, Vec<String>> {
    let text = spliced(&format!("segments: {{s: {{ids: {{file: {path:?}}}}}}}"));
    let checked = run_with(text.as_bytes(), &|asked| {
        assert_eq!(asked, path);
        Ok(bytes.to_vec())
    });
    match checked.workspace {
        Some(workspace) => match &workspace.segments["s"] {
            Segment::Ids(ids) => Ok(ids.clone()),
            Segment::Rule(_) => panic!("an id list"),
        },
        None => {
            let problems = checked.problems.iter().map(|p| p.message.clone());
            assert!(listed(&checked, Severity::Error)[0].contains("/segments/s/ids/file 1"));
            Err(problems.collect())
        }
    }
}

fn hashes(ids: &[&str]) -> Vec<u64> {
    let key = IdKey::of_workspace("w");
    let mut hashes: Vec<u64> = ids.iter().map(|id| key.hash(id)).collect();
    hashes.sort_unstable();
    hashes
}

#[test]
fn one_id_a_line_however_lines_end() {
    let text = "\u{feff}u-1\r\n\n  \r\nu-2\nu-1\n用户";
    let found = file("lists/a.csv", text.as_bytes());
    assert_eq!(found, Ok(hashes(&["u-1", "u-2", "用户"])));
    assert_eq!(file("a", b""), Ok(vec![]));
}

#[test]
fn faulty_lines_are_named() {
    let long = "x".repeat(129);
    let text = [b"u-1\n", long.as_bytes(), b"\n\xff\n"].concat();
    let problems = file("a", &text).expect_err("two faults");
    assert!(problems[0].starts_with("line 2 of `a`"), "{problems:?}");
    assert!(problems[1].starts_with("line 3 of `a`"), "{problems:?}");
    let many = "\u{7f}".repeat(200) + "\n";
    let problems = file("a", many.repeat(1_000).as_bytes()).expect_err("many faults");
    // The twelfth is a warning about something else.
    assert_eq!(problems.len(), 12);
    assert!(problems[10].starts_with("990 more lines"), "{problems:?}");
}

#[test]
fn paths_stay_below_the_document() {
    for path in ["/etc/passwd", "../x", "a/../x", "C:/x", "a\\b", "", "a//b"] {
        let text = spliced(&format!("segments: {{s: {{ids: {{file: {path:?}}}}}}}"));
        let checked = run_with(text.as_bytes(), &|_| panic!("must not be asked"));
        let errors = listed(&checked, Severity::Error);
        assert_eq!(errors, ["invalid_path /segments/s/ids/file 1"], "{path}");
    }
    let text = spliced("segments: {s: {ids: {file: ./a..b}}}");
    let checked = run_with(text.as_bytes(), &|_| Err("no such file".to_owned()));
    let errors = listed(&checked, Severity::Error);
    assert_eq!(errors, ["unreadable_file /segments/s/ids/file 1"]);
}
