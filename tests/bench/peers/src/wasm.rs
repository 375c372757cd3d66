//! Our own engine in Wasm runtimes, on a page of 20 × 50: the module gets what the native one has, must answer the same
//! bytes, and is timed by its host.

use std::fs;
use std::process::Command;

use serde::Deserialize;

use crate::ours;
use crate::results::WasmRow;
use crate::workload::Workload;

#[derive(Deserialize)]
struct Figures {
    match_ns: f64,
    whole_ns: f64,
    cold_ns: f64,
    hash_ns: f64,
}

/// `host` is the program with wasmtime, if it was built.
pub fn measure(wasm: &str, host: Option<&str>, skew: &str, workload: &Workload) -> Vec<WasmRow> {
    let folder = std::env::temp_dir().join(format!("skyful-peers-wasm-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    let (input, bodies) = ours::for_wasm(workload).expect("a page of 20 × 50 compiles");
    let files = [folder.join("input"), folder.join("bodies")];
    fs::write(&files[0], input).expect("the input is written");
    fs::write(&files[1], bodies).expect("the bodies are written");
    let mut node = Command::new("node");
    node.arg(crate::node::folder().join("wasm.mjs"));
    let mut runtimes = vec![("V8 (Node)", node)];
    if let Some(host) = host {
        runtimes.push(("wasmtime 48", Command::new(host)));
    }
    let rows = runtimes.into_iter().map(|(runtime, mut command)| {
        let output = command.arg(wasm).args(&files).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{runtime}: {said}");
        let figures: Figures = serde_json::from_slice(&output.stdout).expect("figures");
        eprintln!("  Wasm in {runtime}: {:.0} ns", figures.match_ns);
        WasmRow {
            runtime: runtime.to_owned(),
            skew: skew.to_owned(),
            match_ns: figures.match_ns,
            whole_ns: figures.whole_ns,
            cold_ns: figures.cold_ns,
            hash_ns: figures.hash_ns,
        }
    });
    let rows = rows.collect();
    fs::remove_dir_all(&folder).expect("the folder is there");
    rows
}
