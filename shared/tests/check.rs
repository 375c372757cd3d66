//! The check as its users meet it: documents in, problems out.
#![cfg(feature = "compile")]

#[path = "check/faults.rs"]
mod faults;
#[path = "check/ids.rs"]
mod ids;
#[path = "check/mutations.rs"]
mod mutations;
#[path = "check/scenes.rs"]
mod scenes;
#[path = "check/shapes.rs"]
mod shapes;
#[path = "check/size.rs"]
mod size;
#[path = "check/valid.rs"]
mod valid;
#[path = "check/warnings.rs"]
mod warnings;

use skyful::check::{Checked, IdFile, Options, check};
use skyful::problem::Severity;

/// 2026-11-22T00:00:00Z.
const NOW_MS: i64 = 1_795_305_600_000;

/// The example of the documentation, completed so that everything it names exists.
const EXAMPLE: &str = include_str!("check/example.yaml");

fn run(text: &[u8]) -> Checked {
    run_with(text, &|path| match path {
        "payday.csv" => Ok(b"u-1\r\nu-2\n\nu-1\n".to_vec()),
        _ => Err("no such file".to_owned()),
    })
}

fn run_with(text: &[u8], read_file: &dyn Fn(&str) -> Result<Vec<u8>, String>) -> Checked {
    let options = Options {
        now_ms: Some(NOW_MS),
        read_file: &|path| read_file(path).map(IdFile::Text),
    };
    let checked = check(text, &options);
    let errors = checked
        .problems
        .iter()
        .filter(|p| p.severity == Severity::Error);
    assert_eq!(checked.workspace.is_some(), errors.count() == 0);
    for problem in &checked.problems {
        assert!(!problem.message.is_empty() && problem.line > 0 || problem.code == "limit");
        assert!(
            problem
                .code
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'_')
        );
    }
    checked
}

/// `code path line`, in order, of one severity.
fn listed(checked: &Checked, severity: Severity) -> Vec<String> {
    let problems = checked.problems.iter().filter(|p| p.severity == severity);
    problems
        .map(|p| format!("{} {} {}", p.code, p.path, p.line))
        .collect()
}
