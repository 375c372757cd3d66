//! A server of the command line as a process: it can be killed at any instant, and starts again where it listened before.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::Desk;

pub struct Process {
    args: Vec<String>,
    env: Vec<(String, String)>,
    pub address: SocketAddr,
    running: Option<Running>,
}

struct Running {
    child: Child,
    _stdin: ChildStdin,
}

impl Process {
    /// Not running yet.
    pub fn new(args: &[&str]) -> Self {
        Self {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            env: Vec::new(),
            address: ([127, 0, 0, 1], 0).into(),
            running: None,
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// The same, not running yet, at an address of its own.
    pub fn elsewhere(&self) -> Self {
        Self {
            args: self.args.clone(),
            env: self.env.clone(),
            address: ([127, 0, 0, 1], 0).into(),
            running: None,
        }
    }

    /// From its next start on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.push((name.into(), value.into()));
    }

    pub fn without(&mut self, name: &str) {
        self.env.retain(|(held, _)| held != name);
    }

    /// Answers when this returns. What it logs goes to a file in the desk's folder.
    #[track_caller]
    pub fn start(&mut self, desk: &Desk) {
        assert!(self.launch(desk), "{:?} ended at once", self.args);
    }

    /// False: it ended before it could answer.
    pub fn launch(&mut self, desk: &Desk) -> bool {
        let address = self.address.to_string();
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let log = desk.path(&format!("{}.log", args[0]));
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(log);
        let mut child = desk
            .command(
                &[
                    &args[..],
                    &["--listen", &address, "--until-stdin-closes", "--json"],
                ]
                .concat(),
            )
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.expect("a log"))
            .spawn()
            .expect("it runs");
        let stdin = child.stdin.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("a line");
        self.running = Some(Running {
            child,
            _stdin: stdin,
        });
        if line.is_empty() {
            return false;
        }
        let said: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{args:?}: {line:?}"));
        let url = said["url"].as_str().expect("an address");
        let address = url.strip_prefix("http://").expect("HTTP");
        self.address = address.parse().expect("an address");
        true
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn ended(&mut self, within: Duration) -> ExitStatus {
        let since = Instant::now();
        let mut running = self.running.take().expect("it runs");
        loop {
            if let Some(status) = running.child.try_wait().expect("waited") {
                return status;
            }
            assert!(since.elapsed() < within, "{:?} doesn't end", self.args);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// At once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.child.kill().expect("killed");
            running.child.wait().expect("gone");
        }
    }

    pub fn id(&self) -> u32 {
        self.running.as_ref().expect("it runs").child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
