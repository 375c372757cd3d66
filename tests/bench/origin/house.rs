//! An origin and an edge as processes, and somebody who is signed in.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::{Value, json};

use crate::wire::{Answer, Connection};

pub const WALLET: &str = "/api/v1/workspaces/wallet";
pub const DEV: &str = "/api/v1/workspaces/wallet/environments/dev";

/// A process that says where it listens, and ends when its stdin closes.
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    pub url: String,
    /// Of its metrics, where it has any.
    pub metrics: Option<String>,
}

impl Process {
    pub fn start(skyful: &str, folder: &Path, args: &[&str]) -> Self {
        let log = File::create(folder.join(format!("{}.log", args[0]))).expect("a log");
        let mut child = Command::new(fs::canonicalize(skyful).expect("the program"))
            .args(args)
            .args(["--listen", "127.0.0.1:0", "--until-stdin-closes", "--json"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("it runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        let text = |name: &str| said[name].as_str().map(str::to_owned);
        Self {
            stdin: child.stdin.take(),
            child,
            url: text("url").expect("an address"),
            metrics: text("metrics"),
        }
    }

    pub fn end(&mut self) {
        self.stdin.take();
        _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// An origin with its first user, the workspace `wallet` and its environments.
pub struct Origin {
    skyful: String,
    pub folder: tempfile::TempDir,
    pub process: Process,
    cookie: String,
}

impl Origin {
    pub fn new(skyful: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let process = serve(skyful, folder.path());
        let log = fs::read_to_string(folder.path().join("serve.log")).expect("a log");
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let code = lines
            .filter_map(|line: Value| line["code"].as_str().map(str::to_owned))
            .next();
        let setup = json!({"code": code.expect("nobody is known yet"), "email": "ada@example.com", "name": "Ada",
            "password": "correct horse battery staple", "workspace": {"key": "wallet", "name": "Wallet"}});
        let mut origin = Self {
            skyful: skyful.to_owned(),
            folder,
            process,
            cookie: String::new(),
        };
        let answer = origin
            .open()
            .ask("POST", "/api/v1/setup", &[], &setup.to_string());
        let set = answer.header("set-cookie").expect("a session");
        let cookie = set.split(';').next().unwrap_or_default().to_owned();
        origin.cookie = cookie;
        origin
    }

    /// Ends as it is asked to, and comes back with nothing in memory.
    pub fn start_anew(&mut self) {
        self.process.end();
        self.process = serve(&self.skyful, self.folder.path());
    }

    /// A connection of its own.
    pub fn open(&self) -> Person {
        Person {
            connection: Connection::open(&self.process.url),
            url: self.process.url.clone(),
            cookie: self.cookie.clone(),
        }
    }

    /// An edge of `dev`, which it pushes to.
    pub fn edge(&self) -> Process {
        let mut ada = self.open();
        let key = ada.ask("POST", &format!("{DEV}/keys"), &[], "");
        let id = parsed(&key)["id"].as_str().expect("a name").to_owned();
        ada.ask("POST", &format!("{DEV}/keys/{id}/activate"), &[], "{}");
        let keys = parsed(&ada.ask("GET", &format!("{DEV}/keys"), &[], ""));
        let trust = keys["trust"].as_str().expect("keys");
        let args = [
            "edge",
            "--store",
            "store",
            "--workspace",
            "wallet",
            "--env",
            "dev",
            "--trust",
            trust,
        ];
        let edge = Process::start(&self.skyful, self.folder.path(), &args);
        let target = json!({"settings": {"kind": "edge", "url": edge.url}}).to_string();
        let none = [("if-none-match", "*")];
        ada.ask("PUT", &format!("{DEV}/targets/here"), &none, &target);
        edge
    }
}

fn serve(skyful: &str, folder: &Path) -> Process {
    let args = [
        "serve",
        "--data",
        "data",
        "--log-format",
        "json",
        "--metrics",
        "127.0.0.1:0",
    ];
    Process::start(skyful, folder, &args)
}

/// Somebody who is signed in, on one connection.
pub struct Person {
    connection: Connection,
    url: String,
    cookie: String,
}

impl Person {
    /// What must succeed.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let host = self.url.trim_start_matches("http://");
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: {}\r\nx-skyful: 1\r\n",
            self.url
        );
        text += &format!(
            "cookie: {}\r\ncontent-length: {}\r\n",
            self.cookie,
            body.len()
        );
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        let answer = self.connection.ask(format!("{text}\r\n{body}").as_bytes());
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        assert!(
            answer.status < 300,
            "{method} {path}: {} {}",
            answer.status,
            said()
        );
        answer
    }
}

pub fn parsed(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

pub fn etag(answer: &Answer) -> String {
    answer.header("etag").expect("a version").to_owned()
}

/// The value that so much of all are below.
pub fn part(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[(last as f64 * part).round() as usize]
}
