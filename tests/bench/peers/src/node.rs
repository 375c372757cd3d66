//! The peers that run in Node: a program of theirs gets the workload as JSON, and answers with figures and winners.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::results::Figures;
use crate::run::{Ledger, Patience};
use crate::workload::{NOBODY, Workload};

pub struct Script {
    pub name: &'static str,
    pub file: &'static str,
    pub notes: &'static str,
}

pub const SCRIPTS: [Script; 2] = [
    Script {
        name: "GrowthBook JS 1",
        file: "growthbook.mjs",
        notes: "in Node: `GrowthBookClient.evalFeature`, production mode; versions by `$vgte`",
    },
    Script {
        name: "flagd-core JS 4",
        file: "flagd.mjs",
        notes: "in Node: `resolveStringEvaluation` on its compiled targeting, with a logger that does nothing",
    },
];

#[derive(Deserialize)]
struct Answer {
    load_ns: f64,
    cold_ns: f64,
    context_ns: f64,
    evaluation_ns: f64,
    users_timed: usize,
    bytes: usize,
    /// Of the first users; -1 is nobody.
    winners: Vec<Vec<i64>>,
}

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("node")
}

/// An error says why there are no figures. Panics if an answer is wrong.
pub fn measure(
    script: &Script,
    workload: &Workload,
    reference: &[Vec<u32>],
    patience: &Patience,
    ledger: &mut Ledger,
) -> Result<Figures, String> {
    let plans = workload.shape.modules * workload.shape.plans;
    ledger.allow(plans, patience)?;
    let name = format!("skyful-peers-{}.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    fs::write(&path, workload.to_json().to_string()).expect("the workload is written");
    let millis = |time: Duration| time.min(Duration::from_secs(3_600)).as_millis().to_string();
    let mut command = Command::new("node");
    command
        .args(["--max-old-space-size=8192", "--stack-size=4000"])
        .arg(folder().join(script.file))
        .arg(&path)
        .args([millis(patience.timing), millis(patience.checking)])
        .env("NODE_ENV", "production");
    let output = finished(command, patience.loading);
    fs::remove_file(&path).expect("the workload is there");
    let Some(output) = output else {
        let secs = patience.loading.as_secs();
        ledger.record(plans, patience.loading);
        return Err(format!("skipped: not through after {secs} s"));
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let line = said.lines().find(|line| line.contains("Error"));
        return Err(format!(
            "failed: {}",
            line.unwrap_or("without a word").trim()
        ));
    }
    let answer: Answer = serde_json::from_slice(&output.stdout).expect("figures");
    ledger.record(plans, Duration::from_nanos(answer.load_ns as u64));
    for (user, (given, expected)) in answer.winners.iter().zip(reference).enumerate() {
        let given: Vec<u32> = given
            .iter()
            .map(|plan| u32::try_from(*plan).unwrap_or(NOBODY))
            .collect();
        assert!(
            given == *expected,
            "{}: user {user} gets {given:?}, not {expected:?}",
            script.name
        );
    }
    Ok(Figures {
        evaluation_ns: answer.evaluation_ns,
        users_timed: answer.users_timed,
        users_checked: answer.winners.len(),
        context_ns: answer.context_ns,
        load_ns: answer.load_ns,
        cold_ns: answer.cold_ns,
        bytes: answer.bytes,
    })
}

/// None: it took too long, and was ended.
fn finished(mut command: Command, patience: Duration) -> Option<Output> {
    let begun = Instant::now();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("node starts");
    // What it says is more than a pipe holds.
    let listen = |mut pipe: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut said = Vec::new();
            pipe.read_to_end(&mut said).map(|_| said)
        })
    };
    let stdout = listen(Box::new(child.stdout.take().expect("a pipe")));
    let stderr = listen(Box::new(child.stderr.take().expect("a pipe")));
    let status = loop {
        if let Some(status) = child.try_wait().expect("it was started") {
            break status;
        }
        if begun.elapsed() > patience {
            child.kill().expect("it still runs");
            child.wait().expect("it was started");
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let said = |thread: thread::JoinHandle<std::io::Result<Vec<u8>>>| {
        let said = thread.join().expect("a listener");
        said.expect("it could be heard")
    };
    Some(Output {
        status,
        stdout: said(stdout),
        stderr: said(stderr),
    })
}
