//! Problems of a document as a person wants to read them: what, where, the line itself, and what
//! would be right; or as JSON for programs.

use std::path::Path;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::json;
use skyful::problem::{Problem, Severity};

use crate::document::Document;
use crate::failure::{FAULT, Failure};
use crate::output;

/// Tells people about every problem, on stderr.
pub fn problems(document: &Document) {
    listed(&document.checked.problems, &document.path, &document.text);
    let more = document.checked.suppressed;
    if more != 0 {
        output::say(&format!(
            "… and {} not shown",
            output::count(more, "problem")
        ));
    }
    if document.errors() + document.warnings() != 0 {
        output::say(&summary(document));
    }
}

/// The same of problems by themselves, with the lines of the text that they are in.
pub fn listed(problems: &[Problem], path: &Path, text: &[u8]) {
    let path = path.display().to_string();
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    for problem in problems {
        output::say(&render(problem, &path, &lines));
        output::say("");
    }
}

/// `3 errors, 1 warning`.
pub fn summary(document: &Document) -> String {
    let errors = output::count(document.errors(), "error");
    match document.warnings() {
        0 => errors,
        warnings => format!("{errors}, {}", output::count(warnings, "warning")),
    }
}

/// The same for programs.
pub fn as_json(document: &Document) -> serde_json::Value {
    json!({
        "problems": document.checked.problems,
        "errors": document.errors(),
        "warnings": document.warnings(),
        "suppressed": document.checked.suppressed,
    })
}

/// What a command that needs a sound document says when it isn't.
pub fn refuse(document: &Document, json: bool) -> Result<Failure, Failure> {
    if json {
        output::json(&as_json(document))?;
    } else {
        problems(document);
    }
    Ok(Failure::said(FAULT))
}

fn render(problem: &Problem, path: &str, lines: &[&str]) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(problem.message.as_str())
        .id(problem.code);
    let line = usize::try_from(problem.line)
        .ok()
        .and_then(|line| line.checked_sub(1))
        .and_then(|line| lines.get(line));
    let group = match line {
        Some(line) => Group::with_title(title).element(
            Snippet::source(*line)
                .line_start(problem.line as usize)
                .path(path)
                .annotation(
                    AnnotationKind::Primary
                        .span(span(line, problem.column))
                        .label(pointer(problem)),
                ),
        ),
        None => {
            let place = format!("{path} {}", pointer(problem));
            Group::with_title(title).element(Origin::path(place.trim_end().to_owned()))
        }
    };
    let group = match &problem.hint {
        Some(hint) => group.element(Level::HELP.message(hint.as_str())),
        None => group,
    };
    Renderer::styled()
        .decor_style(DecorStyle::Ascii)
        .render(&[group])
}

/// Where in the document's tree.
fn pointer(problem: &Problem) -> String {
    match problem.path.as_str() {
        "" => String::new(),
        path => format!("({path})"),
    }
}

/// The bytes of a line that are meant: from a column to the end of the scalar that begins there.
fn span(line: &str, column: u32) -> core::ops::Range<usize> {
    let skip = (column as usize).saturating_sub(1);
    let start = line
        .char_indices()
        .nth(skip)
        .map_or(line.len(), |(at, _)| at);
    let rest = line.get(start..).unwrap_or("");
    let len = match rest.chars().next() {
        Some(quote @ ('"' | '\'')) => rest
            .get(1..)
            .and_then(|inner| inner.find(quote))
            .map_or(rest.len(), |end| end + 2),
        Some('{' | '[') => 1,
        _ => rest
            .find([',', '}', ']', '#'])
            .or_else(|| rest.find(": "))
            .map_or(rest.len(), |end| end),
    };
    let meant = rest.get(..len).unwrap_or(rest);
    let meant = meant.split(": ").next().unwrap_or(meant).trim_end();
    let meant = meant.strip_suffix(':').unwrap_or(meant);
    start..start + meant.len().max(usize::from(start < line.len()))
}

#[cfg(test)]
mod tests {
    use super::span;

    fn marked(line: &str, column: u32) -> &str {
        line.get(span(line, column)).expect("within the line")
    }

    #[test]
    fn a_span_covers_the_scalar_at_its_column() {
        assert_eq!(marked("rule: {attr: age, op: is, value: 60}", 23), "is");
        assert_eq!(marked("  plans:", 3), "plans");
        assert_eq!(marked("  title: 长辈版   # old", 10), "长辈版");
        assert_eq!(marked("  from: \"2026-11, 01\"", 9), "\"2026-11, 01\"");
        assert_eq!(marked("- {a: 1}", 3), "{");
        assert_eq!(span("abc", 9), 3..3);
    }
}
