//! A server in a process of its own: says where it listens by a line of JSON, takes commands as lines, ends when its stdin
//! closes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

pub fn root() -> PathBuf {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    fs::canonicalize(root).expect("the repository")
}

pub struct Host {
    command: Vec<String>,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pub url: String,
}

impl Host {
    pub fn start(command: &[String]) -> Self {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command[0]));
        let mut host = Self {
            command: command.to_vec(),
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().expect("a pipe")),
            child,
            url: String::new(),
        };
        host.listen();
        host
    }

    fn listen(&mut self) -> Value {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{:?} said {line:?}: {error}", self.command));
        assert!(said["error"].is_null(), "{:?}: {said}", self.command);
        if let Some(url) = said["url"].as_str() {
            self.url = url.to_owned();
        }
        said
    }

    pub fn tell(&mut self, command: &Value) -> Value {
        let stdin = self.stdin.as_mut().expect("still open");
        writeln!(stdin, "{command}").expect("the host listens");
        self.listen()
    }

    /// A fresh isolate or instance on the same store; `forget`: without the edge's own copies.
    pub fn restart(&mut self, forget: bool) {
        self.tell(&json!({"do": "restart", "forget": forget}));
    }

    /// Ends the process and starts it again.
    pub fn start_anew(&mut self) {
        self.end();
        *self = Self::start(&self.command.clone());
    }

    fn end(&mut self) {
        // Its end of the pipe is how it knows.
        self.stdin.take();
        _ = self.child.wait();
    }

    /// Milliseconds of processor time so far, with those of the processes that it started.
    pub fn cpu_ms(&self) -> f64 {
        let mut parents = BTreeMap::new();
        for entry in fs::read_dir("/proc").expect("/proc").flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
                continue;
            };
            // The name in parentheses may hold spaces.
            let fields: Vec<u64> = stat
                .rsplit_once(')')
                .map_or("", |(_, rest)| rest)
                .split_whitespace()
                .map(|field| field.parse().unwrap_or(0))
                .collect();
            parents.insert(pid, (fields[1] as u32, fields[11] + fields[12]));
        }
        let ours = |mut pid: u32| loop {
            if pid == self.child.id() {
                return true;
            }
            match parents.get(&pid) {
                Some((parent, _)) => pid = *parent,
                None => return false,
            }
        };
        let all = parents.iter().filter(|(pid, _)| ours(**pid));
        let ticks: u64 = all.map(|(_, (_, ticks))| ticks).sum();
        // USER_HZ is 100 on every Linux that is in use.
        ticks as f64 * 10.0
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.end();
    }
}
