//! The way from a document to an answer on the sample and on a thousand generated plans, printed as JSON. Medians of
//! repeated runs on one thread. A program of its own: linking the compiler takes minutes, and the one that asks servers
//! doesn't need it. `bench-core pages FOLDER` writes the pages for the benchmark in `request/` instead.

mod compiling;
#[path = "peers/src/draw.rs"]
mod draw;
#[path = "request/pages.rs"]
mod pages;
#[expect(dead_code, reason = "users are asked for by engines only")]
#[path = "peers/src/workload.rs"]
mod workload;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::Value;
use skyful::check::{self, check};
use skyful::compile::compile;
use skyful::context::Context;
use skyful::snapshot::{Chunk, Kind, Object};
use skyful_tests::generate::thousand_plans;
use skyful_tests::product::Product;
use skyful_tests::reader::{self, Files};
use skyful_tests::wallet;

/// What a figure may cost; one that is slow has fewer runs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Of up to so many runs, and of three at least.
fn median(runs: usize, mut work: impl FnMut()) -> Duration {
    let begun = Instant::now();
    let mut times = Vec::with_capacity(runs);
    while times.len() < runs && (times.len() < 3 || begun.elapsed() < PATIENCE) {
        let start = Instant::now();
        work();
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

#[derive(Serialize)]
struct Row {
    what: String,
    ns: u64,
}

fn row(what: &str, time: Duration) -> Row {
    let ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    eprintln!("{what}: {ns} ns");
    Row {
        what: what.to_owned(),
        ns,
    }
}

type ReadFile<'a> = &'a dyn Fn(&str) -> Result<check::IdFile, String>;

fn publishing(name: &str, text: &[u8], read_file: ReadFile<'_>) -> Vec<Row> {
    let options = check::Options {
        now_ms: None,
        read_file,
    };
    let workspace = check(text, &options).workspace.expect("a valid document");
    let snapshot = compile(&workspace, &mut |_, _| {}).expect("it compiles");
    let kilobytes = text.len() / 1_000;
    let checking = row(
        &format!("{name}: check ({kilobytes} kB of text)"),
        median(9, || drop(check(text, &options))),
    );
    let compiling = row(
        &format!("{name}: compile"),
        median(9, || drop(compile(&workspace, &mut |_, _| {}))),
    );
    let pages = snapshot.listing.pages.iter();
    let pages = pages.map(|entry| (entry.chunk, &snapshot.objects[&entry.chunk]));
    let (digest, bytes) = pages.max_by_key(|(_, bytes)| bytes.len()).expect("a page");
    let chunk = Chunk::open(
        bytes.clone(),
        digest,
        &workspace.key,
        Object::decode(bytes).expect("an object").name,
    );
    let page = chunk.expect("a valid chunk");
    let page = page.text(page.meta().page);
    let open = || {
        drop(black_box(Chunk::open(
            bytes.clone(),
            digest,
            &workspace.key,
            page,
        )));
    };
    let kilobytes = bytes.len() / 1_000;
    let opening = row(
        &format!("{name}: open the largest chunk ({kilobytes} kB): copy, hash, check"),
        median(201, open),
    );
    let hashing = row(
        &format!("{name}: of which the hash"),
        median(201, || _ = black_box(Kind::Page.digest(bytes))),
    );
    vec![checking, compiling, opening, hashing]
}

/// The cost of one answer over all contexts, beside walking the document.
fn answering(
    name: &str,
    document: &Value,
    files: &Files,
    contexts: &[(String, String)],
) -> Vec<Row> {
    let mut product = Product::compile(document, files).expect("a valid document");
    let mut all = || {
        for (page, text) in contexts {
            let context = Context::from_json(text.as_bytes()).expect("a context");
            black_box(product.body(page, &context));
        }
    };
    all();
    let ours = row(
        &format!("{name}: one answer, request text to body"),
        median(9, all) / contexts.len() as u32,
    );
    let some = &contexts[..contexts.len().min(40)];
    let slow = median(3, || {
        for (page, text) in some {
            black_box(reader::answer_text(document, files, page, text));
        }
    });
    let reader = row(
        &format!("{name}: the same by the second reader"),
        slow / some.len() as u32,
    );
    vec![ours, reader]
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, folder] = arguments.as_slice()
        && word == "pages"
    {
        return pages::write(Path::new(folder));
    }
    if let [word, name] = arguments.as_slice()
        && word == "document"
    {
        return compiling::write(name);
    }
    if let [word] = arguments.as_slice()
        && word == "compile"
    {
        return compiling::one();
    }
    let text = std::fs::read(wallet::folder().join("wallet.yaml")).expect("the sample");
    let file = |path: &str| {
        let text = std::fs::read(wallet::folder().join(path)).map_err(|e| e.to_string());
        text.map(check::IdFile::Text)
    };
    let mut rows = publishing("sample with 100,000 ids", &text, &file);
    let batch = thousand_plans(20_261_122, 2_000);
    let generated = batch.document.to_string().into_bytes();
    let file = |path: &str| {
        let text = batch.files.get(path);
        text.map(|text| check::IdFile::Text(text.clone().into_bytes()))
            .ok_or_else(String::new)
    };
    rows.extend(publishing("1,000 plans", &generated, &file));
    rows.extend(answering(
        "1,000 plans",
        &batch.document,
        &batch.files,
        &batch.contexts,
    ));
    rows.extend(compiling::all().iter().map(|(what, time)| row(what, *time)));
    println!("{}", serde_json::to_string(&rows).expect("it is JSON"));
}
