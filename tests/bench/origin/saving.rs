//! A hundred editors who save what is theirs, each as soon as the save before was answered, until so many saves are made: how
//! many a second, how long one takes, how many transactions they share, and what the history that they leave costs others.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::house::{Origin, Person, WALLET, etag, part};
use crate::wire::{Connection, request};

pub const EDITORS: usize = 100;
const LOOKS: usize = 50;

#[derive(Serialize, Deserialize)]
pub struct Figures {
    pub saves: usize,
    pub body_bytes: usize,
    pub per_second: f64,
    /// Of the first and of the last tenth.
    pub first_per_second: f64,
    pub last_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// In which the saves became durable.
    pub transactions: u64,
    pub database_bytes: u64,
    pub lookups: Vec<Lookup>,
}

/// Medians before the saves and after them.
#[derive(Serialize, Deserialize)]
pub struct Lookup {
    pub what: String,
    pub before_ms: f64,
    pub after_ms: f64,
}

pub fn measure(skyful: &str, saves: usize) -> Figures {
    let origin = Origin::new(skyful);
    let mut ada = origin.open();
    // Of something that is hardly ever changed.
    ada.ask(
        "PUT",
        &format!("{WALLET}/modules/quiet"),
        &[("if-none-match", "*")],
        &body(0),
    );
    let before = looks(&mut ada);
    let transactions = written(&origin);
    let ended = Mutex::new(Vec::with_capacity(saves));
    let left = AtomicUsize::new(saves);
    let since = Instant::now();
    thread::scope(|scope| {
        for editor in 0..EDITORS {
            let (mut person, left, ended) = (origin.open(), &left, &ended);
            scope.spawn(move || {
                let own = edit(&mut person, editor, left, since);
                ended.lock().expect("no editor fails").extend(own);
            });
        }
    });
    let mut ended = ended.into_inner().expect("no editor fails");
    ended.sort_by(|one, other| one.0.total_cmp(&other.0));
    let rate = |from: usize, to: usize| {
        let begun = from.checked_sub(1).map_or(0.0, |at| ended[at].0);
        (to - from) as f64 / (ended[to - 1].0 - begun)
    };
    let tenth = ended.len() / 10;
    let (per_second, first_per_second) = (rate(0, ended.len()), rate(0, tenth));
    let last_per_second = rate(ended.len() - tenth, ended.len());
    let mut took: Vec<f64> = ended.iter().map(|(_, ms)| *ms).collect();
    let transactions = written(&origin) - transactions;
    let after = looks(&mut ada);
    let lookups = before.into_iter().zip(after);
    Figures {
        saves: ended.len(),
        body_bytes: body(saves).len(),
        per_second,
        first_per_second,
        last_per_second,
        p50_ms: part(&mut took, 0.5),
        p99_ms: part(&mut took, 0.99),
        transactions,
        database_bytes: std::fs::metadata(origin.folder.path().join("data/skyful.sqlite"))
            .map_or(0, |file| file.len()),
        lookups: lookups
            .map(|((what, before_ms), (_, after_ms))| Lookup {
                what: what.to_owned(),
                before_ms,
                after_ms,
            })
            .collect(),
    }
}

/// When each save was answered, in seconds, and how long it took, in milliseconds.
fn edit(person: &mut Person, editor: usize, left: &AtomicUsize, since: Instant) -> Vec<(f64, f64)> {
    let path = format!("{WALLET}/modules/m{editor}");
    let mut all = Vec::new();
    let mut version: Option<String> = None;
    let one_less = |left: usize| left.checked_sub(1);
    while let Ok(save) = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less) {
        let began = Instant::now();
        let expect = match &version {
            Some(version) => ("if-match", version.as_str()),
            None => ("if-none-match", "*"),
        };
        let answer = person.ask("PUT", &path, &[expect], &body(save));
        version = Some(etag(&answer));
        let took = began.elapsed().as_secs_f64() * 1e3;
        all.push((since.elapsed().as_secs_f64(), took));
    }
    all
}

/// About as much as a module of the sample has.
fn body(save: usize) -> String {
    let text = format!("{save:08} ").repeat(40);
    json!({"type": "banner", "description": text, "default": {"content": {"title": {"en": "Hello", "zh-CN": "你好"}}}})
        .to_string()
}

fn looks(ada: &mut Person) -> Vec<(&'static str, f64)> {
    let paths = [
        ("one object", "/modules/quiet"),
        ("the objects of a section", "/modules"),
        ("the newest changes", "/history"),
        (
            "changes of an object that is often changed",
            "/history?path=modules/m1",
        ),
        (
            "changes of one that hardly ever is",
            "/history?path=modules/quiet",
        ),
        ("the end of the audit log", "/audit"),
        ("what is rare in the audit log", "/audit?action=workspace"),
    ];
    let mut look = |path: &str| {
        let mut took: Vec<f64> = (0..LOOKS)
            .map(|_| {
                let began = Instant::now();
                ada.ask("GET", &format!("{WALLET}{path}"), &[], "");
                began.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        part(&mut took, 0.5)
    };
    paths.map(|(what, path)| (what, look(path))).into()
}

/// Transactions that the origin has committed, as it tells Prometheus.
fn written(origin: &Origin) -> u64 {
    let url = origin.process.metrics.as_deref().expect("metrics");
    let url = url.strip_suffix("/metrics").unwrap_or(url);
    let answer = Connection::open(url).ask(&request("GET", "/metrics", ""));
    let text = String::from_utf8_lossy(&answer.body);
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("skyful_origin_transactions_total "));
    line.and_then(|count| count.parse().ok()).expect("a count")
}
