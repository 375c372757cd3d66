//! Measures the way from a document to an answer on the sample and on a thousand generated plans, and
//! prints `tests/bench/RESULTS.md`. Medians of repeated runs on one thread.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde_json::Value;
use skyful::check::{self, check};
use skyful::compile::compile;
use skyful::context::Context;
use skyful::snapshot::{Chunk, Kind, Object};
use skyful_tests::generate::thousand_plans;
use skyful_tests::product::Product;
use skyful_tests::reader::{self, Files};
use skyful_tests::wallet;

fn median(runs: usize, mut work: impl FnMut()) -> Duration {
    let time = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    let mut times: Vec<Duration> = (0..runs).map(time).collect();
    times.sort_unstable();
    times[runs / 2]
}

fn row(what: &str, time: Duration) {
    let time = match time.as_nanos() {
        ns if ns < 10_000 => format!("{ns} ns"),
        ns if ns < 10_000_000 => format!("{:.1} µs", ns as f64 / 1e3),
        ns => format!("{:.1} ms", ns as f64 / 1e6),
    };
    println!("| {what} | {time} |");
}

fn publishing(name: &str, text: &[u8], read_file: &dyn Fn(&str) -> Result<Vec<u8>, String>) {
    let options = check::Options {
        now_ms: None,
        read_file,
    };
    let workspace = check(text, &options).workspace.expect("a valid document");
    let snapshot = compile(&workspace, &mut |_, _| {}).expect("it compiles");
    let kilobytes = text.len() / 1_000;
    row(
        &format!("{name}: check ({kilobytes} kB of text)"),
        median(9, || drop(check(text, &options))),
    );
    row(
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
    row(
        &format!("{name}: open the largest chunk ({kilobytes} kB): copy, hash, check"),
        median(201, open),
    );
    row(
        &format!("{name}: of which the hash"),
        median(201, || _ = black_box(Kind::Page.digest(bytes))),
    );
}

/// The cost of one answer over all contexts, beside walking the document.
fn answering(name: &str, document: &Value, files: &Files, contexts: &[(String, String)]) {
    let mut product = Product::compile(document, files).expect("a valid document");
    let mut all = || {
        for (page, text) in contexts {
            let context = Context::from_json(text.as_bytes()).expect("a context");
            black_box(product.body(page, &context));
        }
    };
    all();
    row(
        &format!("{name}: one answer, request text to body"),
        median(9, all) / contexts.len() as u32,
    );
    let some = &contexts[..contexts.len().min(200)];
    let slow = median(3, || {
        for (page, text) in some {
            black_box(reader::answer_text(document, files, page, text));
        }
    });
    row(
        &format!("{name}: the same by the second reader"),
        slow / some.len() as u32,
    );
}

fn main() {
    println!("# Results\n");
    println!(
        "Written by `make bench`: release build, one thread. Compare rows with each other, not with other machines."
    );
    println!("Matching is a plain scan over compiled plans: there is no index yet.\n");
    println!("| what | median |\n|---|---|");
    let text = std::fs::read(wallet::folder().join("wallet.yaml")).expect("the sample");
    let file = |path: &str| std::fs::read(wallet::folder().join(path)).map_err(|e| e.to_string());
    publishing("sample with 100,000 ids", &text, &file);
    let batch = thousand_plans(20_261_122, 2_000);
    let generated = batch.document.to_string().into_bytes();
    let file = |path: &str| {
        batch
            .files
            .get(path)
            .map(|text| text.clone().into_bytes())
            .ok_or_else(String::new)
    };
    publishing("1,000 plans", &generated, &file);
    answering(
        "1,000 plans",
        &batch.document,
        &batch.files,
        &batch.contexts,
    );
}
