//! Conformance vectors: reading `tests/spec/*.json`, and comparing what they expect with an answer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::reader::Files;

mod query;

pub use query::context_of_query;

/// One file of vectors.
pub struct Topic {
    /// The file's name without its folder.
    pub file: String,
    pub topic: String,
    pub vectors: Vec<Vector>,
}

pub struct Vector {
    pub name: String,
    pub ask: Ask,
    pub expect: Value,
}

pub enum Ask {
    Resolve(Resolve),
    Bucket { unit: String, salt: String },
}

pub struct Resolve {
    pub document: Value,
    pub files: Files,
    pub page: String,
    /// The context as written, so that number literals survive; made from `query` where that is given.
    pub context_text: String,
    pub query: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileText {
    topic: String,
    document: Option<Value>,
    #[serde(default)]
    documents: BTreeMap<String, Value>,
    #[serde(default)]
    files: Files,
    cases: Vec<CaseText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseText {
    name: String,
    document: Option<String>,
    context: Option<Box<RawValue>>,
    page: Option<String>,
    query: Option<String>,
    now: Option<String>,
    bucket: Option<BucketText>,
    expect: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BucketText {
    unit: String,
    salt: String,
}

/// The folder of this repository that holds the vectors.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("spec")
}

/// Every file of vectors in a folder, by name. Panics on a file that can't be read, saying which.
pub fn load(folder: &Path) -> Vec<Topic> {
    let entries = std::fs::read_dir(folder).expect("the folder of the vectors");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    paths.sort();
    paths.iter().map(|path| topic(path)).collect()
}

fn topic(path: &Path) -> Topic {
    let name = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut file: FileText =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let cases = std::mem::take(&mut file.cases);
    let vectors = cases.into_iter().map(|case| {
        let label = format!("{name}: {}", case.name);
        vector(&file, case).unwrap_or_else(|why| panic!("{label}: {why}"))
    });
    Topic {
        vectors: vectors.collect(),
        topic: file.topic,
        file: name,
    }
}

fn vector(file: &FileText, case: CaseText) -> Result<Vector, String> {
    let ask = match case.bucket {
        Some(BucketText { unit, salt }) => Ask::Bucket { unit, salt },
        None => Ask::Resolve(resolve(file, &case)?),
    };
    Ok(Vector {
        name: case.name,
        ask,
        expect: case.expect,
    })
}

fn resolve(file: &FileText, case: &CaseText) -> Result<Resolve, String> {
    let document = match &case.document {
        Some(name) => file.documents.get(name),
        None => file.document.as_ref(),
    };
    let document = document.ok_or("no such document")?.clone();
    let (page, context_text) = match (&case.context, &case.query) {
        (Some(context), None) => {
            let fields: BTreeMap<String, &RawValue> =
                serde_json::from_str(context.get()).map_err(|error| error.to_string())?;
            let page = fields
                .get("page")
                .and_then(|page| serde_json::from_str(page.get()).ok());
            (page.or(case.page.clone()), context.get().to_owned())
        }
        (None, Some(query)) => {
            let now = case.now.as_ref().ok_or("a query needs `now`")?;
            (case.page.clone(), context_of_query(&document, query, now))
        }
        _ => return Err("either `context` or `query`".to_owned()),
    };
    Ok(Resolve {
        page: page.ok_or("no page")?,
        document,
        files: file.files.clone(),
        context_text,
        query: case.query.clone(),
    })
}

/// Whether an answer has all that is expected: at least the fields of an object, exactly the elements
/// of a list, an equal scalar. `release` and `receipt` are never compared.
pub fn matches(expect: &Value, answer: &Value) -> Result<(), String> {
    match expect.as_object() {
        Some(fields) => fields
            .iter()
            .filter(|(name, _)| !["release", "receipt"].contains(&name.as_str()))
            .try_for_each(|(name, expected)| field("$", name, expected, answer)),
        None => at("$", expect, answer),
    }
}

fn at(path: &str, expected: &Value, found: &Value) -> Result<(), String> {
    let differs = |what: &str| {
        Err(format!(
            "at {path}: {what}\n  expected {expected}\n  found    {found}"
        ))
    };
    match (expected, found) {
        (Value::Object(fields), Value::Object(_)) => fields
            .iter()
            .try_for_each(|(name, expected)| field(path, name, expected, found)),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => expected
            .iter()
            .zip(found)
            .enumerate()
            .try_for_each(|(index, (expected, found))| {
                at(&format!("{path}[{index}]"), expected, found)
            }),
        (Value::Array(expected), Value::Array(found)) => differs(&format!(
            "{} elements instead of {}",
            found.len(),
            expected.len()
        )),
        // JSON knows one kind of number: 1 and 1.0 are the same.
        (Value::Number(a), Value::Number(b)) if a == b || a.as_f64() == b.as_f64() => Ok(()),
        _ if expected == found => Ok(()),
        _ => differs("another value"),
    }
}

fn field(path: &str, name: &str, expected: &Value, object: &Value) -> Result<(), String> {
    let path = format!("{path}.{name}");
    match object.get(name) {
        Some(found) => at(&path, expected, found),
        None => Err(format!(
            "at {path}: no such field\n  expected {expected}\n  in       {object}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_of_an_answer_matches() {
        let answer = json!({"plan": "a", "modules": [{"module": "m", "content": {"n": 1}}], "valid_until": null});
        for expect in [
            json!({}),
            json!({"plan": "a", "receipt": "x", "release": {}}),
            json!({"modules": [{"content": {"n": 1.0}}]}),
            json!({"valid_until": null}),
        ] {
            assert_eq!(matches(&expect, &answer), Ok(()));
        }
    }

    #[test]
    fn a_difference_is_named_by_its_path() {
        let answer = json!({"modules": [{"module": "m"}]});
        let why = |expect: Value| matches(&expect, &answer).expect_err("a difference");
        assert!(
            why(json!({"modules": [{"module": "n"}]}))
                .starts_with("at $.modules[0].module: another")
        );
        assert!(why(json!({"modules": []})).starts_with("at $.modules: 1 elements instead of 0"));
        assert!(why(json!({"plan": null})).starts_with("at $.plan: no such field"));
    }
}
