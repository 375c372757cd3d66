//! A platform in a process of its own, driven by JSON lines: its host says where it listens, takes one
//! command a line and answers each with one line. It ends when its stdin closes.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::platform::{Fault, Platform};

pub struct Process {
    name: String,
    url: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    /// From `name=command with arguments`, to which the settings are added.
    pub fn start(line: &str, settings: &Value) -> Self {
        let (name, command) = line.trim().split_once('=').expect("name=command");
        let mut words = command.split_whitespace();
        let mut child = Command::new(words.next().expect("a command"))
            .args(words)
            .arg(settings.to_string())
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command}: {error}"));
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut process = Self {
            name: name.to_owned(),
            url: String::new(),
            child,
            stdin,
            stdout,
        };
        let said = process_line(&mut process.stdout, name);
        process.take_url(&said);
        process
    }

    pub fn tell(&mut self, command: &Value) -> Value {
        let stdin = self.stdin.as_mut().expect("still open");
        writeln!(stdin, "{command}").expect("the host listens");
        let said = process_line(&mut self.stdout, &self.name);
        assert!(said["error"].is_null(), "{}: {command}: {said}", self.name);
        said
    }

    fn take_url(&mut self, said: &Value) {
        if let Some(url) = said["url"].as_str() {
            self.url = url.to_owned();
        }
    }
}

fn process_line(stdout: &mut impl BufRead, name: &str) -> Value {
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{name} said {line:?}: {error}"))
}

impl Platform for Process {
    fn name(&self) -> &str {
        &self.name
    }

    fn url(&self) -> String {
        self.url.trim_end_matches('/').to_owned()
    }

    fn restart(&mut self) {
        let said = self.tell(&json!({"do": "restart"}));
        self.take_url(&said);
    }

    fn forget(&mut self) {
        let said = self.tell(&json!({"do": "forget"}));
        self.take_url(&said);
    }

    fn fault(&mut self, fault: Fault) {
        self.tell(&json!({"do": "fault", "kind": fault.name()}));
    }

    fn keeps_copy(&self) -> bool {
        // Spin has no store but the one.
        self.name != "spin"
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its end of the pipe is how it knows.
        self.stdin.take();
        _ = self.child.wait();
    }
}
